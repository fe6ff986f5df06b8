"""What people preferred: Bradley-Terry scores from blinded pairs, or how to get some."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from lle.report import figures, parts
from lle.report.charts.spread import Bar
from lle.report.sections import Section
from lle.results.rating import RatedMethod, Rating
from lle.results.read import Results

READS = (Rating.FILES,)
HEADS = ("Method", "Score", "95 % interval", "Preferred, %", "Answers")
ABOUT = (
    "People saw pairs of enhanced pictures of the same place, in random order and on random sides, without the methods' names, and said "
    "which one they preferred. A score is in log-odds: of two methods whose scores differ by 1, the higher one is preferred 73 times in "
    "100. Intervals are over raters and pictures together."
)
NONE = (
    "Nobody was asked yet. lle rate page METHOD METHOD... DATASET makes a page for raters, which needs no network, and lle rate scores "
    "CSV... makes scores from the files that it gives."
)


def section(reports: Path, results: Results) -> Section:
    """Shows what lies in `reports/rate`; where there is nothing, the command that makes it."""
    found = [Rating.read(path) for path in sorted(reports.glob(Rating.FILES))]
    shown = [parts.paragraph(ABOUT), *(part for one in found for part in _study(one, results))] if found else [parts.paragraph(NONE)]
    return Section("rating", "What people prefer", Markup().join(shown), menu="People" if found else "", order=560)


def _study(one: Rating, results: Results) -> list[Markup]:
    rows = [
        (results.title(method.method), f"{method.score:+.2f}", _interval(method), f"{100 * method.won:.0f}", str(method.answers))
        for method in one.methods
    ]
    people = "1 person" if one.raters == 1 else f"{one.raters} people"
    caption = f"{one.name}: {one.answers} answers of {people} about {one.pictures} pictures of {one.dataset}"
    left = "" if one.left is None else f" The left picture was preferred in {100 * one.left:.0f} % of the others, where half is no bias."
    how = f"{one.protocol['interval']}; {one.protocol['answers']}."
    remark = f"“{one.question}” No difference was seen in {100 * one.same:.0f} %.{left} {how}"
    return [parts.table(caption, HEADS, rows), parts.paragraph(remark), _chart(one, results)]


def _interval(method: RatedMethod) -> str:
    return "—" if method.low is None or method.high is None else f"{method.low:+.2f} to {method.high:+.2f}"


def _chart(one: Rating, results: Results) -> Markup:
    bars: Sequence[Bar] = [Bar(results.title(method.method), method.score, method.low, method.high) for method in one.methods]
    title = f"{one.name}: scores and their intervals"

    def draw(key: str, width: float) -> str:
        return figures.intervals(key, bars, "Score, log-odds", width, title)

    return parts.figure(parts.both(draw, f"rating-{one.name}"), f"{title}.")
