"""``python -m aot``, and the command ``wasm2so``."""

import sys


def main() -> int:
    """Run the command with the process's arguments. Returns the exit status."""
    if sys.argv[1:2] == ["run"]:
        from aot.cli_run import quick

        status = quick(sys.argv[2:])
        if status is not None:
            return status
    from aot import cli

    return cli.main()


if __name__ == "__main__":
    raise SystemExit(main())
