"""A process that changes a folder all the time: ``python renamer.py FOLDER`` until its standard input ends.

Exchanges ``box/flip``, a directory, with ``box/flop``, a symbolic link that leads out; and moves ``box/m`` out of the
box and back, so that its ``..`` is now inside and now outside. Prints "ready" once it is under way, and at the end the
number of rounds.
"""

import ctypes
import os
import select
import sys

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_WARM = 100


def main() -> None:
    root = os.fsencode(sys.argv[1])
    exchange = ctypes.CDLL(None, use_errno=True).renameat2
    flip, flop = root + b"/box/flip", root + b"/box/flop"
    inside, outside = root + b"/box/m", root + b"/outside2/m"
    rounds = 0
    while rounds < _WARM or rounds % 64 or not select.select([0], [], [], 0)[0]:
        if exchange(_AT_FDCWD, flip, _AT_FDCWD, flop, _RENAME_EXCHANGE):
            raise OSError(ctypes.get_errno(), "renameat2")
        os.rename(inside, outside)  # noqa: PTH104, as fast as can be
        os.rename(outside, inside)  # noqa: PTH104
        rounds += 1
        if rounds == _WARM:
            print("ready", flush=True)
    print(rounds)


if __name__ == "__main__":
    main()
