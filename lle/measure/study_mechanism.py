"""What a study finds out about mechanisms: the numbers of `lle mechanism` by variant, and how far the pictures of two variants differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lle import registry
from lle.data.images import read_rgb
from lle.data.pairs import open_prepared
from lle.files import significant
from lle.infer.enhancer import Enhancer
from lle.measure.mechanism import mechanism
from lle.results.mechanism import Mechanism

if TYPE_CHECKING:
    from lle.measure.study_results import Run


def measure_run(run: Run) -> None:
    """Writes the numbers of a run's method into its folder, where the method declares any."""
    if registry.mechanism(run.method) is not None:
        mechanism(run.method, run.params, models=run.folder / "models", reports=run.folder)


def numbers(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Returns the numbers of one variant, each the mean over its runs; none where its method declares none."""
    paths = [Mechanism.path(run.folder, run.method) for run in runs]
    if not all(path.is_file() for path in paths):
        return []
    found = [Mechanism.read(path).measures for path in paths]
    means: dict[tuple[str, str], list[float]] = {}
    for measures in found:
        for one in measures:
            means.setdefault((one.key, one.place), []).append(float(one.value))
    return [{**one.plain(), "value": significant(float(np.mean(means[one.key, one.place])))} for one in found[0]]


def output_change(first: Run, second: Run, dataset: str, data: Path = Path("build/data")) -> float:
    """Returns the mean absolute difference between the results of two runs, in grey levels of 255, over the pictures of a split."""
    one, other = (Enhancer.load(run.folder / "models" / run.method) for run in (first, second))
    lows = [read_rgb(row.low) for row in open_prepared(dataset, data).rows(first.split) if row.low is not None]
    differences = [np.abs(one.enhance(low).astype(np.int16) - other.enhance(low).astype(np.int16)).mean() for low in lows]
    return significant(float(np.mean(differences)))
