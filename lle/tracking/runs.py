"""What one MLflow run holds, read from the result files; imports no MLflow.

A run is one method on one training set: its settings, its losses, its measurements on every data set, its cost, sample
pictures and the model. Everything comes from `reports/` and `build/models/`, so the store can be made again at any time.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lle.errors import LleError
from lle.files import digest, read_json, sha256
from lle.results.cost import Profile
from lle.results.provenance import Provenance
from lle.results.quality import INPUT, NORMAL, Evaluation
from lle.results.segmentation import Segmentation
from lle.results.training import ModelTraining, Training
from lle.tracking.curves import TermValues, read_losses

FORMAT = 3
"""Raised when the projection changes, so that runs of the old form are made again."""

UNTRAINED = "classical"
"""Experiment of the methods that are not trained, where no trained method gives them a place."""


@dataclass(frozen=True)
class MethodRun:
    """One run: a method with the files that belong to it.

    Attributes:
        method: the method's id, or `input`.
        experiment: the training set's name.
        reports: the reports folder.
        models: the folder of trained models.
        files: what lies under `reports`, by its path there.
        model_files: what lies in the model's folder, by name; empty in a fresh clone.
    """

    method: str
    experiment: str
    reports: Path
    models: Path
    files: Mapping[str, Path] = field(repr=False)
    model_files: Mapping[str, Path] = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the run."""
        return run_name(self.method)

    @cached_property
    def digest(self) -> str:
        """Digest of everything under `reports` that the run shows."""
        return digest([FORMAT, self.experiment, {name: sha256(path) for name, path in self.files.items()}])

    @cached_property
    def model_digest(self) -> str:
        """Digest of the model's folder, empty where there is none."""
        return digest([FORMAT, {name: sha256(path) for name, path in self.model_files.items()}]) if self.model_files else ""

    @property
    def folder(self) -> Path | None:
        """The model's folder, None where the model is not on disk."""
        return self.models / self.method if "method.json" in self.model_files else None

    @cached_property
    def training(self) -> ModelTraining:
        """The record of the training, empty if there is none: `train.json`, and what only `reports/training/<method>.json` has."""
        log = self.files.get(f"training/{self.method}.json")
        own = self.model_files.get("train.json")
        known = {} if log is None else Training.read(log).plain()
        return ModelTraining.of({"method": self.method, **known, **({} if own is None else ModelTraining.read(own).plain())})

    @property
    def seconds(self) -> float:
        """Time that the training took."""
        return float(self.training.seconds or 0)

    @property
    def training_key(self) -> str:
        """What a live run of the same training carries; see `training_key`."""
        return training_key(self.method, self.training.provenance) if self.training.iterations else ""

    @cached_property
    def evaluations(self) -> dict[str, Evaluation]:
        """The evaluation by data set."""
        return {Path(name).parts[1]: Evaluation.read(path) for name, path in self.files.items() if _is_metrics(name)}

    @cached_property
    def segmentation(self) -> dict[str, float]:
        """What a judge recognised in the results, by `segment/<data set>/<measure>`."""
        found: dict[str, float] = {}
        for name, path in self.files.items():
            parts = Path(name).parts
            if parts[0] == "segment" and path.suffix == ".json":
                record = Segmentation.read(path)
                values = {"mean_iou_all": record.mean_iou.all.mean, "mean_iou_listed": record.mean_iou.listed.mean, **record.iou}
                values["pixel_accuracy"] = record.pixel_accuracy
                found |= {f"segment/{parts[1]}/{key}": float(value) for key, value in values.items() if value is not None}
        return found

    @cached_property
    def profile(self) -> Profile | None:
        """What the method costs, None if it was not measured."""
        path = self.files.get(f"profile/{self.method}.json")
        return None if path is None else Profile.read(path)

    @cached_property
    def provenance(self) -> Provenance:
        """Where the numbers come from: of the training, else of the first evaluation; with the tags of all."""
        records = [self.training.provenance, *(evaluation.provenance for evaluation in self.evaluations.values())]
        records += [self.profile.provenance] if self.profile is not None else []
        origins = [record for record in records if record.plain()]
        if not origins:
            return Provenance()
        tags = {key: value for origin in reversed(origins) for key, value in origin.tags.items()}
        return origins[0].model_copy(update={"tags": tags})

    @cached_property
    def parameters(self) -> dict[str, str]:
        """All settings, flattened with dots, and what else determined the training."""
        model = self.model_files.get("method.json")
        settings = (read_json(model).get("settings") if model is not None else None) or self.training.settings
        training = self.training.plain()
        facts: dict[str, Any] = {key: training[key] for key in ("iterations", "imported") if key in training}
        origin = {} if self.provenance.seed is None else {"seed": self.provenance.seed}
        tags = {key: str(value) for key, value in self.provenance.tags.items()}
        return parameter_texts({**tags, "method": self.method, "data": self.experiment, **facts, **origin, **settings})

    @cached_property
    def curves(self) -> list[TermValues]:
        """Losses and validation values: every logged iteration from `losses.csv`, else the thinned curves of `reports`."""
        if "losses.csv" in self.model_files:
            return list(read_losses(self.model_files["losses.csv"]))
        return [
            TermValues(
                curve.phase, curve.update, curve.term, tuple((int(i), float("nan") if v is None else float(v)) for i, v in curve.points)
            )
            for curve in self.training.terms
        ]

    @cached_property
    def phases(self) -> list[str]:
        """Names of the training phases, in order."""
        return list(dict.fromkeys(curve.phase for curve in self.curves))

    def tables(self) -> dict[str, Path]:
        """Returns the per-image tables by data set."""
        return {Path(name).parts[1]: path for name, path in self.files.items() if name.startswith("metrics/") and name.endswith(".csv")}

    def samples(self) -> Iterator[tuple[str, str, dict[str, Path]]]:
        """Yields data set, image name, and its pictures by role: `input`, the method's id, `normal`."""
        for name in self.files:
            parts = Path(name).parts
            if parts[0] == "samples" and parts[2] == self.method:
                roles = dict.fromkeys((INPUT, self.method, NORMAL))
                paths = {role: self.files.get(f"samples/{parts[1]}/{role}/{parts[3]}") for role in roles}
                yield parts[1], Path(name).stem, {role: path for role, path in paths.items() if path is not None}


