"""The mean gradients of a data set's pictures: the data of SLLEN's figure 5, which set the level E_g of its loss L_grad (eq. 10)."""

from __future__ import annotations

from pathlib import Path

import torch

from lle.config.schema import BaseParams
from lle.data.images import read_rgb
from lle.data.pairs import open_prepared
from lle.engine.validation import to_tensor
from lle.errors import DataError
from lle.files import significant
from lle.keys import made_by
from lle.methods.sllen.loss import mean_gradient
from lle.provenance import provenance
from lle.results.gradients import GradientLevels

SPLIT = "train"


def measure(dataset: str, params: BaseParams, reports: Path = Path("reports"), data: Path = Path("build/data")) -> GradientLevels:
    """Measures the mean gradient of every training picture with the operator of the loss.

    Args:
        dataset: a prepared data set with normal-light pictures.
        params: all settings.
        reports: receives `gradients/<dataset>.json`.
        data: prepared data sets.

    Returns:
        What was written; `level` is what SLLEN learns with when it is trained on the set.

    Raises:
        DataError: no training picture is in normal light, or one cannot be read.
    """
    prepared = open_prepared(dataset, data)
    rows = prepared.rows(SPLIT)
    normals = [row.normal for row in rows if row.normal is not None]
    if not normals:
        raise DataError(f"'{dataset}' has no normal-light picture in its split '{SPLIT}', and E_g is their mean. Name a set of pairs.")
    normal = [_level(path) for path in normals]
    result = {
        "schema": GradientLevels.SCHEMA,
        "dataset": dataset,
        "split": SPLIT,
        "level": significant(sum(normal) / len(normal)),
        "normal": [significant(value) for value in normal],
        "low": [significant(_level(row.low)) for row in rows if row.low is not None],
        "provenance": provenance(
            data_digest=prepared.digest, command=params.command("gradients", dataset), before=made_by([data / dataset])
        ),
    }
    return GradientLevels.written(result, GradientLevels.path(reports, dataset))


@torch.inference_mode()
def _level(path: Path) -> float:
    return float(mean_gradient(to_tensor(read_rgb(path))))
