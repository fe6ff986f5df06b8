"""The composite index of the distillation paper, as defined here, over pictures without references."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lle.config.data import catalog_names, settings_for
from lle.config.schema import BaseParams
from lle.data.images import read_rgb
from lle.data.prepare import absent, prepare
from lle.errors import ConfigError, did_you_mean
from lle.keys import made_by
from lle.measure.method import open_method
from lle.metrics.composite import HIGHER_IS_BETTER, composite_index, improvement
from lle.metrics.metric import Sample
from lle.metrics.registry import all_metrics
from lle.provenance import provenance
from lle.results.composite import Composite

FILE = Path("composite") / "composite.json"
"""Below the reports folder."""
DIGITS = 6


def composite(
    params: BaseParams,
    models: Path = Path("build/models"),
    reports: Path = Path("reports"),
    data: Path = Path("build/data"),
) -> Composite:
    """Measures the methods of the section `composite` and adds up their indices.

    A metric whose weights are not on disk is left out of the index, for all methods alike, and the result says so; a data
    set whose pictures are not on disk is left out with the reason.

    Args:
        params: all settings.
        models: trained models.
        reports: receives `composite/composite.json`.
        data: prepared data sets.

    Returns:
        What was written.

    Raises:
        ConfigError: a data set has no section.
        LleError: a trained model is missing, or a picture cannot be read.
    """
    options = params.composite
    missing = {name: reason for name in HIGHER_IS_BETTER if (reason := all_metrics()[name].missing()) is not None}
    used = {name: higher for name, higher in HIGHER_IS_BETTER.items() if name not in missing}
    for dataset in options.datasets:
        if dataset not in params.data and dataset not in catalog_names():
            near = did_you_mean(dataset, [*params.data, *catalog_names()])
            raise ConfigError(f"composite.datasets: '{dataset}' has no section under `data` and is not in the catalog.{near}")
    opened = {name: open_method(name, params, models) for name in (options.method, *options.others)}
    datasets: dict[str, Any] = {}
    for dataset in options.datasets:
        settings = settings_for(dataset, params.data)
        if (missing_pictures := absent(dataset, settings)) is not None:
            datasets[dataset] = {"missing": missing_pictures}
            continue
        prepared = prepare(dataset, settings, data, sections=params.data)
        paths = [row.low for row in prepared.rows("test") if row.low is not None]
        measured = {name: _measure(enhancer.enhance, paths, used) for name, (enhancer, _) in opened.items()}
        index = composite_index({name: {metric: row[metric] for metric in used} for name, row in measured.items()}, used)
        percent = improvement(index, options.method)
        datasets[dataset] = {
            "images": len(paths),
            "data_digest": prepared.digest,
            "methods": {name: {**_rounded(row), "index": round(index[name], DIGITS)} for name, row in measured.items()},
            "against": {
                other: {
                    "difference": round(index[options.method] - index[other], DIGITS),
                    "percent": None if (gain := percent[other]) is None else round(gain, 2),
                }
                for other in options.others
            },
        }
    result = {
        "schema": Composite.SCHEMA,
        "method": options.method,
        "terms": {name: "higher" if higher else "lower" for name, higher in used.items()},
        "missing_terms": missing,
        "datasets": datasets,
        "models": {
            name: {key: trained["provenance"][key] for key in ("config_hash", "fingerprint", "seed")}
            | {"trained_on": trained["trained_on"]}
            for name, (_, trained) in opened.items()
        },
        "provenance": provenance(
            config_hash=None,
            fingerprint=None,
            seed=params.seed,
            data_digest=None,
            command=params.command("composite"),
            before=made_by([models / name for name in opened]),
        ),
    }
    return Composite.written(result, Composite.path(reports))


def _measure(enhance: Any, paths: list[Path], used: Mapping[str, bool]) -> dict[str, float]:
    """Returns the mean of each metric, and the mean time a picture took."""
    values: dict[str, list[float]] = {name: [] for name in used}
    seconds = 0.0
    for path in paths:
        low = read_rgb(path)
        start = time.perf_counter()
        output = enhance(low)
        seconds += time.perf_counter() - start
        sample = Sample(output, low, None)
        for name, found in values.items():
            found.append(all_metrics()[name].measure(sample))
    return {**{name: float(np.mean(found)) for name, found in values.items()}, "seconds": seconds / len(paths)}


def _rounded(row: Mapping[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.{DIGITS}g}") for name, value in row.items()}
