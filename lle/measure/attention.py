"""Attention maps by block of a student and its teacher: the data of the distillation paper's figure 3."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from lle.config.schema import BaseParams
from lle.data.images import read_rgb
from lle.data.pairs import open_prepared
from lle.engine.validation import to_tensor
from lle.errors import ConfigError
from lle.keys import made_by
from lle.measure.method import open_method
from lle.measure.quality import write_samples
from lle.metrics.protocol import Image, to_uint8
from lle.provenance import provenance
from lle.results.attention import Attention

FOLDER = "attention"
"""Below the reports folder."""


def attention(
    name: str,
    dataset: str,
    params: BaseParams,
    models: Path = Path("build/models"),
    reports: Path = Path("reports"),
    data: Path = Path("build/data"),
) -> Attention:
    """Draws the attention of a trained student on a low-light picture and of its teacher on the normal-light one.

    Args:
        name: a method whose class has `attention_maps` and `teacher_maps`, such as `distill`.
        dataset: a prepared data set; its first test picture is drawn.
        params: all settings.
        models: trained models.
        reports: receives `attention/<dataset>/<name>.json` and `attention/<dataset>/<name>/*.webp`: `low`, `output`, and
            `student-<block>`, a quarter of the picture's size; with a reference also `normal` and `teacher-<block>`.
        data: prepared data sets.

    Returns:
        What was written.

    Raises:
        ConfigError: the method has no blocks to look into.
        LleError: the model or the data set is missing.
    """
    enhancer, trained = open_method(name, params, models)
    method = enhancer.method
    if not hasattr(method, "attention_maps"):
        raise ConfigError(f"suite.attention: '{name}' has no blocks whose attention could be drawn; distill has.")
    prepared = open_prepared(dataset, data)
    row, path = next((row, row.low) for row in prepared.rows("test") if row.low is not None)
    low = read_rgb(path)
    pictures = {"low": low, "output": enhancer.enhance(low)}
    student, teacher = method.attention_maps(to_tensor(low)), []
    if row.normal is not None:
        pictures["normal"] = read_rgb(row.normal)
        teacher = method.teacher_maps(to_tensor(pictures["normal"]))
    for who, maps in (("student", student), ("teacher", teacher)):
        pictures |= {f"{who}-{block}": _coloured(values) for block, values in enumerate(maps, start=1)}
    out = reports / FOLDER / dataset
    write_samples(out / name, pictures)
    origin = {key: trained["provenance"][key] for key in ("config_hash", "fingerprint", "seed")}
    result = {
        "schema": Attention.SCHEMA,
        "method": name,
        "dataset": dataset,
        "image": row.image,
        "student_blocks": len(student),
        "teacher_blocks": len(teacher),
        "tags": method.tags(),
        "provenance": provenance(
            **origin,
            data_digest=prepared.digest,
            command=params.command("attention", name, dataset),
            before=made_by([models / name, data / dataset]),
        ),
    }
    return Attention.written(result, Attention.path(reports, dataset, name))


def _coloured(values: Tensor) -> Image:
    """Returns a map in [0, 1], 1 x H x W, in colours from dark blue to yellow."""
    levels = to_uint8(values[0].cpu().numpy()[..., None].repeat(3, axis=-1))[..., 0]
    coloured: Image = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB).astype(np.uint8)
    return coloured
