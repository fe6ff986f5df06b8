"""Picture by picture: the spread of the leading metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lle.report.charts.spread import strips
from lle.report.leaderboard import Table, leaderboards
from lle.report.parts import both
from lle.report.render import fragment
from lle.report.sections import Section
from lle.results.quality import Evaluation, PerImage
from lle.results.read import Results

READS = (Evaluation.FILES, PerImage.FILES)


def section(_: Path, results: Results) -> Section | None:
    """Shows a dot a picture for the first two full-reference metrics of every data set."""
    found = _distributions(results, leaderboards(results))
    return Section("spread", "Picture by picture", fragment("spread", distributions=found), menu="Spread", order=140) if found else None


def _distributions(results: Results, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    charts: list[dict[str, Any]] = []
    for dataset, table in tables.items():
        per_image = results.per_image.get(dataset, {})
        for column in [c for c in table.columns if c.group == "full"][:2]:
            rows = []
            for row in table.rows:
                values = per_image[row.method].numbers(column.key) if row.method in per_image else ()
                if values:
                    rows.append((row.title, row.supervision, values))
            if len(rows) < 2:
                continue
            title = f"{column.label} of every test picture, {dataset}"
            label = f"{column.label} ({column.better} is better)"

            def draw(
                name: str,
                width: float,
                rows: list[tuple[str, str, tuple[float, ...]]] = rows,
                label: str = label,
                title: str = title,
            ) -> str:
                return strips(name, rows, label, width, title)

            charts.append({"title": title, "figure": both(draw, f"dots-{len(charts)}")})
    return charts
