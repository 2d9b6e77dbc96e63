"""The WebAssembly language: types, opcodes, binary decoder, validation. No C, no files, no processes."""
