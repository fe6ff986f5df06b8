"""Trains one method as the settings say, and stores what came out of it."""

from __future__ import annotations

import logging
import resource
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lle import registry
from lle.config.base import MethodConfig
from lle.config.schema import BaseParams, method_settings
from lle.data.cache import Cache
from lle.data.check import before_training
from lle.data.pairs import open_prepared
from lle.data.streams import rows_with
from lle.engine.method import Method
from lle.engine.model_io import save_model
from lle.engine.resume import alone
from lle.engine.training_log import TrainingLog, write_losses
from lle.files import digest, write_json
from lle.keys import Key, made_by, stage_key
from lle.provenance import provenance

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback
    from lightning.pytorch.loggers import Logger

LOG = logging.getLogger(__name__)
CURVE_POINTS = 200
MEASURED = {"seconds", "images_per_s", "data_wait_share", "wait_shares", "system"}
"""What differs between two runs that give the same weights."""


class TrainingSplit:
    """The training split as `Method.prepare` may look at it."""

    def __init__(self, pictures: Cache) -> None:
        self.pictures = pictures

    def lows(self, limit: int | None = None) -> Iterator[np.ndarray]:
        """Yields low-light pictures, H x W x 3 uint8."""
        return self._first("low", limit)

    def normals(self, limit: int | None = None) -> Iterator[np.ndarray]:
        """Yields normal-light pictures, H x W x 3 uint8."""
        return self._first("normal", limit)

    def _first(self, side: str, limit: int | None) -> Iterator[np.ndarray]:
        return (getattr(self.pictures, side)(row) for row in rows_with(self.pictures, side)[:limit])


def train(
    name: str,
    params: BaseParams,
    models: Path = Path("build/models"),
    reports: Path | None = Path("reports"),
    data: Path = Path("build/data"),
    cache: Path = Path("build/cache"),
    scratch: Path = Path("build/scratch"),
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
    live: Callable[[Mapping[str, Any]], Logger] | None = None,
) -> Path:
    """Trains a method, or resumes its interrupted training, and writes its model folder.

    Args:
        name: the method's id.
        params: all settings.
        models: receives `<name>/` with `model.safetensors`, `method.json`, `train.json` and `losses.csv`.
        reports: receives `training/<name>.json`, the curves; None writes none.
        data: prepared data sets.
        cache: decoded pictures.
        scratch: resume checkpoints, one folder for each set of settings, code and data.
        callbacks: Lightning's, added to those of the engine.
        loggers: Lightning's, which receive the losses while they are made.
        live: makes a further logger from the provenance of this training; called where there is something to train.

    Returns:
        The model folder.

    Raises:
        LleError: settings, data or devices do not fit; the message says what to do.
    """
    settings = method_settings(params, name)
    torch.manual_seed(params.seed)
    method = registry.create(name, settings)
    out = models / name
    trained = bool(method.phases())
    key = stage_key(f"train/{name}", params)
    origin = provenance(
        **_origin(key),
        seed=params.seed,
        data_digest=open_prepared(params.train.data, data).digest if trained else None,
        command=params.command("train", name),
        before=made_by(key.paths),
        **({"tags": method.tags()} if method.tags() else {}),
    )
    fitted = TrainingLog()
    resume = scratch / f"{name}-{digest([key.full(), origin['data_digest']])[:16]}"
    with alone(resume) if trained else nullcontext():
        if trained:
            if live is not None:
                loggers = [*loggers, live(origin)]
            fitted = _fit(method, params, data, cache, resume, callbacks, loggers)
        _write(method, name, params, out, reports, settings, fitted, origin)
        if trained:
            shutil.rmtree(resume, ignore_errors=True)
    return out


