"""Figures as SVG text: selectable labels, colours from the page's style sheet, the same bytes every time.

Every chart takes its width in pixels: the page holds a wide and a narrow drawing of the big ones and shows the one that
fits, so that letters are never scaled down to nothing on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

CHARACTER = 6.6
"""Mean width of a character in pixels at the charts' 12 px type; a little generous, so that labels keep apart."""
MARKER = 5.5
"""Half the size of a marker in pixels."""


@dataclass(frozen=True)
class Point:
    """A labelled point; `low` and `high` are its interval on the y axis; `kind` picks colour and shape."""

    label: str
    x: float
    y: float
    kind: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: _Box) -> float:
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0 and height > 0 else 0.0


def _n(value: float) -> str:
    """Writes a coordinate with at most one decimal."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def ticks(low: float, high: float, target: int = 5) -> list[float]:
    """Returns round numbers inside [low, high], about `target` of them, steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0:
        return [low]
    raw = span / target
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Returns the powers of ten inside [low, high], with 2 and 5 times them where there are fewer than three."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [10.0**p for p in powers if low <= 10.0**p <= high]
    if len(found) >= 3:
        return found
    return [f * 10.0**p for p in powers for f in (1, 2, 5) if low <= f * 10.0**p <= high]


def tick_text(value: float) -> str:
    """Writes a tick without needless digits; thousands as k, millions as M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):g}{unit}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def _svg(key: str, width: float, height: float, title: str, description: str, body: Sequence[str]) -> str:
    head = (
        f'<svg class="chart" viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" height="{_n(height)}" role="img" '
        f'aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{escape(title)}</title><desc id="{key}-d">{escape(description)}</desc>'
    )
    return head + "".join(body) + "</svg>"


def _text(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> str:
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    kind = f' class="{style}"' if style else ""
    return f'<text x="{_n(x)}" y="{_n(y)}"{where}{kind}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line class="{style}" x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"/>'


def marker(kind: str, x: float, y: float, size: float = MARKER) -> str:
    """Draws the marker of a kind of supervision: the shape repeats what the colour says."""
    style = f'class="mark k-{escape(kind)}"'
    if kind == "zero-reference":
        return f'<circle {style} cx="{_n(x)}" cy="{_n(y)}" r="{_n(size)}"/>'
    corners = {
        "classical": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        "unpaired": [(0, -1.15), (1.1, 0.85), (-1.1, 0.85)],
        "paired": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
    }.get(kind, [(-1, -0.35), (-0.35, -0.35), (-0.35, -1), (0.35, -1), (0.35, -0.35), (1, -0.35), (1, 0.35), (0.35, 0.35), (0.35, 1),
                 (-0.35, 1), (-0.35, 0.35), (-1, 0.35)])  # fmt: skip
    points = " ".join(f"{_n(x + dx * size)},{_n(y + dy * size)}" for dx, dy in corners)
    return f'<polygon {style} points="{points}"/>'


def _place(points: Sequence[tuple[float, float, str]], frame: _Box, avoid: Sequence[_Box] = ()) -> list[tuple[float, float, str]]:
    """Finds a place for every label: near its point, off the other points and labels, inside the frame.

    Greedy from top to bottom over rings of candidates; where nothing is free, the place with the least overlap.

    Args:
        points: x, y and label.
        frame: where labels may stand.
        avoid: lines and bars, which a label had better not cross.

    Returns:
        x, y (baseline) and text anchor of every label.
    """
    obstacles = [_Box(x - 7, y - 7, x + 7, y + 7) for x, y, _ in points]
    placed: dict[int, tuple[float, float, str]] = {}
    for index in sorted(range(len(points)), key=lambda i: (points[i][1], points[i][0], points[i][2])):
        x, y, label = points[index]
        width = len(label) * CHARACTER
        best: tuple[float, tuple[float, float, str], _Box] | None = None
        for ring, radius in enumerate((10, 18, 28, 40, 54, 70, 90)):
            for turn, (dx, dy) in enumerate(((1, 0), (-1, 0), (0.7, -0.7), (0.7, 0.7), (-0.7, -0.7), (-0.7, 0.7), (0, -1), (0, 1))):
                anchor = "middle" if dx == 0 else "start" if dx > 0 else "end"
                left = x + dx * radius - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
                base = y + dy * radius + 4
                box = _Box(left - 2, base - 11, left + width + 2, base + 4)
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


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    margin = (high - low) * share if high > low else max(abs(high) * 0.1, 0.5)
    return low - margin, high + margin


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
    x0, x1 = _padded(min(xs), max(xs), 0.08)
    if x1 - x0 < 1:
        middle = (x0 + x1) / 2
        x0, x1 = middle - 0.5, middle + 0.5
    lows = [point.y if point.low is None else point.low for point in points]
    highs = [point.y if point.high is None else point.high for point in points]
    y0, y1 = _padded(min(lows), max(highs), 0.06)

    def px(value: float) -> float:
        return left + (math.log10(value) - x0) / (x1 - x0) * (right - left)

    def py(value: float) -> float:
        return bottom - (value - y0) / (y1 - y0) * (bottom - top)

    body = []
    for value in log_ticks(10**x0, 10**x1):
        anchor = "end" if px(value) > right - 14 else "middle"
        body += [_line(px(value), top, px(value), bottom, "grid"), _text(px(value), bottom + 16, tick_text(value), anchor, "tick")]
    for value in ticks(y0, y1):
        body += [_line(left, py(value), right, py(value), "grid"), _text(left - 6, py(value) + 4, tick_text(value), "end", "tick")]
    body.append(_text((left + right) / 2, height - 8, x_label, "middle", "axis"))
    body.append(
        f'<text class="axis" text-anchor="middle" transform="translate(13 {_n((top + bottom) / 2)}) rotate(-90)">{escape(y_label)}</text>'
    )
    front = pareto(points, better)
    if len(front) > 1:
        path = f"M{_n(px(front[0].x))} {_n(py(front[0].y))}" + "".join(f"H{_n(px(p.x))}V{_n(py(p.y))}" for p in front[1:])
        body.append(f'<path class="front" d="{path}"/>')
    lines = []
    for before, after in pairwise(front):
        flat, steep, ends = py(before.y), px(after.x), sorted((py(before.y), py(after.y)))
        lines += [_Box(px(before.x), flat - 1, steep, flat + 1), _Box(steep - 1, ends[0], steep + 1, ends[1])]
    for point in points:
        if point.low is not None and point.high is not None:
            body.append(_line(px(point.x), py(point.low), px(point.x), py(point.high), f"bar k-{point.kind}"))
            ends = sorted((py(point.low), py(point.high)))
            lines.append(_Box(px(point.x) - 1, ends[0], px(point.x) + 1, ends[1]))
    body += [marker(point.kind, px(point.x), py(point.y)) for point in points]
    spots = [(px(point.x), py(point.y), point.label) for point in points]
    for (x, y, label), (lx, ly, anchor) in zip(spots, _place(spots, _Box(left, top, right, bottom), lines), strict=True):
        if math.hypot(lx - x, ly - 4 - y) > 20:
            body.append(_line(x, y, lx, ly - 4, "leader"))
        body.append(_text(lx, ly, label, anchor, "label"))
    cheap = ", ".join(point.label for point in front)
    return _svg(key, width, height, title, f"{len(points)} methods. No other method is both cheaper and better than: {cheap}.", body)


def smooth(values: Sequence[float], window: int) -> list[float]:
    """Returns the centred moving average, with shorter windows at the ends."""
    half = window // 2
    return [
        sum(values[max(0, i - half) : i + half + 1]) / len(values[max(0, i - half) : i + half + 1])
        for i in range(len(values))
    ]  # fmt: skip


def curve(key: str, points: Sequence[tuple[float, float | None]], title: str, width: float = 272, height: float = 150) -> str:
    """Draws one loss term over the iterations: thin as it was, thick as a moving average.

    The y axis is logarithmic where all values are positive and span more than a factor of twenty.
    """
    found = [(x, y) for x, y in points if y is not None]
    if not found:
        return ""
    values = [y for _, y in found]
    logarithmic = min(values) > 0 and max(values) / min(values) > 20
    scale = [math.log10(y) for y in values] if logarithmic else values
    left, right, top, bottom = 48.0, width - 10, 8.0, height - 22
    x0, x1 = found[0][0], max(found[-1][0], found[0][0] + 1)
    y0, y1 = _padded(min(scale), max(scale), 0.06)

    def px(value: float) -> float:
        return left + (value - x0) / (x1 - x0) * (right - left)

    def py(value: float) -> float:
        return bottom - (value - y0) / (y1 - y0) * (bottom - top)

    def path(heights: Sequence[float]) -> str:
        return "M" + "L".join(f"{_n(px(x))} {_n(py(y))}" for (x, _), y in zip(found, heights, strict=True))

    marks = log_ticks(10**y0, 10**y1) if logarithmic else ticks(y0, y1, 3)
    body = []
    for value in marks:
        at = py(math.log10(value) if logarithmic else value)
        body += [_line(left, at, right, at, "grid"), _text(left - 5, at + 4, tick_text(value), "end", "tick")]
    for value in ticks(x0, x1, 3):
        anchor = "end" if px(value) > right - 12 else "middle"
        body.append(_text(px(value), height - 6, tick_text(value), anchor, "tick"))
    if len(found) <= 8:
        body.append(f'<path class="smooth" d="{path(scale)}"/>')
    else:
        body.append(f'<path class="raw" d="{path(scale)}"/>')
        body.append(f'<path class="smooth" d="{path(smooth(scale, max(3, len(found) // 12)))}"/>')
    log = ", logarithmic axis" if logarithmic else ""
    return _svg(key, width, height, title, f"From {values[0]:.4g} to {values[-1]:.4g} over {len(found)} recorded points{log}.", body)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Returns a quantile of sorted values, interpolated linearly."""
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def _label_width(labels: Sequence[str], width: float) -> float:
    """Returns the room that row labels get on the left, at most two fifths of the figure."""
    return min(max(len(label) for label in labels) * CHARACTER + 16, width * 0.4)


