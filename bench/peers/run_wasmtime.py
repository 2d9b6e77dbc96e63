"""Run a precompiled WASI program in wasmtime; prints the CPU seconds of its run on standard error."""

import sys
import time

import wasmtime

engine = wasmtime.Engine()
module = wasmtime.Module.deserialize_file(engine, sys.argv[1])
store = wasmtime.Store(engine)
wasi = wasmtime.WasiConfig()
wasi.inherit_stdout()
store.set_wasi(wasi)
linker = wasmtime.Linker(engine)
linker.define_wasi()
start = linker.instantiate(store, module).exports(store)["_start"]
before = time.process_time()
try:
    start(store)
except wasmtime.ExitTrap as trap:
    if trap.code:
        raise
print(time.process_time() - before, file=sys.stderr)
