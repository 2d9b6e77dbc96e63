// Run a WASI program in V8; prints the CPU seconds of its run on standard error.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const wasi = new WASI({ version: 'preview1', returnOnExit: true });
const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const instance = new WebAssembly.Instance(module, wasi.getImportObject());
const before = process.cpuUsage();
const status = wasi.start(instance);
const used = process.cpuUsage(before);
if (status) process.exit(status);
process.stderr.write(`${(used.user + used.system) / 1e6}\n`);