def _cut(label: str, left: float) -> str:
    """Shortens a row label to its room."""
    fits = int((left - 10) / CHARACTER)
    return label if len(label) <= fits else label[: fits - 1].rstrip() + "…"


def strips(key: str, rows: Sequence[tuple[str, str, Sequence[float]]], x_label: str, width: float, title: str) -> str:
    """Draws one row a method: a dot a picture, the middle half as a box, the median as a bar.

    Args:
        key: prefix of the ids inside, unique in the page.
        rows: label, kind of supervision, and one value a picture.
        x_label: name and unit of the metric.
        width: in pixels.
        title: read out by screen readers.
    """
    pitch = 26.0
    left = _label_width([label for label, _, _ in rows], width)
    right, top = width - 12, 6.0
    bottom = top + pitch * len(rows)
    x0, x1 = _padded(min(min(v) for _, _, v in rows), max(max(v) for _, _, v in rows), 0.03)

    def px(value: float) -> float:
        return left + (value - x0) / (x1 - x0) * (right - left)

    body = []
    for value in ticks(x0, x1, 6 if width > 500 else 4):
        body += [_line(px(value), top, px(value), bottom, "grid"), _text(px(value), bottom + 16, tick_text(value), "middle", "tick")]
    body.append(_text((left + right) / 2, bottom + 34, x_label, "middle", "axis"))
    for index, (label, kind, values) in enumerate(rows):
        y = top + pitch * (index + 0.5)
        ordered = sorted(values)
        q1, q2, q3 = (quantile(ordered, share) for share in (0.25, 0.5, 0.75))
        body.append(_text(left - 8, y + 4, _cut(label, left), "end", "label"))
        box = f'x="{_n(px(q1))}" y="{_n(y - 8)}" width="{_n(px(q3) - px(q1))}" height="16" rx="2"'
        body.append(f'<rect class="box k-{escape(kind)}" {box}/>')
        # Dots are zero-length strokes with round ends, one path a row: a tenth of the bytes of circles.
        dots = "".join(f"M{_n(px(value))} {_n(y + ((i * 7) % 5 - 2) * 2)}h0" for i, value in enumerate(values))
        body.append(f'<path class="dots k-{escape(kind)}" d="{dots}"/>')
        body.append(_line(px(q2), y - 9, px(q2), y + 9, "median"))
    medians = "; ".join(f"{label} {quantile(sorted(values), 0.5):.4g}" for label, _, values in rows)
    return _svg(key, width, bottom + 42, title, f"Medians: {medians}.", body)


