"""``python -m aot``: the same as the command ``wasm2so``."""

from aot.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
