"""The leaderboard: a table a data set."""

from __future__ import annotations

from pathlib import Path

from lle.report.columns import COSTS, FLICKER, GROUPS, columns
from lle.report.leaderboard import INTERVALS, MARKS, Table, kinds, leaderboards
from lle.report.render import fragment
from lle.report.sections import Section
from lle.results.cost import Profile
from lle.results.quality import INPUT, Evaluation
from lle.results.read import Results
from lle.results.video import Flicker

READS = (Evaluation.FILES, Profile.FILES, Flicker.FILES)
APART = ("video", "cost")
"""Groups of columns that belong to a method, whatever the data set."""


def section(_: Path, results: Results) -> Section | None:
    """Shows the tables; their cells open their provenance."""
    tables = leaderboards(results)
    metrics = columns(c.key for table in tables.values() for c in table.columns if c.group not in APART)
    shown = (*metrics, *((FLICKER,) if results.flickers else ()), *COSTS)
    html = fragment(
        "tables",
        results=results,
        tables=tables,
        groups={dataset: _grouped(table) for dataset, table in tables.items()},
        columns=shown,
        intervals=INTERVALS,
        marks=MARKS,
        input=INPUT,
        kinds=kinds(tables),
    )
    quality = [c.key for c in metrics]
    cells = [
        (f"{dataset}/{row.method}", key) for dataset, table in tables.items() for row in table.rows for key in quality if key in row.cells
    ]
    cells += [(f"profile/{method}", "gmacs") for method in results.profiles]
    cells += [(f"flicker/{method}", FLICKER.key) for method in results.flickers]
    return Section("tables", "Leaderboard", html, menu="Tables", order=100, cells=tuple(cells))


def _grouped(table: Table) -> list[tuple[str, str, int]]:
    """Returns group key, title and number of columns of the heads above the heads."""
    sizes: dict[str, int] = {}
    for column in table.columns:
        sizes[column.group] = sizes.get(column.group, 0) + 1
    return [(group, GROUPS[group], sizes[group]) for group in GROUPS if group in sizes]
