"""Where the numbers come from: the provenance of every evaluation."""

from __future__ import annotations

from pathlib import Path

from lle.report.render import fragment
from lle.report.sections import Section
from lle.results.quality import Evaluation
from lle.results.read import Results

READS = (Evaluation.FILES,)


def section(_: Path, results: Results) -> Section | None:
    """Shows a row an evaluation."""
    rows = [
        (dataset, results.title(method), evaluation.provenance)
        for dataset, evaluations in results.evaluations.items()
        for method, evaluation in evaluations.items()
    ]
    return Section("reproduce", "Where the numbers come from", fragment("reproduce", rows=rows), menu="Reproduce", order=930)
