"""Judges of segmentation in the dark: trained on clean pictures or brought, stored, and loaded again.

A judge has seen normal light only; what it is asked about later, darkened and enhanced pictures, it never learns from.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lle.config.judge import JudgeConfig
from lle.config.schema import BaseParams
from lle.data.cache import Cache
from lle.data.images import read_rgb
from lle.data.pairs import open_prepared
from lle.data.streams import rows_with
from lle.engine.training_log import TrainingLog, write_losses
from lle.errors import LleError, WeightsError, did_you_mean
from lle.files import atomic_path, read_json, sha256, significant, write_json
from lle.keys import stage_key
from lle.losses.perceptual import read_weights
from lle.metrics import segmentation
from lle.metrics.bootstrap import Interval
from lle.provenance import provenance
from lle.results.segmentation import Judge as JudgeResult
from lle.segmentation.labels import class_names, read_labels, rows_with_mask
from lle.segmentation.network import PACKAGED, Judge

JUDGES = Path("build/judges")
CURVE_POINTS = 100


def judge_settings(params: BaseParams, name: str) -> JudgeConfig:
    """Returns the section `judges.<name>`.

    Raises:
        LleError: there is none.
    """
    if name not in params.judges:
        raise LleError(
            f"`judges` in params.yaml has no section '{name}'.{did_you_mean(name, params.judges)} Add one to judge this data set."
        )
    return params.judges[name]


def summary(counts: np.ndarray, names: Sequence[str], listed: Sequence[int], **options: Any) -> dict[str, Any]:
    """Returns IoU by class and both means with intervals, as plain data.

    Args:
        counts: pictures x classes x 3, see `lle.metrics.segmentation.counts`.
        names: of the classes.
        listed: indices of the classes that published tables list.
        options: `seed`, `resamples` and `level` of the intervals.
    """
    pooled = counts.sum(0)
    values = segmentation.iou(pooled)
    means = {key: segmentation.bootstrap_mean_iou(counts, wanted, **options) for key, wanted in (("all", None), ("listed", listed))}
    return {
        "images": len(counts),
        "classes": list(names),
        "iou": {name: None if math.isnan(value) else significant(value) for name, value in zip(names, values, strict=True)},
        "absent": [name for name, value in zip(names, values, strict=True) if math.isnan(value)],
        "unlisted": [name for index, name in enumerate(names) if index not in listed],
        "mean_iou": {key: _interval(interval) for key, interval in means.items()},
        "pixel_accuracy": significant(pooled[:, 0].sum() / pooled[:, [0, 2]].sum()),
    }


def _interval(interval: Interval) -> dict[str, float | None]:
    return {"mean": significant(interval.mean), "low": significant(interval.low), "high": significant(interval.high)}


def train_judge(
    name: str,
    params: BaseParams,
    judges: Path = JUDGES,
    reports: Path = Path("reports"),
    data: Path = Path("build/data"),
    cache: Path = Path("build/cache"),
    scratch: Path = Path("build/scratch"),
) -> JudgeResult:
    """Trains the judge of a data set, or takes the weights its settings name, and measures it on the clean validation split.

    Args:
        name: the data set, which has a section under `judges`.
        params: all settings.
        judges: receives `<name>/` with `model.safetensors`, `judge.json`, and of a training `train.json` and `losses.csv`.
        reports: receives `judges/<name>.json`.
        data: prepared data sets.
        cache: decoded pictures.
        scratch: resume checkpoints.

    Returns:
        What was written as JSON into `reports`.

    Raises:
        LleError: there are no such settings, no such data, or no such weights; the message says what to do.
    """
    settings = judge_settings(params, name)
    if settings.weights is None and settings.encoder != PACKAGED:
        raise WeightsError(
            f"the judge of '{name}' has an encoder that is not trained here ({settings.encoder}): set judges.{name}.weights to a file with "
            f"the state dict of segmentation_models_pytorch's DeepLabV3Plus, or judges.{name}.encoder to {PACKAGED} to train one."
        )
    prepared = open_prepared(name, data)
    names, listed = class_names(prepared)
    trained = settings.weights is None
    # Before the training, so that it names the code that ran.
    key = stage_key(f"judge/{name}", params)
    origin = provenance(
        config_hash=key.config_hash,
        fingerprint=key.code,
        seed=params.seed,
        data_digest=prepared.digest,
        command=params.command("judge", name),
    )
    torch.manual_seed(params.seed)
    judge = Judge(settings, len(names), pretrained=trained)
    fitted = TrainingLog()
    resume = scratch / f"judge-{name}-{key.full()[:16]}"
    if trained:
        fitted = _fit(judge, params, Cache(prepared, "train", cache), resume)
    else:
        assert settings.weights is not None
        load_foreign_weights(judge, settings.weights)
    pictures = [
        segmentation.counts(read_labels(prepared, mask), judge.segment(read_rgb(picture)), len(names))
        for _, picture, mask in rows_with_mask(prepared, "val")
    ]
    options = {"seed": params.seed, "resamples": params.evaluate.resamples, "level": params.evaluate.confidence}
    record = {
        "schema": JudgeResult.SCHEMA,
        "judge": name,
        "dataset": name,
        "split": "val",
        "settings": settings.model_dump(mode="json"),
        "iterations": fitted.iterations,
        "pictures_seen": fitted.images,
        **summary(np.stack(pictures), names, listed, **options),
        "loss": [(row[0], significant(row[4])) for row in _thinned(fitted.rows)],
        "provenance": origin,
    }
    _store(judge, judges / name, {"dataset": name, "classes": names, "settings": settings.model_dump(mode="json")}, fitted)
    found = JudgeResult.written(record, JudgeResult.path(reports, name))
    shutil.rmtree(resume, ignore_errors=True)
    return found


def _fit(judge: Judge, params: BaseParams, pictures: Cache, scratch: Path) -> TrainingLog:
    from lle.engine.trainer import fit

    def balance() -> None:
        judge.balance.copy_(class_weights(pictures, len(judge.balance), judge.config.balance))

    return fit(judge, params.train, params.seed, lambda _: pictures, [], scratch, prepare=balance)


def class_weights(pictures: Cache, classes: int, power: float) -> Tensor:
    """Returns (median share of pixels / share of pixels) ** power for each class; 1 for one that does not occur.

    With power 1 this is the median frequency balancing of Eigen and Fergus, ICCV 2015, with shares over all pictures.
    """
    number = np.zeros(256, np.int64)
    for row in rows_with(pictures, "normal", "mask"):
        number += np.bincount(pictures.mask(row).ravel(), minlength=256)
    share = number[:classes] / number[:classes].sum()
    weights = np.where(share > 0, np.median(share[share > 0]) / np.maximum(share, 1e-12), 1.0) ** power
    return torch.from_numpy(weights).float()


def _thinned(rows: Sequence[tuple[int, str, str, str, float]]) -> Iterator[tuple[int, str, str, str, float]]:
    step = -(-len(rows) // CURVE_POINTS) or 1
    yield from rows[::-1][::step][::-1]


def _store(judge: Judge, out: Path, description: dict[str, Any], fitted: TrainingLog) -> None:
    """Writes the judge's folder under another name first, so that a reader never sees half of it."""
    from safetensors.torch import save_file

    folder = out.with_name(f".{out.name}-new")
    shutil.rmtree(folder, ignore_errors=True)
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file({key: value.detach().to("cpu", copy=True).contiguous() for key, value in judge.state_dict().items()}, temporary)
    if fitted.rows:
        write_losses(folder / "losses.csv", fitted.rows)
    write_json(folder / "train.json", {"seconds": round(fitted.seconds, 1), "data_wait_share": round(fitted.data_wait_share, 4)})
    write_json(folder / "judge.json", description)
    shutil.rmtree(out, ignore_errors=True)
    folder.rename(out)


