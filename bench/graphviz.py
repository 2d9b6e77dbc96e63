"""A large C++ program that throws: Graphviz as npm packages it, once with exceptions as they are in WebAssembly 3.0 and
once, in an older version, with the instructions that went before. Each draws graphs, and reports errors in them by
exceptions; results must be those of node, byte by byte.

The modules are made by emscripten for use from JavaScript. The part of its glue that they need here, which is how C++
classes are called and memory grows, is done in Python; one function of it throws a wasm exception.

python bench/graphviz.py     fetches the packages with `npm pack`; needs node
"""

from __future__ import annotations

import argparse
import json
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aot
from aot.build import BuildOptions, compile_to_file


@dataclass(frozen=True, slots=True)
class Release:
    """A version of the package, and what its module calls the functions that matter (its names are single letters)."""

    version: str
    exceptions: str
    throw: str
    resize: str
    constructor: str
    method: str
    static: str
    write: str


RELEASES = (
    Release("1.29.2", "new", "t", "u", "e", "a", "k", "O"),
    Release("1.21.2", "legacy", "i", "D", "p", "d", "l", "m"),
)
MEMORY, START, ALLOCATE, FREE, TABLE, TAG = "R", "S", "U", "V", "W", "da"
"""The same in both."""

NODE = """import fs from 'fs';
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = (bytes, imports) => {
  fs.writeFileSync('m.wasm', bytes); return instantiate(bytes, imports); };
const { Graphviz } = await import('./package/dist/index.js');
const graphviz = await Graphviz.load();
const draw = (dot, engine) => {
  try { return graphviz.layout(dot, 'svg', engine); } catch (error) { return 'error: ' + error.message; } };
const jobs = JSON.parse(fs.readFileSync('jobs.json'));
fs.writeFileSync('out.json', JSON.stringify(jobs.map(([dot, engine]) => draw(dot, engine))));
"""


def jobs() -> list[tuple[str, str]]:
    """(graph, layout engine); some of the graphs are not well-formed."""
    ring = "; ".join(f"n{i} -> n{(i * 7 + 3) % 60}; n{i} -> n{i + 1}" for i in range(60))
    table = 'digraph { t [shape=none label=<<table><tr><td port="p">x &amp; y</td><td>z</td></tr></table>>]; t:p -> u }'
    records = 'graph { a [shape=record label="{<f0> left|<f1> right}"]; a:f0 -- b; a:f1 -- c [style=dotted] }'
    return [
        ("digraph { a -> b -> c; a -> c }", "dot"),
        (f"digraph {{ {ring} }}", "dot"),
        (f"digraph {{ {ring} }}", "neato"),
        (f"digraph {{ {ring} }}", "circo"),
        (table, "dot"),
        (records, "dot"),
        ("digraph { a -> ", "dot"),
        ("digraph { subgraph cluster_a { b } a -> b }", "no such engine"),
        ("digraph { a [label=<<b>unclosed>] }", "dot"),
        ("graph { a -- b }", "dot"),
    ]


def unpack(release: Release, folder: Path) -> tuple[bytes, list[str]]:
    """The module, and what node gets out of it."""
    name = f"@hpcc-js/wasm-graphviz@{release.version}"
    subprocess.run(["npm", "pack", "--silent", name], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["tar", "xzf", next(folder.glob("*.tgz")).name], cwd=folder, check=True)
    (folder / "run.mjs").write_text(NODE)
    (folder / "jobs.json").write_text(json.dumps(jobs()))
    subprocess.run(["node", "run.mjs"], cwd=folder, check=True)
    return (folder / "m.wasm").read_bytes(), json.loads((folder / "out.json").read_text())


@dataclass(slots=True)
class Glue:
    """What the module imports: most of it has nothing to do here and returns 0."""

    release: Release
    instance: aot.Instance = field(init=False)
    functions: dict[tuple[int, str, int], tuple[int, int]] = field(default_factory=dict)
    """Class, name and number of types in the signature -> indices in the table: what to call, its first argument."""
    thrown: int = 0
    full: bool = False
    """The memory is to stay as large as it is."""

    def text(self, address: int) -> str:
        data = bytes(memoryview(self.instance.exports[MEMORY])[address : address + 4096])
        return data[: data.index(0)].decode()

    def throw(self, exception: int) -> None:
        self.thrown += 1
        raise aot.WasmException(self.instance.exports[TAG], (exception,))

    def resize(self, wanted: int) -> int:
        memory = self.instance.exports[MEMORY]
        if self.full:
            return 0
        return int(memory.grow((wanted - len(memoryview(memory)) + 0xFFFF) >> 16) >= 0)

    def constructor(self, kind: int, n: int, types: int, signature: int, invoker: int, function: int) -> None:
        self.functions[kind, "", n] = (invoker, function)

    def method(self, kind: int, name: int, n: int, types: int, signature: int, invoker: int, *rest: int) -> None:
        self.functions[kind, self.text(name), n] = (invoker, rest[0])

    static = method

    def write(self, fd: int, vectors: int, n: int, written: int) -> int:
        """What the program prints goes nowhere."""
        memory = memoryview(self.instance.exports[MEMORY])
        sizes = struct.unpack_from(f"<{2 * n}I", memory, vectors)[1::2]
        struct.pack_into("<I", memory, written, sum(sizes))
        return 0

    def function(self, name: str) -> Callable[..., Any]:
        known = {
            getattr(self.release, attribute): getattr(self, attribute)
            for attribute in ("throw", "resize", "constructor", "method", "static", "write")
        }
        return known.get(name, lambda *args: 0)


