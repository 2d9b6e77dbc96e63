"""A large module made by others: brotli-wasm from npm (Rust, 1.06 MB). Compile it, call it, compare with wasmtime-py.

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


def round_trip(call: Callable[..., Any], memory: Callable[[], Any], text: bytes) -> bytes:
    """Compress with the module's streaming interface; returns the compressed bytes."""

    def place(data: bytes) -> int:
        address: int = call("__wbindgen_malloc", len(data))
        memory()[address : address + len(data)] = data
        return address

    def result(ret: int) -> tuple[int, ...]:
        return struct.unpack("<4I", bytes(memory()[ret : ret + 16]))

    ret = call("__wbindgen_add_to_stack_pointer", -16)
    stream = call("compressstream_new", 1, 5)
    call("compressstream_compress", ret, stream, place(text), len(text), len(text) + 1000)
    buffer = result(ret)[0]
    call("__wbg_get_brotlistreamresult_buf", ret, buffer)
    address, size = result(ret)[:2]
    return bytes(memory()[address : address + size])


def ours(path: Path, text: bytes) -> bytes:
    module = aot.load(path)
    imports = {i.module: {j.name: no_javascript for j in module.imports} for i in module.imports}
    instance = module(imports)
    return round_trip(lambda name, *a: instance.exports[name](*a), lambda: memoryview(instance.memory), text)


def theirs(wasm: bytes, text: bytes) -> bytes:
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, wasm)
    imports = [wasmtime.Func(store, i.type, no_javascript) for i in module.imports]
    exports = wasmtime.Instance(store, module, imports).exports(store)
    memory = exports["memory"]
    return round_trip(lambda name, *a: exports[name](store, *a), lambda: memory.get_buffer_ptr(store), text)


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
        print(f"compressed {len(text)} bytes to {len(mine)}; same bytes as wasmtime-py: {mine == other}")
        print(f"load and run: {middle - start:.3f} s; wasmtime-py, its compile included: {end - middle:.3f} s")
        raise SystemExit(mine != other)


if __name__ == "__main__":
    main()
