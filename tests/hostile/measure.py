"""Translates one of the extreme modules and reports; run in a process of its own, which has the limits.

``python -m tests.hostile.measure NAME`` prints a JSON object: ``outcome`` is ``done`` or the error's class, ``message``
its text, ``seconds`` and ``megabytes`` (peak) of the translation, without the making of the module.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from aot.errors import WasmError
from tests.hostile.modules import BOMBS
from tests.translation import generated_files


def main() -> None:
    data = BOMBS[sys.argv[1]]()
    start, outcome, message, written = time.process_time(), "done", "", 0
    try:
        written = sum(len(content) for _, content in generated_files(data))
    except WasmError as error:
        outcome, message = type(error).__name__, str(error)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds = round(time.process_time() - start, 2)
    report = {"outcome": outcome, "message": message, "seconds": seconds, "megabytes": peak, "written": written}
    print(json.dumps(report | {"bytes": len(data)}))


if __name__ == "__main__":
    main()