def _write(
    method: Method,
    name: str,
    params: BaseParams,
    out: Path,
    reports: Path | None,
    settings: MethodConfig,
    fitted: TrainingLog,
    origin: dict[str, Any],
) -> None:
    """Writes the model folder and the curves."""
    trained = bool(method.phases())
    record = {
        "method": name,
        "trained_on": params.train.data if trained else None,
        "settings": settings.model_dump(mode="json"),
        "iterations": fitted.iterations,
        "phases": [phase.name for phase in method.phases()],
        "seconds": round(fitted.seconds, 1),
        "images_per_s": round(fitted.images / fitted.seconds, 2) if fitted.seconds else None,
        "data_wait_share": round(fitted.data_wait_share, 4),
        "wait_shares": {name: round(share, 4) for name, share in fitted.wait_shares.items()},
        "system": _system(),
        "provenance": origin,
    }
    _store(method, name, out, fitted, record, digest([origin["config_hash"], origin["data_digest"]])[:16])
    if reports is not None:
        curves = {**record, "terms": _curves(fitted)}
        # Times differ from run to run; the curves in git should not.
        write_json(
            reports / "training" / f"{name}.json",
            {k: v for k, v in curves.items() if k not in MEASURED},
        )


def _origin(key: Key) -> dict[str, Any]:
    """Returns what the provenance says of the code, the settings and the inputs."""
    return {"config_hash": key.config_hash, "fingerprint": key.code, "inputs": key.content()}


def _fit(
    method: Method,
    params: BaseParams,
    data: Path,
    cache: Path,
    scratch: Path,
    callbacks: Sequence[Callback],
    loggers: Sequence[Logger],
) -> TrainingLog:
    from lle.engine.trainer import fit
    from lle.engine.validation import validation_pairs

    opened: dict[tuple[str, str], Cache] = {}

    def pictures(name: str, split: str) -> Cache:
        if (name, split) not in opened:
            opened[name, split] = Cache(open_prepared(name, data), split, cache)
        return opened[name, split]

    home = params.train.data
    prepared = open_prepared(home, data)
    before_training(prepared)
    validation: list[tuple[np.ndarray, np.ndarray]] = []
    if params.train.validate_images and prepared.has_split("val"):
        validation = list(validation_pairs(pictures(home, "val"), params.train.validate_images))
    elif params.train.validate_images:
        LOG.info("%s has no split val: the training is not validated, and its last weights are the result", home)
    return fit(
        method,
        params.train,
        params.seed,
        lambda name: pictures(name or home, "train"),
        validation,
        scratch,
        prepare=lambda: method.prepare(TrainingSplit(pictures(home, "train"))),
        callbacks=callbacks,
        loggers=loggers,
    )


def _store(method: Method, name: str, out: Path, fitted: TrainingLog, record: dict[str, Any], key: str) -> None:
    """Writes the model folder under another name first, so that a reader never sees half of it.

    The name holds a key of the settings, so that two trainings with different settings do not write into one folder.
    """
    folder = out.with_name(f".{name}-new-{key}")
    shutil.rmtree(folder, ignore_errors=True)
    save_model(method, name, folder)
    write_json(folder / "train.json", record)
    if fitted.rows:
        write_losses(folder / "losses.csv", fitted.rows)
    if out.exists():
        shutil.rmtree(out)
    folder.rename(out)


def _system() -> dict[str, float]:
    """Returns what this process has taken from the machine so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"peak_memory_mb": round(used.ru_maxrss / 1024, 1), "cpu_seconds": round(used.ru_utime + used.ru_stime, 1)}


def _curves(fitted: TrainingLog) -> list[dict[str, Any]]:
    """Returns the log by term, thinned to at most `CURVE_POINTS` points."""
    terms: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
    for iteration, phase, update, term, value in fitted.rows:
        terms.setdefault((phase, update, term), []).append((iteration, float(f"{value:.5g}")))
    curves = []
    for (phase, update, term), points in terms.items():
        step = -(-len(points) // CURVE_POINTS)
        # The last point stays, whatever the step.
        kept = points[::-1][::step][::-1]
        curves.append({"phase": phase, "update": update, "term": term, "points": kept})
    return curves