@dataclass(frozen=True)
class Bar:
    """A row of `intervals`: a mean, its interval, and single values such as the means of the seeds."""

    label: str
    mean: float
    low: float | None = None
    high: float | None = None
    singles: tuple[float, ...] = ()


def intervals(key: str, rows: Sequence[Bar], x_label: str, width: float, title: str) -> str:
    """Draws one row a variant: its mean as a dot, its interval as a line, single values as rings.

    Args:
        key: prefix of the ids inside, unique in the page.
        rows: at least one.
        x_label: name and unit of the metric.
        width: in pixels.
        title: read out by screen readers.
    """
    pitch = 26.0
    left = _label_width([row.label for row in rows], width)
    right, top = width - 12, 6.0
    bottom = top + pitch * len(rows)
    values = [v for row in rows for v in (row.mean, row.low, row.high, *row.singles) if v is not None]
    x0, x1 = _padded(min(values), max(values), 0.05)

    def px(value: float) -> float:
        return left + (value - x0) / (x1 - x0) * (right - left)

    body = []
    for value in ticks(x0, x1, 6 if width > 500 else 4):
        body += [_line(px(value), top, px(value), bottom, "grid"), _text(px(value), bottom + 16, tick_text(value), "middle", "tick")]
    body.append(_text((left + right) / 2, bottom + 34, x_label, "middle", "axis"))
    for index, row in enumerate(rows):
        y = top + pitch * (index + 0.5)
        body.append(_text(left - 8, y + 4, _cut(row.label, left), "end", "label"))
        if row.low is not None and row.high is not None:
            body.append(_line(px(row.low), y, px(row.high), y, "span"))
        body += [f'<circle class="ring" cx="{_n(px(value))}" cy="{_n(y)}" r="5.5"/>' for value in row.singles if len(row.singles) > 1]
        body.append(f'<circle class="rank" cx="{_n(px(row.mean))}" cy="{_n(y)}" r="4"/>')
    means = "; ".join(f"{row.label} {row.mean:.4g}" for row in rows)
    return _svg(key, width, bottom + 42, title, f"Means: {means}.", body)


