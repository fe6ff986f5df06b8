"""Before and after: the sample pictures, two at a time and as a sheet."""

from __future__ import annotations

from pathlib import Path

from lle.report.gallery import scenes
from lle.report.leaderboard import leaderboards
from lle.report.render import fragment
from lle.report.sections import Section
from lle.results.quality import Evaluation
from lle.results.read import SAMPLES, Results

READS = (SAMPLES, Evaluation.FILES)


def section(_: Path, results: Results) -> Section | None:
    """Shows the pictures; methods stand in the order of the leaderboard."""
    order = {dataset: [row.method for row in table.rows] for dataset, table in leaderboards(results).items()}
    shown = scenes(results, order)
    return Section("compare", "Before and after", fragment("compare", scenes=shown), menu="Pictures", order=120) if shown else None
