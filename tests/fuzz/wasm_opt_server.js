// node wasm_opt_server.js WASM_OPT: many runs of npm's wasm-opt in one process, which saves most of what a run costs.
// Each line of input is a JSON array of arguments; each is answered by a line that ends in the exit status.
'use strict';
const fs = require('fs');
const readline = require('readline');
const vm = require('vm');

const file = process.argv[2];
const source = fs.readFileSync(file, 'utf8').replace(/^#!.*/, '');
const main = new vm.Script(`(function(Module,require,process,__filename,__dirname){${source}\n})`, {filename: file})
  .runInThisContext();

// The program is the same each time: compile it once.
const instantiate = WebAssembly.instantiate;
let compiled = null;
WebAssembly.instantiate = async (binary, imports) => {
  compiled = compiled || await WebAssembly.compile(binary);
  return {instance: await instantiate(compiled, imports), module: compiled};
};

function run(args) {
  return new Promise((resolve) => {
    const guest = new Proxy(process, {
      get(target, key) {
        if (key === 'argv') return ['node', file, ...args];
        if (key === 'on') return () => {};
        if (key === 'exit') return (status) => { resolve(status); throw new Error(`exit ${status}`); };
        const found = target[key];
        return typeof found === 'function' ? found.bind(target) : found;
      },
      set(target, key, value) {
        if (key === 'exitCode') setImmediate(() => resolve(value));
        else target[key] = value;
        return true;
      },
    });
    try {
      main({arguments: args, thisProgram: file, print() {}, printErr() {}}, require, guest, file, __dirname);
    } catch (error) {
      resolve(-1);
    }
  });
}

process.on('unhandledRejection', () => {});
(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    process.stdout.write(`\nwasm-opt exit status: ${await run(JSON.parse(line))}\n`);
  }
})();
