"""Charts are well-formed, place values by their logarithm, and refuse what they cannot show."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import chart
import figures
import pytest

SVG = "{http://www.w3.org/2000/svg}"


def drawn(text: str, kind: str, name: str = "") -> list[ET.Element]:
    """The elements of a kind; of those that tell a value, the ones whose tale begins with ``name``."""
    found = ET.fromstring(text).iter(SVG + kind)
    return [e for e in found if not name or (e.findtext(SVG + "title") or "").startswith(name)]


def ratios(*bars: chart.Bar | None) -> str:
    names = [f"engine {n}" for n in range(len(bars))]
    return chart.bars("Run time", "ratio", names, [chart.Row("p", bars)], base=1.0)


def test_bars_begin_at_the_base_and_equal_ratios_are_equally_long() -> None:
    text = ratios(chart.Bar(2, 1.9, 2.1), chart.Bar(0.5, 0.4, 0.6), chart.Bar(4, 4, 4))
    twice, half, four = (drawn(text, "rect", f"p, engine {n}")[0] for n in range(3))
    width = float(twice.attrib["width"])
    assert math.isclose(width, float(half.attrib["width"]), abs_tol=0.2)
    assert math.isclose(2 * width, float(four.attrib["width"]), abs_tol=0.2)
    assert math.isclose(float(half.attrib["x"]) + width, float(twice.attrib["x"]), abs_tol=0.2)


def test_whiskers_span_the_spread_and_are_left_out_without_one() -> None:
    text = ratios(chart.Bar(2, 1, 4), chart.Bar(2, 2, 2))
    (whisker,) = (e for e in drawn(text, "path") if e.get("class") == "whisker")
    (bar,) = drawn(text, "rect", "p, engine 0")
    low, high = (
        float(v) for v in whisker.attrib["d"].replace("M", "").split(" ", 1)[0:1] + [whisker.attrib["d"].split("H")[1]]
    )
    assert math.isclose(high - low, 2 * float(bar.attrib["width"]), abs_tol=0.3)


def test_a_missing_figure_leaves_its_place_empty() -> None:
    text = ratios(chart.Bar(2, 2, 2), None)
    assert drawn(text, "rect", "p, engine 0")
    assert not drawn(text, "rect", "p, engine 1")


def test_names_are_text_never_markup() -> None:
    text = chart.bars("<b>&", "u", ["<i>"], [chart.Row("<u>", (chart.Bar(1, 1, 1),))])
    root = ET.fromstring(text)
    assert {"<b>&", "<i>", "<u>"} <= {e.text for e in root.iter(SVG + "text")}


def test_lines_are_straight_where_cost_is_proportional() -> None:
    text = chart.lines("Cost", "MB", "s", [chart.Curve("ours", ((10, 20), (0.1, 0.2), (1, 2)))])
    (path,) = (e for e in drawn(text, "path") if "line" in e.get("class", ""))
    points = [tuple(map(float, p.split())) for p in path.attrib["d"][1:].split("L")]
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x0 < x1 < x2, "in the order of x"
    assert math.isclose((y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1), rel_tol=0.01)
    assert len(drawn(text, "circle", "ours")) == 3


@pytest.mark.parametrize("low, high", [(0.98, 1.07), (0.4, 6.0), (18, 30000), (1e-3, 1e6)])
def test_an_axis_has_a_few_ticks(low: float, high: float) -> None:
    ticks = chart.Axis(low, high, 0, 100).ticks()
    assert 1 <= len(ticks) <= 9
    assert all(low * 0.99 <= tick <= high * 1.01 for tick in ticks)


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(ValueError, match="not a bar"):
        chart.Bar(0, 0, 0)
    with pytest.raises(ValueError, match="9 series"):
        ratios(*[chart.Bar(1, 1, 1)] * 9)
    with pytest.raises(ValueError, match="needs 2 bars"):
        chart.bars("t", "u", ["a", "b"], [chart.Row("p", (None,))])
    with pytest.raises(ValueError, match="needs figures"):
        chart.lines("t", "x", "y", [chart.Curve("ours", ())])


def test_both_colour_schemes_are_served() -> None:
    text = ratios(chart.Bar(2, 2, 2))
    assert "prefers-color-scheme:dark" in text
    assert len(set(chart.COLOURS)) == chart.MAX_SERIES


def test_a_page_shows_its_chart_and_the_machine(tmp_path: Path) -> None:
    figures.publish("run", "Run time", ["| a |"], "<svg/>", tmp_path)
    page = (tmp_path / "run.md").read_text(encoding="utf-8")
    assert page.startswith("# Run time\n")
    assert "![Run time](run.svg)" in page
    assert "wasmtime-py" in page
    assert page.endswith("| a |\n")
    assert (tmp_path / "run.svg").read_text(encoding="utf-8") == "<svg/>"
