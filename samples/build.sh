#!/bin/sh
# Rebuild the committed .wasm files. Needs: pip install 'wasm2so[zig,wat]'
set -eu
cd "$(dirname "$0")"
wasm_cc() {
  python -m ziglang cc -target wasm32-freestanding -nostdlib -O2 -Wl,--no-entry -Wl,--strip-all "$@"
}
wasm_cc textstats/textstats.c -o textstats/textstats.wasm
wasm_cc mandelbrot/mandelbrot.c -o mandelbrot/mandelbrot.wasm
wasm_cc warm_start/forth.c -o warm_start/forth.wasm
wasm_cc -mcpu=generic+atomics+bulk_memory+mutable_globals -Wl,--shared-memory,--import-memory,--max-memory=16777216 \
  -Wl,--export=__stack_pointer threads_reduce/reduce.c -o threads_reduce/reduce.wasm
wasm_cc -mcpu=generic+simd128 simd_blur/blur.c -o simd_blur/blur.wasm
python lookup/make_table.py
wasm_cc lookup/lookup.c -o lookup/lookup.wasm
rm lookup/composite.bin
for name in linking/shapes linking/report c_program/scores; do
  python -c "import sys, wasmtime; sys.stdout.buffer.write(wasmtime.wat2wasm(open('$name.wat').read()))" > $name.wasm
done
for name in tree:wasi_tree merge:wasi_memory; do
  folder=${name#*:} program=${name%:*}
  python -m ziglang cc -target wasm32-wasi -Os -s "$folder/$program.c" -o "$folder/$program.wasm"
done
