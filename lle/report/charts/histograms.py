"""Histograms side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lle.report.charts.svg import num, stroke, svg, text_at


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
