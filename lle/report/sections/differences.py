"""Which differences are established: paired tests, any two methods, and ranks over the data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lle.report.charts.places import critical_difference
from lle.report.leaderboard import Table, leaderboards
from lle.report.parts import both
from lle.report.render import fragment
from lle.report.sections import Section
from lle.report.significance import ALPHA, Tests, ranks, tests
from lle.results.quality import Evaluation, PerImage
from lle.results.read import Results

READS = (Evaluation.FILES, PerImage.FILES)


def section(_: Path, results: Results) -> Section | None:
    """Shows the tests of every data set, or None where no two methods can be compared."""
    tested = _tests(results, leaderboards(results))
    if not tested:
        return None
    html = fragment("tests", results=results, tests=tested, alpha=ALPHA, ranking=_ranking(results))
    pairs = {"pairs": _pairs(results, tested)}
    return Section("tests", "Which differences are established", html, menu="Tests", order=150, data=pairs)


def _tests(results: Results, tables: Mapping[str, Table]) -> list[Tests]:
    """Tests the first two full-reference metrics of every data set."""
    found = []
    for table in tables.values():
        for column in [c for c in table.columns if c.group == "full"][:2]:
            tested = tests(results, table, column.key)
            if tested is not None:
                found.append(tested)
    return found


def _pairs(results: Results, tested: Sequence[Tests]) -> list[dict[str, Any]]:
    """Returns what the comparison of any two methods draws: values by picture, and the tests of the tables."""
    return [
        {
            "dataset": t.dataset,
            "label": t.column.label,
            "digits": t.column.digits,
            "better": t.column.better,
            "images": results.per_image[t.dataset][t.methods[0]].images,
            "methods": [
                {"id": m, "title": t.titles[m], "values": results.per_image[t.dataset][m].numbers(t.column.key)} for m in t.methods
            ],
            "tests": {
                f"{a} {b}": [t.column.text(d.mean), t.column.text(d.low), t.column.text(d.high), f"{pair.adjusted:.2g}", pair.verdict]
                for (a, b), pair in t.pairs.items()
                for d in (pair.difference.difference,)
            },
        }
        for t in tested
    ]


def _ranking(results: Results) -> dict[str, Any] | None:
    """Returns the rank table by PSNR with its critical-difference diagram."""
    ranked = ranks(results, "psnr")
    if ranked is None:
        return None
    title = f"Mean ranks by {ranked.column.label} over {', '.join(ranked.datasets)}"
    shown = {results.title(method): value for method, value in ranked.mean.items()}
    figure = both(lambda key, width: critical_difference(key, shown, ranked.critical, width, title), "ranks")
    return {"ranks": ranked, "title": title, "figure": figure}
