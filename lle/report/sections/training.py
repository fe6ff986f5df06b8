"""Training: a curve a loss term."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from lle.report.charts.curves import curve
from lle.report.render import fragment
from lle.report.sections import Section
from lle.results.read import Results
from lle.results.training import Training

READS = (Training.FILES,)


def section(_: Path, results: Results) -> Section | None:
    """Shows the curves of every method that was trained here."""
    curves = _curves(results)
    return Section("training", "Training", fragment("training", curves=curves), menu="Training", order=900) if curves else None


def _curves(results: Results) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for method, training in results.trainings.items():
        panels = []
        for index, term in enumerate(training.terms):
            name = " · ".join((term.phase, term.update, term.term))
            picture = curve(f"curve-{method}-{index}", term.points, f"{results.title(method)}: {name}")
            if picture:
                panels.append({"name": name, "figure": Markup(picture)})
        if panels:
            entries.append({"method": method, "title": results.title(method), "training": training, "panels": panels})
    return sorted(entries, key=lambda item: str(item["title"]).casefold())
