"""Figures: valid, labelled, inside their frame."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from lle.report import figures
from lle.report.figures import Point


def svg(text: str) -> ET.Element:
    return ET.fromstring(text)


def labels(root: ET.Element) -> list[tuple[str, float, float, str]]:
    return [
        (node.text or "", float(node.attrib["x"]), float(node.attrib["y"]), node.attrib.get("text-anchor", "start"))
        for node in root.iter("text")
        if node.attrib.get("class") == "label"
    ]


def test_ticks_are_round_and_inside():
    assert figures.ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert figures.ticks(0.13, 0.87) == [0.2, 0.4, 0.6, 0.8]
    assert figures.ticks(3, 3) == [3]
    assert figures.ticks(-1.2, 1.2, 3) == [-1, 0, 1]


def test_log_ticks_are_powers_of_ten_or_finer():
    assert figures.log_ticks(0.05, 200) == [0.1, 1, 10, 100]
    assert figures.log_ticks(3, 60) == [5, 10, 20, 50]


def test_tick_text():
    assert [figures.tick_text(v) for v in (0.1, -2, 1500, 20000, 2e6)] == ["0.1", "−2", "1500", "20k", "2M"]


def test_pareto_front():
    points = [Point("a", 1, 10, ""), Point("b", 2, 9, ""), Point("c", 3, 12, ""), Point("d", 3, 11, "")]
    assert [p.label for p in figures.pareto(points, "higher")] == ["a", "c"]
    assert [p.label for p in figures.pareto(points, "lower")] == ["a", "b"]


@pytest.mark.parametrize("width", [350.0, 720.0])
def test_labels_of_crowded_points_keep_apart(width: float):
    points = [Point(f"Method {i}", 10 * 1.15**i, 15 + (i * 7 % 5) * 0.3, "paired", 14.5, 17.0) for i in range(14)]
    root = svg(figures.scatter("k", points, "x", "y", width, 460, "title"))
    boxes = []
    for text, x, y, anchor in labels(root):
        length = len(text) * 6
        left = x - {"start": 0, "middle": length / 2, "end": length}[anchor]
        boxes.append((left, y - 9, left + length, y + 2))
    assert len(boxes) == len(points)
    for i, a in enumerate(boxes):
        assert a[0] >= 0
        assert a[2] <= width
        for b in boxes[i + 1 :]:
            assert not (a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3])


def test_scatter_of_equal_points_is_drawn():
    root = svg(figures.scatter("k", [Point("a", 1, 1, "paired"), Point("b", 1, 1, "classical")], "x", "y", 400, 300, "t"))
    assert len(labels(root)) == 2


def test_text_is_escaped_and_titles_are_there():
    root = svg(figures.scatter("k", [Point("a<b>&", 1, 1, "paired"), Point("c", 2, 2, "paired")], "x<", "y", 400, 300, "t & u"))
    assert root.find("title").text == "t & u"  # type: ignore[union-attr]
    assert "a<b>&" in [label for label, *_ in labels(root)]


def test_smooth_keeps_length_and_constants():
    assert figures.smooth([2.0] * 7, 3) == [2.0] * 7
    assert figures.smooth([0.0, 3.0, 0.0], 3) == [1.5, 1.0, 1.5]


def test_curve_with_negative_values_and_gaps():
    text = figures.curve("k", [(i, None if i == 3 else 5.0 - i) for i in range(12)], "t")
    assert "logarithmic" not in text
    svg(text)


def test_curve_over_decades_is_logarithmic():
    assert "logarithmic" in figures.curve("k", [(i, 10.0 ** (-i / 3)) for i in range(20)], "t")


def test_curve_without_values_is_nothing():
    assert figures.curve("k", [(0, None)], "t") == ""


def test_constant_curve_is_drawn():
    svg(figures.curve("k", [(0, 1.0), (1, 1.0)], "t"))


def test_strips_state_medians():
    text = figures.strips("k", [("one", "paired", [1.0, 2.0, 9.0]), ("two", "classical", [4.0])], "PSNR", 400, "t")
    assert "one 2; two 4" in text
    svg(text)


def test_heatmap_counts_first_places():
    text = figures.heatmap("k", ["PSNR", "LOE"], [("a", [1, None]), ("b", [2, 1])], 400, "t")
    assert "First places: a 1; b 1." in text
    assert len(re.findall('class="heat"', text)) == 3
    svg(text)


def test_quantiles_are_interpolated():
    assert figures.quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.5
    assert figures.quantile([7.0], 0.25) == 7.0


def test_critical_difference_joins_what_is_close():
    text = figures.critical_difference("k", {"a": 1.0, "b": 1.5, "c": 3.5}, 1.0, 720, "t")
    assert "Not told apart: a to b." in text
    assert len(re.findall('class="clique"', text)) == 1