def load_judge(name: str, judges: Path = JUDGES) -> tuple[Judge, dict[str, Any]]:
    """Returns a trained judge, and what identifies it.

    Raises:
        WeightsError: it was not trained, or its files do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = judges / name
    if not (folder / "judge.json").is_file():
        raise WeightsError(f"there is no judge in {folder}. Train it first: lle judge {name}.")
    description = read_json(folder / "judge.json")
    judge = Judge(JudgeConfig(**description["settings"]), len(description["classes"]), pretrained=False)
    try:
        judge.load_state_dict(load_file(folder / "model.safetensors"))
    except (RuntimeError, OSError, SafetensorError) as error:
        raise WeightsError(f"{folder} does not hold the judge it describes ({error}). Train it again: lle judge {name}.") from error
    identity = {"encoder": judge.config.encoder, "sha256": sha256(folder / "model.safetensors"), "classes": description["classes"]}
    return judge.eval(), identity


def load_foreign_weights(judge: Judge, path: Path) -> None:
    """Fills a judge with weights of somebody else.

    Raises:
        WeightsError: the file is missing, or of another network.
    """
    advice = "It must be the state dict of segmentation_models_pytorch's DeepLabV3Plus with judges.*.encoder and the set's classes."
    try:
        judge.network.load_state_dict(read_weights(path, advice))
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit: {error}. {advice}") from error
