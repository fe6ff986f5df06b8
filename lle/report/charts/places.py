"""Places of the methods: in every metric, and mean ranks with their critical difference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from lle.report.charts.svg import CHARACTER, label_width, num, shortened, stroke, svg, text_at


def heatmap(key: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[int | None]]], width: float, title: str) -> str:
    """Draws places (1 is the best) as shaded numbers, a row a method and a column a metric.

    Args:
        key: prefix of the ids inside, unique in the page.
        heads: names of the columns.
        rows: label, and one place a column; None where there is none.
        width: in pixels.
        title: read out by screen readers.
    """
    left = label_width([label for label, _ in rows], width)
    longest = max(len(head) for head in heads)
    top, pitch = longest * CHARACTER * 0.72 + 14, 22.0
    cell = min((width - left - 0.5 * longest * CHARACTER - 8) / len(heads), 54.0)
    worst = max((place for _, places in rows for place in places if place is not None), default=1)
    body = []
    for index, head in enumerate(heads):
        x = left + cell * (index + 0.5)
        body.append(f'<text class="label" transform="translate({num(x - 3)} {num(top - 6)}) rotate(-45)">{escape(head)}</text>')
    for line, (label, places) in enumerate(rows):
        y = top + pitch * line
        body.append(text_at(left - 8, y + 15, shortened(label, left), "end", "label"))
        for index, place in enumerate(places):
            x = left + cell * index
            if place is None:
                body.append(text_at(x + cell / 2, y + 15, "—", "middle", "tick"))
                continue
            share = 1 - (place - 1) / max(worst - 1, 1)
            # The palest and the darkest shade both leave the number on them legible.
            size = f'width="{num(cell - 1)}" height="{num(pitch - 1)}"'
            body.append(f'<rect class="heat" x="{num(x)}" y="{num(y)}" {size} fill-opacity="{0.04 + 0.5 * share**2:.2f}"/>')
            body.append(text_at(x + cell / 2, y + 15, str(place), "middle", "place"))
    firsts = "; ".join(f"{label} {sum(place == 1 for place in places)}" for label, places in rows if 1 in places)
    return svg(key, width, top + pitch * len(rows) + 4, title, f"First places: {firsts}.", body)


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
    left = label_width([label for label, _ in ordered], width)
    right = width - 20 - 9 * len(groups)
    bottom = top + pitch * len(ordered)
    last = max(math.ceil(ordered[-1][1]), 2)

    def px(rank: float) -> float:
        return left + 8 + (rank - 1) / (last - 1) * (right - left - 16)

    body = []
    for place in range(1, last + 1, max(1, math.ceil((last - 1) / 8))):
        body += [stroke(px(place), top, px(place), bottom, "grid"), text_at(px(place), top - 8, str(place), "middle", "tick")]
    for index, (label, rank) in enumerate(ordered):
        y = top + pitch * (index + 0.5)
        body.append(text_at(left - 8, y + 4, shortened(label, left), "end", "label"))
        body.append(f'<circle class="rank" cx="{num(px(rank))}" cy="{num(y)}" r="4.5"/>')
        beside = px(rank) + 9 if px(rank) < right - 40 else px(rank) - 9
        body.append(text_at(beside, y + 4, f"{rank:.2f}", "start" if beside > px(rank) else "end", "tick"))
    for index, (i, j) in enumerate(groups):
        x = right + 14 + 9 * index
        body.append(stroke(x, top + pitch * i + 5, x, top + pitch * (j + 1) - 5, "clique"))
    description = "; ".join(f"{label} {rank:.2f}" for label, rank in ordered)
    joined = "; ".join(" to ".join((ordered[i][0], ordered[j][0])) for i, j in groups) or "none"
    body.append(text_at(width / 2, bottom + 18, f"mean rank; critical difference {difference:.2f}", "middle", "axis"))
    return svg(key, width, bottom + 26, title, f"Mean ranks: {description}. Not told apart: {joined}.", body)
