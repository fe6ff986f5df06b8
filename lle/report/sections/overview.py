"""Every metric at a glance: the place of every method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lle.report.charts.places import heatmap
from lle.report.leaderboard import Table, leaderboards
from lle.report.parts import both
from lle.report.render import fragment
from lle.report.sections import Section
from lle.results.quality import INPUT, Evaluation
from lle.results.read import Results

READS = (Evaluation.FILES,)


def section(_: Path, results: Results) -> Section | None:
    """Shows a map of places a data set."""
    overview = _overview(leaderboards(results))
    return Section("overview", "Every metric at a glance", fragment("overview", overview=overview), order=110) if overview else None


def _overview(tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """Draws the place of every method in every metric that has a better direction."""
    charts: list[dict[str, Any]] = []
    for dataset, table in tables.items():
        rows = [row for row in table.rows if row.method != INPUT]
        shown = [c for c in table.columns if c.better is not None and c.group in {"full", "none"}]
        places: list[list[int | None]] = [[] for _ in rows]
        heads = []
        for column in shown:
            values = sorted((v for r in rows if (v := r.cells[column.key].value) is not None), reverse=column.better == "higher")
            if len(values) < 2:
                continue
            heads.append(column.label)
            for line, row in zip(places, rows, strict=True):
                value = row.cells[column.key].value
                line.append(None if value is None else values.index(value) + 1)
        if len(heads) < 2:
            continue
        title = f"Place of every method in every metric, {dataset}"
        lines = [(row.title, line) for row, line in zip(rows, places, strict=True)]

        def draw(
            name: str,
            width: float,
            heads: list[str] = heads,
            lines: list[tuple[str, list[int | None]]] = lines,
            title: str = title,
        ) -> str:
            return heatmap(name, heads, lines, width, title)

        charts.append({"title": title, "figure": both(draw, f"places-{len(charts)}")})
    return charts
