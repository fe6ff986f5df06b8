"""Loss and validation curves of a training, and what MLflow calls them; imports no MLflow."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CURVE_POINTS = 1000
"""Most points of a loss curve that are sent; the chart of the MLflow page draws 320."""
VALIDATION = "val"
"""Update under which a training logs its validation."""


@dataclass(frozen=True)
class TermValues:
    """Values of one loss term, or of a validation metric, over the iterations.

    Attributes:
        phase: training phase.
        update: update within the phase, `val` for validation.
        term: name of the term.
        points: iteration and value.
    """

    phase: str
    update: str
    term: str
    points: tuple[tuple[int, float], ...]


def curve_names(curves: Sequence[TermValues]) -> list[str]:
    """Returns the metric of each curve in MLflow: `val/<metric>`, or `loss/<term>` with phase and update where there are several.

    Args:
        curves: all curves of one run.
    """
    phases = {curve.phase for curve in curves}
    updates = {(curve.phase, curve.update) for curve in curves if curve.update != VALIDATION}
    many_updates = len(updates) > len({phase for phase, _ in updates})
    names = []
    for curve in curves:
        if curve.update == VALIDATION:
            # A validation curve runs on over all phases.
            names.append(f"val/{curve.term}")
            continue
        where = [*([curve.phase] if len(phases) > 1 else []), *([curve.update] if many_updates else [])]
        names.append("/".join(["loss", *where, curve.term]))
    return names


def read_losses(path: Path) -> Iterator[TermValues]:
    """Yields the curves of `losses.csv`, thinned to at most `CURVE_POINTS` points; the last one stays."""
    points: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            points.setdefault((row["phase"], row["update"], row["term"]), []).append((int(row["iteration"]), float(row["value"])))
    for (phase, update, term), values in points.items():
        step = -(-len(values) // CURVE_POINTS)
        # Counted from the end, so that the last value stays.
        yield TermValues(phase, update, term, tuple(values[::-1][::step][::-1]))
