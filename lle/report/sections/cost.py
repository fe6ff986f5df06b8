"""Quality against cost, and the table of costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lle.report.charts.scatter import Point, scatter
from lle.report.columns import COSTS
from lle.report.costs import COST_HEADS, SIZE, cost_rows, throughput_rows
from lle.report.leaderboard import Table, kinds, leaderboards
from lle.report.parts import WIDE, both
from lle.report.render import fragment
from lle.report.sections import Section
from lle.results.cost import Profile, Throughput
from lle.results.quality import INPUT, Evaluation
from lle.results.read import Results

READS = (Profile.FILES, Throughput.FILES, Evaluation.FILES)


def section(_: Path, results: Results) -> Section | None:
    """Shows the charts and the tables, or None where nothing was profiled."""
    rows = cost_rows(results)
    if not rows:
        return None
    tables = leaderboards(results)
    html = fragment(
        "cost",
        results=results,
        costs=_costs(results, tables),
        kinds=kinds(tables),
        cost_heads=COST_HEADS,
        cost_rows=rows,
        throughput=throughput_rows(results),
    )
    return Section("cost", "Quality against cost", html, menu="Cost", order=130)


def _costs(results: Results, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """Draws quality against each cost, for the leading quality metric of every data set."""
    charts: list[dict[str, Any]] = []
    for dataset, table in tables.items():
        quality = next((c for c in table.columns if c.group == "full" and any(r.cells[c.key].value is not None for r in table.rows)), None)
        if quality is None:
            continue
        for cost, x_label in (
            (COSTS[1], f"10⁹ multiply-accumulates at {SIZE}"),
            (COSTS[2], f"Median latency at {SIZE}, ms"),
            (COSTS[0], "Parameters"),
        ):
            points, without = [], []
            for row in table.rows:
                if row.method == INPUT:
                    continue
                x, y = row.cells[cost.key].value, row.cells[quality.key].value
                if x is None or y is None or x <= 0:
                    without.append(row.title)
                    continue
                score = results.evaluations[dataset][row.method].metrics[quality.key]
                points.append(Point(row.title, x, y, row.supervision, score.low, score.high))
            if len(points) < 2:
                continue
            key = f"cost-{len(charts)}"
            title = f"{quality.label} on {dataset} against {cost.label}"
            unit = " dB" if quality.key.startswith("psnr") else ""
            y_label = f"{quality.label}{unit} on {dataset} ({quality.better} is better)"

            def draw(
                name: str,
                width: float,
                points: list[Point] = points,
                x_label: str = x_label,
                y_label: str = y_label,
                title: str = title,
                better: str = quality.better or "higher",
            ) -> str:
                height = 400 if width >= WIDE else 330 + 8 * len(points)
                return scatter(name, points, x_label, y_label, width, height, title, better)

            charts.append({"title": title, "figure": both(draw, key), "without": sorted(without)})
    return charts