def histograms(
    key: str,
    names: Sequence[str],
    shares: Sequence[Sequence[float]],
    truth: Sequence[Sequence[float]] | None,
    title: str,
    width: float = 340,
) -> str:
    """Draws histograms side by side, filled, with those of the truth as lines; heights are square roots of the shares.

    Args:
        key: prefix of the ids inside, unique in the page.
        names: one a histogram.
        shares: of the pixels, one list of bins a histogram.
        truth: the same of the picture to be reached; None draws none.
        title: read out by screen readers.
        width: in pixels.
    """
    height, gap = 92.0, 10.0
    each = (width - gap * (len(names) - 1)) / len(names)
    top, bottom = 4.0, height - 18
    body = []
    for index, (name, bins) in enumerate(zip(names, shares, strict=True)):
        left = index * (each + gap)
        other = truth[index] if truth is not None else ()
        highest = math.sqrt(max([*bins, *other, 1e-9]))
        step = each / len(bins)

        def outline(values: Sequence[float], left: float = left, step: float = step, highest: float = highest) -> str:
            points = (f"{_n(left + step * (i + 0.5))} {_n(bottom - (bottom - top) * math.sqrt(v) / highest)}" for i, v in enumerate(values))
            return "L".join(points)

        body.append(f'<path class="share" d="M{_n(left)} {_n(bottom)}L{outline(bins)}L{_n(left + each)} {_n(bottom)}Z"/>')
        if other:
            body.append(f'<path class="truth" d="M{outline(other)}"/>')
        body += [_line(left, bottom, left + each, bottom, "grid"), _text(left + each / 2, height - 4, name, "middle", "tick")]
    means = "; ".join(
        f"{name} {sum((i + 0.5) / len(b) * v for i, v in enumerate(b)) / max(sum(b), 1e-9):.2f}"
        for name, b in zip(names, shares, strict=True)
    )
    return _svg(key, width, height, title, f"Means: {means}.", body)


