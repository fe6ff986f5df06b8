"""Quality against cost, with labels that keep apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from lle.report.charts.svg import CHARACTER, Box, log_ticks, marker, num, padded, stroke, svg, text_at, tick_text, ticks


@dataclass(frozen=True)
class Point:
    """A labelled point; `low` and `high` are its interval on the y axis; `kind` picks colour and shape."""

    label: str
    x: float
    y: float
    kind: str
    low: float | None = None
    high: float | None = None


def _place(points: Sequence[tuple[float, float, str]], frame: Box, avoid: Sequence[Box] = ()) -> list[tuple[float, float, str]]:
    """Finds a place for every label: near its point, off the other points and labels, inside the frame.

    Greedy from top to bottom over rings of candidates; where nothing is free, the place with the least overlap.

    Args:
        points: x, y and label.
        frame: where labels may stand.
        avoid: lines and bars, which a label had better not cross.

    Returns:
        x, y (baseline) and text anchor of every label.
    """
    obstacles = [Box(x - 7, y - 7, x + 7, y + 7) for x, y, _ in points]
    placed: dict[int, tuple[float, float, str]] = {}
    for index in sorted(range(len(points)), key=lambda i: (points[i][1], points[i][0], points[i][2])):
        x, y, label = points[index]
        width = len(label) * CHARACTER
        best: tuple[float, tuple[float, float, str], Box] | None = None
        for ring, radius in enumerate((10, 18, 28, 40, 54, 70, 90)):
            for turn, (dx, dy) in enumerate(((1, 0), (-1, 0), (0.7, -0.7), (0.7, 0.7), (-0.7, -0.7), (-0.7, 0.7), (0, -1), (0, 1))):
                anchor = "middle" if dx == 0 else "start" if dx > 0 else "end"
                left = x + dx * radius - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
                base = y + dy * radius + 4
                box = Box(left - 2, base - 11, left + width + 2, base + 4)
                outside = (box.right - box.left) * (box.bottom - box.top) - box.overlap(frame)
                clash = sum(box.overlap(other) for i, other in enumerate(obstacles) if i != index) + 4 * outside
                crossed = sum(box.overlap(line) > 0 for line in avoid)
                cost = clash * 100 + crossed * 18 + ring * 10 + turn * 0.1
                if best is None or cost < best[0]:
                    best = (cost, (x + dx * radius, base, anchor), box)
            if best is not None and best[0] < 100:
                break
        assert best is not None  # the rings are never empty
        placed[index] = best[1]
        obstacles.append(best[2])
    return [placed[index] for index in range(len(points))]


def pareto(points: Sequence[Point], better: str) -> list[Point]:
    """Returns the points that no other one beats in both cost (x, lower) and quality (y), from cheap to dear."""
    sign = 1 if better == "higher" else -1
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.x, -sign * p.y, p.label)):
        if not front or sign * point.y > sign * front[-1].y:
            front.append(point)
    return front


def scatter(
    key: str, points: Sequence[Point], x_label: str, y_label: str, width: float, height: float, title: str, better: str = "higher"
) -> str:
    """Draws quality against cost on a logarithmic x axis, with intervals, labels and the line of best trade-offs.

    Args:
        key: prefix of the ids inside, unique in the page.
        points: at least one; x > 0.
        x_label: name and unit of the cost.
        y_label: name and unit of the quality.
        width: in pixels.
        height: in pixels.
        title: read out by screen readers.
        better: `higher` or `lower` values of y are better.
    """
    left, right, top, bottom = 50.0, width - 12, 12.0, height - 42
    xs = [math.log10(point.x) for point in points]
    x0, x1 = padded(min(xs), max(xs), 0.08)
    if x1 - x0 < 1:
        middle = (x0 + x1) / 2
        x0, x1 = middle - 0.5, middle + 0.5
    lows = [point.y if point.low is None else point.low for point in points]
    highs = [point.y if point.high is None else point.high for point in points]
    y0, y1 = padded(min(lows), max(highs), 0.06)

    def px(value: float) -> float:
        return left + (math.log10(value) - x0) / (x1 - x0) * (right - left)

    def py(value: float) -> float:
        return bottom - (value - y0) / (y1 - y0) * (bottom - top)

    body = []
    for value in log_ticks(10**x0, 10**x1):
        anchor = "end" if px(value) > right - 14 else "middle"
        body += [stroke(px(value), top, px(value), bottom, "grid"), text_at(px(value), bottom + 16, tick_text(value), anchor, "tick")]
    for value in ticks(y0, y1):
        body += [stroke(left, py(value), right, py(value), "grid"), text_at(left - 6, py(value) + 4, tick_text(value), "end", "tick")]
    body.append(text_at((left + right) / 2, height - 8, x_label, "middle", "axis"))
    body.append(
        f'<text class="axis" text-anchor="middle" transform="translate(13 {num((top + bottom) / 2)}) rotate(-90)">{escape(y_label)}</text>'
    )
    front = pareto(points, better)
    if len(front) > 1:
        path = f"M{num(px(front[0].x))} {num(py(front[0].y))}" + "".join(f"H{num(px(p.x))}V{num(py(p.y))}" for p in front[1:])
        body.append(f'<path class="front" d="{path}"/>')
    lines = []
    for before, after in pairwise(front):
        flat, steep, ends = py(before.y), px(after.x), sorted((py(before.y), py(after.y)))
        lines += [Box(px(before.x), flat - 1, steep, flat + 1), Box(steep - 1, ends[0], steep + 1, ends[1])]
    for point in points:
        if point.low is not None and point.high is not None:
            body.append(stroke(px(point.x), py(point.low), px(point.x), py(point.high), f"bar k-{point.kind}"))
            ends = sorted((py(point.low), py(point.high)))
            lines.append(Box(px(point.x) - 1, ends[0], px(point.x) + 1, ends[1]))
    body += [marker(point.kind, px(point.x), py(point.y)) for point in points]
    spots = [(px(point.x), py(point.y), point.label) for point in points]
    for (x, y, label), (lx, ly, anchor) in zip(spots, _place(spots, Box(left, top, right, bottom), lines), strict=True):
        if math.hypot(lx - x, ly - 4 - y) > 20:
            body.append(stroke(x, y, lx, ly - 4, "leader"))
        body.append(text_at(lx, ly, label, anchor, "label"))
    cheap = ", ".join(point.label for point in front)
    return svg(key, width, height, title, f"{len(points)} methods. No other method is both cheaper and better than: {cheap}.", body)