def run_name(method: str) -> str:
    """Returns the name of a method's run, which stays the same whatever the stages of the pipeline are called."""
    return f"evaluate@{INPUT}" if method == INPUT else f"train@{method}"


def dvc_stage(method: str) -> str:
    """Returns the stage of `dvc.yaml` that a method's run begins with."""
    return f"evaluate_{INPUT}" if method == INPUT else f"train_{method}"


def training_key(method: str, origin: Provenance) -> str:
    """Returns a digest of what determines a training: method, settings, code, data and what else it reads.

    Args:
        method: the method's id.
        origin: of the training; the same before it as after it.
    """
    return digest([method, origin.config_hash, origin.fingerprint, origin.data_digest, origin.inputs])[:16]


def collect(reports: Path, models: Path, data: str | None = None) -> list[MethodRun]:
    """Finds the runs that the files describe.

    Args:
        reports: the reports folder.
        models: the folder of trained models; need not exist.
        data: experiment of the methods that are not trained; None takes the training set most methods name, so that
            they stand in one table with those.

    Returns:
        One run a method, by name.

    Raises:
        LleError: there are no results at all, or a file is damaged.
    """
    reports, models = Path(reports), Path(models)
    methods = {path.stem for path in reports.glob("metrics/*/*.json")}
    methods |= {path.stem for kind in ("training", "profile") for path in (reports / kind).glob("*.json")}
    methods |= {path.parent.name for path in models.glob("*/method.json") if not path.parent.name.startswith(".")}
    if not methods:
        raise LleError(f"there are no results in {reports} and no models in {models}. Make them with `dvc repro`.")
    found = {name: _trained_on(name, reports, models) for name in sorted(methods)}
    counts = Counter(name for name in found.values() if name is not None)
    home = data or min(counts, key=lambda name: (-counts[name], name), default=UNTRAINED)
    return [
        MethodRun(name, trained_on or home, reports, models, _files(name, reports), _model_files(name, models))
        for name, trained_on in found.items()
    ]


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens nested mappings: `{"a": {"b": 1}}` becomes `{"a.b": 1}`; lists stay."""
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            flat |= flatten(item, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = item
    return flat


def numbers(value: Mapping[str, Any]) -> dict[str, float]:
    """Returns the finite numbers among the flattened entries."""
    flat = flatten(value)
    return {
        key: float(item)
        for key, item in flat.items()
        if isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item)
    }


def parameter_texts(value: Mapping[str, Any]) -> dict[str, str]:
    """Returns flattened settings as MLflow stores them: text as it is, everything else as JSON."""
    return {key: item if isinstance(item, str) else json.dumps(item) for key, item in flatten(value).items()}


def _trained_on(method: str, reports: Path, models: Path) -> str | None:
    """Returns the training set a method's files name; training records come first, they are the newer word."""
    own, log = ModelTraining.path(models, method), Training.path(reports, method)
    if own.is_file():
        record = ModelTraining.read(own)
        if record.trained_on or record.data:
            return record.trained_on or record.data
    if log.is_file() and (named := Training.read(log).trained_on):
        return named
    evaluations = (Evaluation.read(path) for path in sorted(reports.glob(f"metrics/*/{method}.json")))
    return next((evaluation.trained_on for evaluation in evaluations if evaluation.trained_on), None)


def _files(method: str, reports: Path) -> dict[str, Path]:
    paths = [
        *(path for kind in ("metrics", "segment") for end in ("json", "csv") for path in reports.glob(f"{kind}/*/{method}.{end}")),
        *(reports / kind / f"{method}.json" for kind in ("profile", "training")),
    ]
    for sample in reports.glob(f"samples/*/{method}/*.webp"):
        paths += [sample, *(sample.parent.parent / role / sample.name for role in (INPUT, NORMAL))]
    return {path.relative_to(reports).as_posix(): path for path in sorted(set(paths)) if path.is_file()}


def _model_files(method: str, models: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted((models / method).glob("*")) if path.is_file() and not path.name.startswith(".")}


def _is_metrics(name: str) -> bool:
    return name.startswith("metrics/") and name.endswith(".json")