def heatmap(key: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[int | None]]], width: float, title: str) -> str:
    """Draws places (1 is the best) as shaded numbers, a row a method and a column a metric.

    Args:
        key: prefix of the ids inside, unique in the page.
        heads: names of the columns.
        rows: label, and one place a column; None where there is none.
        width: in pixels.
        title: read out by screen readers.
    """
    left = _label_width([label for label, _ in rows], width)
    longest = max(len(head) for head in heads)
    top, pitch = longest * CHARACTER * 0.72 + 14, 22.0
    cell = min((width - left - 0.5 * longest * CHARACTER - 8) / len(heads), 54.0)
    worst = max((place for _, places in rows for place in places if place is not None), default=1)
    body = []
    for index, head in enumerate(heads):
        x = left + cell * (index + 0.5)
        body.append(f'<text class="label" transform="translate({_n(x - 3)} {_n(top - 6)}) rotate(-45)">{escape(head)}</text>')
    for line, (label, places) in enumerate(rows):
        y = top + pitch * line
        body.append(_text(left - 8, y + 15, _cut(label, left), "end", "label"))
        for index, place in enumerate(places):
            x = left + cell * index
            if place is None:
                body.append(_text(x + cell / 2, y + 15, "—", "middle", "tick"))
                continue
            share = 1 - (place - 1) / max(worst - 1, 1)
            # The palest and the darkest shade both leave the number on them legible.
            size = f'width="{_n(cell - 1)}" height="{_n(pitch - 1)}"'
            body.append(f'<rect class="heat" x="{_n(x)}" y="{_n(y)}" {size} fill-opacity="{0.04 + 0.5 * share**2:.2f}"/>')
            body.append(_text(x + cell / 2, y + 15, str(place), "middle", "place"))
    firsts = "; ".join(f"{label} {sum(place == 1 for place in places)}" for label, places in rows if 1 in places)
    return _svg(key, width, top + pitch * len(rows) + 4, title, f"First places: {firsts}.", body)


def critical_difference(key: str, ranks: Mapping[str, float], difference: float, width: float, title: str) -> str:
    """Draws mean ranks, best on top, and joins methods whose ranks differ by less than the critical difference.

    The diagram of Demsar (JMLR 7, 2006, Fig. 1), turned upright so that thirty names fit and a phone can show it.

    Args:
        key: prefix of the ids inside, unique in the page.
        ranks: mean rank by label, 1 is the best.
        difference: the critical difference.
        width: in pixels.
        title: read out by screen readers.
    """
    ordered = sorted(ranks.items(), key=lambda item: (item[1], item[0]))
    groups: list[tuple[int, int]] = []
    for i in range(len(ordered)):
        j = max(k for k in range(i, len(ordered)) if ordered[k][1] - ordered[i][1] <= difference)
        if j > i and not any(a <= i and j <= b for a, b in groups):
            groups.append((i, j))
    pitch, top = 24.0, 24.0
    left = _label_width([label for label, _ in ordered], width)
    right = width - 20 - 9 * len(groups)
    bottom = top + pitch * len(ordered)
    last = max(math.ceil(ordered[-1][1]), 2)

    def px(rank: float) -> float:
        return left + 8 + (rank - 1) / (last - 1) * (right - left - 16)

    body = []
    for place in range(1, last + 1, max(1, math.ceil((last - 1) / 8))):
        body += [_line(px(place), top, px(place), bottom, "grid"), _text(px(place), top - 8, str(place), "middle", "tick")]
    for index, (label, rank) in enumerate(ordered):
        y = top + pitch * (index + 0.5)
        body.append(_text(left - 8, y + 4, _cut(label, left), "end", "label"))
        body.append(f'<circle class="rank" cx="{_n(px(rank))}" cy="{_n(y)}" r="4.5"/>')
        beside = px(rank) + 9 if px(rank) < right - 40 else px(rank) - 9
        body.append(_text(beside, y + 4, f"{rank:.2f}", "start" if beside > px(rank) else "end", "tick"))
    for index, (i, j) in enumerate(groups):
        x = right + 14 + 9 * index
        body.append(_line(x, top + pitch * i + 5, x, top + pitch * (j + 1) - 5, "clique"))
    description = "; ".join(f"{label} {rank:.2f}" for label, rank in ordered)
    joined = "; ".join(" to ".join((ordered[i][0], ordered[j][0])) for i, j in groups) or "none"
    body.append(_text(width / 2, bottom + 18, f"mean rank; critical difference {difference:.2f}", "middle", "axis"))
    return _svg(key, width, bottom + 26, title, f"Mean ranks: {description}. Not told apart: {joined}.", body)


