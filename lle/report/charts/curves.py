"""Values over iterations or positions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from lle.report.charts.svg import CHARACTER, log_ticks, num, padded, stroke, svg, text_at, tick_text, ticks


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
    y0, y1 = padded(min(scale), max(scale), 0.06)

    def px(value: float) -> float:
        return left + (value - x0) / (x1 - x0) * (right - left)

    def py(value: float) -> float:
        return bottom - (value - y0) / (y1 - y0) * (bottom - top)

    def path(heights: Sequence[float]) -> str:
        return "M" + "L".join(f"{num(px(x))} {num(py(y))}" for (x, _), y in zip(found, heights, strict=True))

    marks = log_ticks(10**y0, 10**y1) if logarithmic else ticks(y0, y1, 3)
    body = []
    for value in marks:
        at = py(math.log10(value) if logarithmic else value)
        body += [stroke(left, at, right, at, "grid"), text_at(left - 5, at + 4, tick_text(value), "end", "tick")]
    for value in ticks(x0, x1, 3):
        anchor = "end" if px(value) > right - 12 else "middle"
        body.append(text_at(px(value), height - 6, tick_text(value), anchor, "tick"))
    if len(found) <= 8:
        body.append(f'<path class="smooth" d="{path(scale)}"/>')
    else:
        body.append(f'<path class="raw" d="{path(scale)}"/>')
        body.append(f'<path class="smooth" d="{path(smooth(scale, max(3, len(found) // 12)))}"/>')
    log = ", logarithmic axis" if logarithmic else ""
    return svg(key, width, height, title, f"From {values[0]:.4g} to {values[-1]:.4g} over {len(found)} recorded points{log}.", body)


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
        body += [stroke(left, py(value), right, py(value), "grid"), text_at(left - 6, py(value) + 4, tick_text(value), "end", "tick")]
    body += [text_at(px(value), bottom + 16, tick_text(value), "middle", "tick") for value in ticks(x0, x1, 6)]
    body.append(text_at((left + right) / 2, height - 6, x_label, "middle", "axis"))
    body.append(
        f'<text class="axis" text-anchor="middle" transform="translate(13 {num((top + bottom) / 2)}) rotate(-90)">{escape(y_label)}</text>'
    )
    place = left
    for index, (name, values) in enumerate(series.items()):
        path = "M" + "L".join(f"{num(px(a))} {num(py(b))}" for a, b in zip(x, values, strict=True))
        body.append(f'<path class="series s{index}" d="{path}"/>')
        body += [_dot(index, px(a), py(b)) for a, b in zip(x, values, strict=True)]
        body.append(f'<path class="series s{index}" d="M{num(place)} 14L{num(place + 26)} 14"/>{_dot(index, place + 13, 14)}')
        body.append(text_at(place + 32, 18, name, style="label"))
        place += 46 + len(name) * CHARACTER
    ends = "; ".join(f"{name} from {values[0]:.2f} to {values[-1]:.2f}" for name, values in series.items())
    return svg(key, width, height, title, f"{x_label} from {x0:g} to {x1:g}. {ends}.", body)


def _dot(index: int, x: float, y: float) -> str:
    """Draws the marker of a series: circle, square or triangle."""
    if index == 0:
        return f'<circle class="dot s0" cx="{num(x)}" cy="{num(y)}" r="3.5"/>'
    if index == 1:
        return f'<rect class="dot s1" x="{num(x - 3)}" y="{num(y - 3)}" width="6" height="6"/>'
    return f'<polygon class="dot s2" points="{num(x)},{num(y - 4)} {num(x + 4)},{num(y + 3)} {num(x - 4)},{num(y + 3)}"/>'
