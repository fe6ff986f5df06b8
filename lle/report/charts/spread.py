"""One row a method or variant: the values of all pictures, or a mean with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lle.report.charts.svg import label_width, num, padded, shortened, stroke, svg, text_at, tick_text, ticks


def quantile(ordered: Sequence[float], share: float) -> float:
    """Returns a quantile of sorted values, interpolated linearly."""
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


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
    left = label_width([label for label, _, _ in rows], width)
    right, top = width - 12, 6.0
    bottom = top + pitch * len(rows)
    x0, x1 = padded(min(min(v) for _, _, v in rows), max(max(v) for _, _, v in rows), 0.03)

    def px(value: float) -> float:
        return left + (value - x0) / (x1 - x0) * (right - left)

    body = []
    for value in ticks(x0, x1, 6 if width > 500 else 4):
        body += [stroke(px(value), top, px(value), bottom, "grid"), text_at(px(value), bottom + 16, tick_text(value), "middle", "tick")]
    body.append(text_at((left + right) / 2, bottom + 34, x_label, "middle", "axis"))
    for index, (label, kind, values) in enumerate(rows):
        y = top + pitch * (index + 0.5)
        ordered = sorted(values)
        q1, q2, q3 = (quantile(ordered, share) for share in (0.25, 0.5, 0.75))
        body.append(text_at(left - 8, y + 4, shortened(label, left), "end", "label"))
        box = f'x="{num(px(q1))}" y="{num(y - 8)}" width="{num(px(q3) - px(q1))}" height="16" rx="2"'
        body.append(f'<rect class="box k-{escape(kind)}" {box}/>')
        # Dots are zero-length strokes with round ends, one path a row: a tenth of the bytes of circles.
        dots = "".join(f"M{num(px(value))} {num(y + ((i * 7) % 5 - 2) * 2)}h0" for i, value in enumerate(values))
        body.append(f'<path class="dots k-{escape(kind)}" d="{dots}"/>')
        body.append(stroke(px(q2), y - 9, px(q2), y + 9, "median"))
    medians = "; ".join(f"{label} {quantile(sorted(values), 0.5):.4g}" for label, _, values in rows)
    return svg(key, width, bottom + 42, title, f"Medians: {medians}.", body)


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
    left = label_width([row.label for row in rows], width)
    right, top = width - 12, 6.0
    bottom = top + pitch * len(rows)
    values = [v for row in rows for v in (row.mean, row.low, row.high, *row.singles) if v is not None]
    x0, x1 = padded(min(values), max(values), 0.05)

    def px(value: float) -> float:
        return left + (value - x0) / (x1 - x0) * (right - left)

    body = []
    for value in ticks(x0, x1, 6 if width > 500 else 4):
        body += [stroke(px(value), top, px(value), bottom, "grid"), text_at(px(value), bottom + 16, tick_text(value), "middle", "tick")]
    body.append(text_at((left + right) / 2, bottom + 34, x_label, "middle", "axis"))
    for index, row in enumerate(rows):
        y = top + pitch * (index + 0.5)
        body.append(text_at(left - 8, y + 4, shortened(row.label, left), "end", "label"))
        if row.low is not None and row.high is not None:
            body.append(stroke(px(row.low), y, px(row.high), y, "span"))
        body += [f'<circle class="ring" cx="{num(px(value))}" cy="{num(y)}" r="5.5"/>' for value in row.singles if len(row.singles) > 1]
        body.append(f'<circle class="rank" cx="{num(px(row.mean))}" cy="{num(y)}" r="4"/>')
    means = "; ".join(f"{row.label} {row.mean:.4g}" for row in rows)
    return svg(key, width, bottom + 42, title, f"Means: {means}.", body)