def lines(
    key: str,
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    x_label: str,
    y_label: str,
    width: float,
    title: str,
    y_range: tuple[float, float] = (0, 1),
) -> str:
    """Draws up to three series over common positions; line style and marker repeat what the colour says.

    Args:
        key: prefix of the ids, unique in the page.
        x: positions, rising.
        series: values by name; each name stands in the key above the lines.
        x_label: name of the x axis.
        y_label: name of the y axis.
        width: in pixels.
        title: what is shown.
        y_range: ends of the y axis.
    """
    height, left, right, top, bottom = 250.0, 46.0, width - 12, 30.0, 206.0
    (x0, x1), (y0, y1) = (min(x), max(x)), y_range

    def px(value: float) -> float:
        return left + (value - x0) / (x1 - x0) * (right - left)

    def py(value: float) -> float:
        return bottom - (value - y0) / (y1 - y0) * (bottom - top)

    body = []
    for value in ticks(y0, y1, 4):
        body += [_line(left, py(value), right, py(value), "grid"), _text(left - 6, py(value) + 4, tick_text(value), "end", "tick")]
    body += [_text(px(value), bottom + 16, tick_text(value), "middle", "tick") for value in ticks(x0, x1, 6)]
    body.append(_text((left + right) / 2, height - 6, x_label, "middle", "axis"))
    body.append(
        f'<text class="axis" text-anchor="middle" transform="translate(13 {_n((top + bottom) / 2)}) rotate(-90)">{escape(y_label)}</text>'
    )
    place = left
    for index, (name, values) in enumerate(series.items()):
        path = "M" + "L".join(f"{_n(px(a))} {_n(py(b))}" for a, b in zip(x, values, strict=True))
        body.append(f'<path class="series s{index}" d="{path}"/>')
        body += [_dot(index, px(a), py(b)) for a, b in zip(x, values, strict=True)]
        body.append(f'<path class="series s{index}" d="M{_n(place)} 14L{_n(place + 26)} 14"/>{_dot(index, place + 13, 14)}')
        body.append(_text(place + 32, 18, name, style="label"))
        place += 46 + len(name) * CHARACTER
    ends = "; ".join(f"{name} from {values[0]:.2f} to {values[-1]:.2f}" for name, values in series.items())
    return _svg(key, width, height, title, f"{x_label} from {x0:g} to {x1:g}. {ends}.", body)


def _dot(index: int, x: float, y: float) -> str:
    """Draws the marker of a series: circle, square or triangle."""
    if index == 0:
        return f'<circle class="dot s0" cx="{_n(x)}" cy="{_n(y)}" r="3.5"/>'
    if index == 1:
        return f'<rect class="dot s1" x="{_n(x - 3)}" y="{_n(y - 3)}" width="6" height="6"/>'
    return f'<polygon class="dot s2" points="{_n(x)},{_n(y - 4)} {_n(x + 4)},{_n(y + 3)} {_n(x - 4)},{_n(y + 3)}"/>'