class Graphviz:
    """The program in a fresh instance."""

    def __init__(self, module: aot.Module, release: Release) -> None:
        self.glue = Glue(release)
        host: dict[str, Any] = {}
        for item in module.imports:
            function, results = self.glue.function(item.name), item.type.results
            host[item.name] = function if results else (lambda *args, f=function: (f(*args), None)[1])
        self.instance = self.glue.instance = module(a=host)
        self.exports = self.instance.exports
        self.exports[START]()
        self.kind = next(kind for kind, name, _ in self.glue.functions if name == "layout")

    def invoke(self, name: str, n: int, *args: int) -> Any:
        invoker, first = self.glue.functions[self.kind, name, n]
        return self.exports[TABLE][invoker](first, *args)

    def to_string(self, text: str) -> int:
        """A C++ string as calls take it: its size and bytes."""
        data = text.encode()
        address: int = self.exports[ALLOCATE](len(data) + 5)
        struct.pack_into(f"<I{len(data)}sx", memoryview(self.exports[MEMORY]), address, len(data), data)
        return address

    def from_string(self, address: int) -> str:
        memory = memoryview(self.exports[MEMORY])
        (size,) = struct.unpack_from("<I", memory, address)
        text = bytes(memory[address + 4 : address + 4 + size]).decode()
        self.exports[FREE](address)
        return text

    def draw(self, dot: str, engine: str) -> str:
        """The graph as SVG, or what is wrong with it; the same as `draw` in NODE."""
        this = self.invoke("", 3, 0, 0)
        strings = [self.to_string(text) for text in (dot, "svg", engine)]
        drawn, error = "", ""
        try:
            drawn = self.from_string(self.invoke("layout", 5, this, *strings))
        except aot.WasmException as exception:
            error = str(exception)
        for address in strings:
            self.exports[FREE](address)
        error = self.from_string(self.invoke("lastError", 1)) or error
        return drawn if drawn or not error else f"error: {error}"


def run_out_of_memory(program: Graphviz) -> None:
    """Have the program throw std::bad_alloc half way through its arguments: it cleans up, and throws it on to here."""
    this = program.invoke("", 3, 0, 0)
    strings = [program.to_string("x" * n) for n in (1_000, 100_000, 50_000_000)]
    program.glue.full = True
    try:
        program.invoke("layout", 5, this, *strings)
    except aot.WasmException as exception:
        assert exception.tag == program.exports[TAG], exception
    else:
        raise AssertionError("50 MB fit where there was no room")
    finally:
        program.glue.full = False
        for address in strings:
            program.exports[FREE](address)


def milliseconds(call: Callable[[], object]) -> float:
    start = time.thread_time_ns()
    call()
    return (time.thread_time_ns() - start) / 1e6


def run(release: Release, folder: Path, opt_level: int, rounds: int) -> None:
    """Compile, draw everything, compare; then how long a drawing takes."""
    wasm, expected = unpack(release, folder)
    report = compile_to_file(wasm, folder / "m.so", BuildOptions(opt_level=opt_level))
    print(
        f"Graphviz {release.version}, {release.exceptions} exceptions: {len(wasm) / 1e6:.2f} MB, compiled in "
        f"{report.seconds['total']:.0f} s to {report.out_bytes / 1e6:.2f} MB"
    )
    module = aot.Module.deserialize_file(aot.Engine(), folder / "m.so")
    program = Graphviz(module, release)
    for (dot, engine), wanted in zip(jobs(), expected, strict=True):
        found = program.draw(dot, engine)
        assert found == wanted, f"{dot[:60]!r} by {engine}: {found[:300]!r}, node gives {wanted[:300]!r}"
    for _ in range(100):
        run_out_of_memory(program)
    pages = program.exports[MEMORY].size()
    run_out_of_memory(program)
    assert program.exports[MEMORY].size() == pages, "what was thrown over has not been freed"
    assert program.draw(*jobs()[0]) == expected[0]
    errors = sum(text.startswith("error: ") for text in expected)
    print(f"  {len(expected)} graphs drawn as node draws them, {errors} of them errors; {program.glue.thrown} throws")
    graph, engine = jobs()[1]
    times = [milliseconds(lambda: program.draw(graph, engine)) for _ in range(rounds)]
    print(f"  {statistics.median(times):.1f} ms of CPU time for a graph of 60 nodes and 120 edges")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-O", dest="opt_level", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    for release in RELEASES:
        with tempfile.TemporaryDirectory() as folder:
            run(release, Path(folder), args.opt_level, args.rounds)


if __name__ == "__main__":
    main()
