"""The curves of the trainings as tables that `dvc plots` reads, which takes no nested JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lle.files import csv_text
from lle.results.training import TermCurve, Training

FOLDER = "curves"
LOSS, PSNR = "loss", "psnr"
VALIDATION = "val"


def curve_files(trainings: Mapping[str, Training]) -> dict[str, str]:
    """Returns `curves/loss/<method>.csv` and `curves/psnr/<method>.csv` of every method whose training recorded them.

    Args:
        trainings: by method.

    Returns:
        CSV texts by name. Columns are `iteration`, counted over all phases, and the value: the sum of the weighted loss terms of all
        updates at that iteration, or the mean PSNR of validation pictures in dB. Sums of different phases or methods are no comparison.
    """
    made: dict[str, str] = {}
    for method, training in trainings.items():
        losses = [term for term in training.terms if term.update != VALIDATION]
        scores = [term for term in training.terms if term.update == VALIDATION and term.term == PSNR]
        for kind, curves in ((LOSS, losses), (PSNR, scores)):
            if sums := _sums(curves):
                made[f"{FOLDER}/{kind}/{method}.csv"] = csv_text([{"iteration": at, kind: f"{value:.6g}"} for at, value in sums.items()])
    return made


def _sums(curves: Iterable[TermCurve]) -> dict[int, float]:
    """Returns the sum of the curves by iteration; a value that was not finite leaves its iteration out."""
    values: dict[int, list[float | None]] = {}
    for curve in curves:
        for at, value in curve.points:
            values.setdefault(int(at), []).append(value)
    finite = {at: [value for value in found if value is not None] for at, found in sorted(values.items())}
    return {at: sum(found) for at, found in finite.items() if len(found) == len(values[at])}
