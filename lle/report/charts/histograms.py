"""Histograms side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lle.report.charts.svg import num, stroke, svg, text_at, tick_text, ticks


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
            points = (
                f"{num(left + step * (i + 0.5))} {num(bottom - (bottom - top) * math.sqrt(v) / highest)}" for i, v in enumerate(values)
            )
            return "L".join(points)

        body.append(f'<path class="share" d="M{num(left)} {num(bottom)}L{outline(bins)}L{num(left + each)} {num(bottom)}Z"/>')
        if other:
            body.append(f'<path class="truth" d="M{outline(other)}"/>')
        body += [stroke(left, bottom, left + each, bottom, "grid"), text_at(left + each / 2, height - 4, name, "middle", "tick")]
    means = "; ".join(
        f"{name} {sum((i + 0.5) / len(b) * v for i, v in enumerate(b)) / max(sum(b), 1e-9):.2f}"
        for name, b in zip(names, shares, strict=True)
    )
    return svg(key, width, height, title, f"Means: {means}.", body)


def distribution(key: str, series: Mapping[str, Sequence[float]], mark: tuple[str, float], x_label: str, width: float, title: str) -> str:
    """Draws how often values occur, a filled outline a series, with a value marked on the axis.

    Args:
        key: prefix of the ids inside, unique in the page.
        series: values by label, at most three.
        mark: name and place of a vertical line.
        x_label: name and unit of the values.
        width: in pixels.
        title: read out by screen readers.
    """
    left, right, top, bottom = 44.0, width - 10, 26.0, 190.0
    x0, x1 = 0.0, max(max(values) for values in series.values()) * 1.02
    bins = 32
    counted = {label: _shares(values, bins, x1) for label, values in series.items()}
    highest = max(max(shares) for shares in counted.values())

    def px(value: float) -> float:
        return left + (value - x0) / (x1 - x0) * (right - left)

    def py(share: float) -> float:
        return bottom - share / highest * (bottom - top)

    body = []
    for value in ticks(0, 100 * highest, 4):
        body += [stroke(left, py(value / 100), right, py(value / 100), "grid")]
        body += [text_at(left - 5, py(value / 100) + 4, f"{tick_text(value)} %", "end", "tick")]
    body += [text_at(px(value), bottom + 16, tick_text(value), "middle", "tick") for value in ticks(x0, x1, 6 if width > 500 else 4)]
    body.append(text_at((left + right) / 2, bottom + 34, x_label, "middle", "axis"))
    for number, (label, shares) in enumerate(counted.items()):
        corners = [(x1 * (index + side) / bins, share) for index, share in enumerate(shares) for side in (0, 1)]
        outline = "L".join(f"{num(px(x))} {num(py(share))}" for x, share in corners)
        body.append(f'<path class="series s{number}" fill="none" d="M{num(left)} {num(bottom)}L{outline}L{num(px(x1))} {num(bottom)}"/>')
        body.append(f'<rect class="dot s{number}" x="{num(left + 150 * number)}" y="4" width="12" height="12"/>')
        body.append(text_at(left + 150 * number + 17, 14, label, "start", "label"))
    body += [stroke(px(mark[1]), top, px(mark[1]), bottom, "median"), text_at(px(mark[1]) + 5, top + 10, mark[0], "start", "label")]
    means = "; ".join(f"{label} {sum(values) / len(values):.4g}" for label, values in series.items())
    return svg(key, width, bottom + 42, title, f"Means: {means}.", body)


def _shares(values: Sequence[float], bins: int, end: float) -> list[float]:
    """Returns the share of the values in each of equal bins of [0, end)."""
    counts = [0] * bins
    for value in values:
        counts[min(int(value / end * bins), bins - 1)] += 1
    return [count / len(values) for count in counts]
