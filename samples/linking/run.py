"""Two modules linked to each other and to Python. Calls between the modules never pass through Python."""

from pathlib import Path

import aot

HERE = Path(__file__).parent
store = aot.Store()
shapes = aot.load(HERE / "shapes.wasm")(store=store)


def show(kind: int, area: float) -> None:
    print(f"{('square', 'circle')[kind]}: {area:.3f}")


report = aot.load(HERE / "report.wasm")({"shapes": shapes, "python": {"show": show}}, store=store)
report.report(0, 3.0)
print(f"total {report.report(1, 1.0):.3f}")
try:
    report.report(2, 1.0)
except aot.Trap as trap:
    print("trap:", trap)
