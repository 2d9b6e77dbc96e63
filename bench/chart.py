"""Charts as SVG text: rows of bars with whiskers, and lines between two logarithmic axes.

Both kinds have logarithmic value axes, on which equal ratios are equal lengths. Colours follow the reader's choice of a
light or dark page. Text is a function of the data alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

COLOURS = (  # on light and on dark pages; neighbours stay apart for the colour-blind
    ("#2a78d6", "#3987e5"),
    ("#eb6834", "#d95926"),
    ("#1baf7a", "#199e70"),
    ("#eda100", "#c98500"),
    ("#e87ba4", "#d55181"),
    ("#4a3aa7", "#9085e9"),
    ("#008300", "#2f9a2f"),
    ("#e34948", "#e66767"),
)
MAX_SERIES = len(COLOURS)
WIDTH = 860
_LABELS, _MARGIN, _TOP = 210, 24, 40
_BAR, _GAP, _LEGEND = 9, 9, 18
_HEIGHT = 380
_CHAR = 6.4
"""Pixels that a character of the 12 pixel font takes, roughly."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A positive value and its spread, ``low <= value <= high``."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.value <= self.high < math.inf:
            raise ValueError(f"not a bar: {self.low}, {self.value}, {self.high}")


@dataclass(frozen=True, slots=True)
class Row:
    """A bar for each series, in their order, or None where there is no figure; ``strong`` rows are summaries."""

    name: str
    bars: tuple[Bar | None, ...]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y), both positive, drawn in the order of x."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from ``low`` to ``high`` on the pixels from ``first`` to ``last``, logarithmically."""

    low: float
    high: float
    first: float
    last: float

    def at(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.first + share * (self.last - self.first)

    def ticks(self) -> list[float]:
        """Round values inside, some four to nine of them."""
        steps: tuple[tuple[float, ...], ...] = ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 5), (1,))
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for chosen in steps:
            found = [step * 10.0**k for k in decades for step in chosen]
            found = [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]
            if len(found) <= 9:
                return found
        every = -(-len(found) // 9)
        return found[::every]


def bars(title: str, unit: str, series: Sequence[str], rows: Sequence[Row], *, base: float | None = None) -> str:
    """Horizontal bars. They begin at ``base`` (1 for ratios), where a line is drawn, else at the axis's low end.

    Raises ValueError for too many series, no figures, and rows whose number of bars is not that of the series.
    """
    _check_series(series)
    if any(len(row.bars) != len(series) for row in rows):
        raise ValueError(f"each row needs {len(series)} bars")
    known = [bar for row in rows for bar in row.bars if bar is not None]
    ends = [*(bar.low for bar in known), *(bar.high for bar in known), *([base] if base else [])]
    axis = _axis(ends, _LABELS, WIDTH - _MARGIN)
    legend, y = _legend(series, _TOP)
    top = y
    marks: list[str] = []
    for row in rows:
        height = _BAR * len(series)
        marks.append(_text(_LABELS - 10, y + height / 2 + 4, row.name, "end", strong=row.strong))
        for number, bar in enumerate(row.bars):
            if bar is not None:
                marks += _bar(axis, y + _BAR * number, number, bar, base or axis.low, f"{row.name}, {series[number]}")
        y += height + _GAP
    grid = [line for tick in axis.ticks() for line in _tick_down(axis, tick, top, y)]
    if base:
        grid.append(f'<path class="base" d="M{axis.at(base):.1f} {top:.1f}V{y:.1f}"/>')
    return _svg(title, y + 44, [*legend, *grid, *marks, _text((_LABELS + WIDTH) / 2, y + 34, unit, "middle")])


def lines(title: str, x_unit: str, y_unit: str, curves: Sequence[Curve]) -> str:
    """Lines through points; both axes are logarithmic. Raises ValueError for too many curves, and without points."""
    _check_series(curves)
    points = [point for curve in curves for point in curve.points]
    legend, top = _legend([curve.name for curve in curves], _TOP)
    top += 18
    x_axis = _axis([x for x, _ in points], 70, WIDTH - _MARGIN)
    y_axis = _axis([y for _, y in points], top + _HEIGHT, top)
    parts = [*legend, _text(16, top - 12, y_unit, "start")]
    for tick in x_axis.ticks():
        parts += _tick_down(x_axis, tick, top, top + _HEIGHT)
    for tick in y_axis.ticks():
        at = y_axis.at(tick)
        parts += [f'<path class="grid" d="M{x_axis.first:.1f} {at:.1f}H{x_axis.last:.1f}"/>']
        parts += [_text(x_axis.first - 8, at + 4, _number(tick), "end")]
    for number, curve in enumerate(curves):
        ordered = sorted(curve.points)
        places = [f"{x_axis.at(x):.1f} {y_axis.at(y):.1f}" for x, y in ordered]
        parts.append(f'<path class="line s{number}" d="M{"L".join(places)}"/>')
        for x, y in ordered:
            told = escape(f"{curve.name}: {_number(x)}, {_number(y)}")
            place = f'cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y):.1f}"'
            parts.append(f'<circle class="s{number}" {place} r="4"><title>{told}</title></circle>')
    parts.append(_text(WIDTH / 2, top + _HEIGHT + 38, x_unit, "middle"))
    return _svg(title, top + _HEIGHT + 50, parts)


def _check_series(series: Sequence[object]) -> None:
    if not 0 < len(series) <= MAX_SERIES:
        raise ValueError(f"{len(series)} series; a chart has 1 to {MAX_SERIES}")


def _axis(values: Iterable[float], first: float, last: float) -> Axis:
    ends = sorted(values)
    if not ends or not ends[0] > 0:
        raise ValueError("a chart needs figures, all positive")
    room = max(1.05, (ends[-1] / ends[0]) ** 0.04)
    return Axis(ends[0] / room, ends[-1] * room, first, last)


def _bar(axis: Axis, y: float, number: int, bar: Bar, base: float, name: str) -> Iterator[str]:
    start, end = sorted((axis.at(base), axis.at(bar.value)))
    told = escape(f"{name}: {_number(bar.value)} ({_number(bar.low)} to {_number(bar.high)})")
    place = f'x="{start:.1f}" y="{y + 1:.1f}" width="{max(1.0, end - start):.1f}" height="{_BAR - 2}"'
    yield f'<rect class="s{number}" {place}><title>{told}</title></rect>'
    if bar.low < bar.high:
        low, high, middle = axis.at(bar.low), axis.at(bar.high), y + _BAR / 2
        yield f'<path class="whisker" d="M{low:.1f} {middle:.1f}H{high:.1f}"/>'


def _tick_down(axis: Axis, tick: float, top: float, bottom: float) -> list[str]:
    at = axis.at(tick)
    line = f'<path class="grid" d="M{at:.1f} {top:.1f}V{bottom:.1f}"/>'
    return [line, _text(at, bottom + 16, _number(tick), "middle")]


def _legend(names: Sequence[str], y: float) -> tuple[list[str], float]:
    """Its marks, and where the next thing begins."""
    parts: list[str] = []
    x = float(_MARGIN)
    for number, name in enumerate(names):
        width = 22 + _CHAR * len(name) + 14
        if x > _MARGIN and x + width > WIDTH:
            x, y = float(_MARGIN), y + _LEGEND
        parts.append(f'<rect class="s{number}" x="{x:.1f}" y="{y:.1f}" width="12" height="12" rx="2"/>')
        parts.append(_text(x + 18, y + 10, name, "start"))
        x += width
    return parts, y + _LEGEND + 8


def _text(x: float, y: float, text: str, anchor: str, *, strong: bool = False) -> str:
    weight = ' class="strong"' if strong else ""
    return f'<text{weight} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _number(value: float) -> str:
    """Three digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.6f}".rstrip("0")


def _svg(title: str, height: float, parts: Iterable[str]) -> str:
    light = "".join(f".s{n}{{fill:{pair[0]};stroke:{pair[0]}}}" for n, pair in enumerate(COLOURS))
    dark = "".join(f".s{n}{{fill:{pair[1]};stroke:{pair[1]}}}" for n, pair in enumerate(COLOURS))
    style = (
        "text{font:12px system-ui,sans-serif;fill:#33332f}.title,.strong{font-weight:600}.title{font-size:15px}"
        ".page{fill:#fcfcfb}.grid{stroke:#dddcd6}.base{stroke:#33332f}.whisker{stroke:#33332f}"
        f"rect{{stroke-width:0}}path{{fill:none}}.line{{fill:none!important;stroke-width:2}}{light}"
        "@media (prefers-color-scheme:dark){text{fill:#d8d7d0}.page{fill:#1a1a19}.grid{stroke:#3a3a37}"
        f".base,.whisker{{stroke:#d8d7d0}}{dark}}}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
    named = f'<text class="title" x="{_MARGIN}" y="24">{escape(title)}</text>'
    page = f'<rect class="page" width="{WIDTH}" height="{height:.0f}"/>'
    return "\n".join(
        [head, f"<title>{escape(title)}</title>", f"<style>{style}</style>", page, named, *parts, "</svg>\n"]
    )
