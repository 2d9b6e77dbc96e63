"""Differential tests: random modules run here and by wasmtime must do the same. See `tests.fuzz.__main__`."""
