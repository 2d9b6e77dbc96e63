"""A large module made by others: brotli-wasm from npm (Rust, 1.06 MB). Compile it, call it, check what it says.

What it compresses is restored with the package brotli from PyPI, and compared with what wasmtime-py gets out of it.

python bench/large_module.py [brotli_wasm_bg.wasm]     fetches the package with `npm pack` if no file is given
"""

from __future__ import annotations

import argparse
import resource
import struct
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import wasmtime

import aot
from aot.build import BuildOptions, compile_to_file

PACKAGE = "brotli-wasm@3.0.1"
MEMBER = "package/pkg.node/brotli_wasm_bg.wasm"


def fetch(folder: Path) -> Path:
    """Download the package with npm and unpack its module."""
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        member = archive.extractfile(MEMBER)
        assert member is not None
        (folder / "brotli.wasm").write_bytes(member.read())
    return folder / "brotli.wasm"


def no_javascript(*_: int) -> Any:
    raise RuntimeError("the module called JavaScript")


def compressed(call: Callable[..., Any], memory: Callable[[], Any], text: bytes) -> bytes:
    """Compress with the module's streaming interface; returns the compressed bytes."""

    def place(data: bytes) -> int:
        address: int = call("__wbindgen_malloc", len(data))
        memory()[address : address + len(data)] = data
        return address

    def pair(ret: int) -> tuple[int, int]:
        first, second = struct.unpack("<2I", bytes(memory()[ret : ret + 8]))
        return first, second

    def compress(data: bytes | None) -> bytes:
        at, size = (place(data), len(data)) if data is not None else (0, 0)
        call("compressstream_compress", ret, stream, at, size, len(text) + 1000)
        call("__wbg_get_brotlistreamresult_buf", ret, pair(ret)[0])
        start, size = pair(ret)
        return bytes(memory()[start : start + size])

    ret = call("__wbindgen_add_to_stack_pointer", -16)
    stream = call("compressstream_new", 1, 5)
    return compress(text) + compress(None)


def ours(path: Path, text: bytes, config: aot.Config | None = None) -> bytes:
    """``path`` is the module, or what it was compiled to."""
    module = aot.load(path, config)
    imports = {i.module: {j.name: no_javascript for j in module.imports} for i in module.imports}
    instance = module(imports)
    return compressed(lambda name, *a: instance.exports[name](*a), lambda: memoryview(instance.memory), text)


def theirs(wasm: bytes, text: bytes) -> bytes:
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, wasm)
    imports = [wasmtime.Func(store, i.type, no_javascript) for i in module.imports]
    exports = wasmtime.Instance(store, module, imports).exports(store)
    memory = exports["memory"]
    return compressed(lambda name, *a: exports[name](store, *a), lambda: memory.get_buffer_ptr(store), text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wasm", nargs="?", type=Path)
    parser.add_argument("-O", dest="opt_level", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = args.wasm or fetch(folder)
        wasm = path.read_bytes()
        start = time.perf_counter()
        report = compile_to_file(wasm, folder / "brotli.so", BuildOptions(opt_level=args.opt_level))
        wall = time.perf_counter() - start
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{path.name}: {len(wasm)} bytes, {report.n_functions} functions, -O{args.opt_level}")
        print(f"compiled in {wall:.1f} s wall ({ {k: round(v, 2) for k, v in report.seconds.items()} })")
        print(f"C {report.c_bytes} bytes, .so {report.out_bytes} bytes, {report.n_chunks} chunks")
        print(f"peak memory: compiler {report.peak_bytes >> 20} MiB, ours {own:.0f} MiB")
        text = Path(__file__).read_bytes() * 200
        start = time.process_time()
        mine = ours(folder / "brotli.so", text)
        middle = time.process_time()
        other = theirs(wasm, text)
        end = time.process_time()
        right = brotli.decompress(mine) == text
        print(f"compressed {len(text)} bytes to {len(mine)}; the brotli package restores the text: {right}")
        print(f"same bytes as wasmtime-py: {mine == other}")
        print(f"load and run: {middle - start:.3f} s; wasmtime-py, its compile included: {end - middle:.3f} s")
        raise SystemExit(not right or mine != other)


if __name__ == "__main__":
    main()
