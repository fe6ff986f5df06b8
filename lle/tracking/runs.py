"""What one MLflow run holds, read from the result files; imports no MLflow.

A run is one method on one training set: its settings, its losses, its measurements on every data set, its cost, sample
pictures and the model. Everything comes from `reports/` and `build/models/`, so the store can be made again at any time.
"""

from __future__ import annotations

import csv
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

FORMAT = 2
"""Raised when the projection changes, so that runs of the old form are made again."""

UNTRAINED = "classical"
"""Experiment of the methods that are not trained, where no trained method gives them a place."""

CURVE_POINTS = 1000
"""Most points of a loss curve that are sent; the chart of the MLflow page draws 320."""

INPUT = "input"
"""The untouched pictures, evaluated like a method."""


@dataclass(frozen=True)
class Curve:
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


@dataclass(frozen=True)
class Record:
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
        """The pipeline stage that the run stands for."""
        return f"evaluate@{INPUT}" if self.method == INPUT else f"train@{self.method}"

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
    def training(self) -> dict[str, Any]:
        """The record of the training, empty if there is none: `train.json`, else `reports/training/<method>.json`."""
        record = self._read(self.files.get(f"training/{self.method}.json"))
        return {**record, **self._read(self.model_files.get("train.json"))}

    @cached_property
    def evaluations(self) -> dict[str, dict[str, Any]]:
        """The evaluation by data set."""
        return {Path(name).parts[1]: self._read(path) for name, path in self.files.items() if _is_metrics(name)}

    @cached_property
    def segmentation(self) -> dict[str, float]:
        """What a judge recognised in the results, by `segment/<data set>/<measure>`."""
        found: dict[str, float] = {}
        for name, path in self.files.items():
            parts = Path(name).parts
            if parts[0] == "segment" and path.suffix == ".json":
                record = self._read(path)
                values = {**{f"mean_iou_{key}": cell["mean"] for key, cell in record["mean_iou"].items()}, **record["iou"]}
                values["pixel_accuracy"] = record["pixel_accuracy"]
                found |= {f"segment/{parts[1]}/{key}": float(value) for key, value in values.items() if value is not None}
        return found

    @cached_property
    def profile(self) -> dict[str, Any]:
        """What the method costs, empty if it was not measured."""
        return self._read(self.files.get(f"profile/{self.method}.json"))

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Where the numbers come from: of the training, else of the first evaluation."""
        records = (self.training, *self.evaluations.values(), self.profile)
        origins = [dict(record["provenance"]) for record in records if record.get("provenance")]
        if not origins:
            return {}
        tags = {key: value for origin in reversed(origins) for key, value in (origin.get("tags") or {}).items()}
        return {**origins[0], "tags": tags}

    @cached_property
    def parameters(self) -> dict[str, str]:
        """All settings, flattened with dots, and what else determined the training."""
        settings = self._read(self.model_files.get("method.json")).get("settings") or self.training.get("settings") or {}
        facts: dict[str, Any] = {key: self.training[key] for key in ("iterations", "imported") if key in self.training}
        origin = {key: self.provenance[key] for key in ("seed",) if self.provenance.get(key) is not None}
        tags = {key: str(value) for key, value in (self.provenance.get("tags") or {}).items()}
        flat = flatten({**tags, "method": self.method, "data": self.experiment, **facts, **origin, **settings})
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in flat.items()}

    @cached_property
    def curves(self) -> list[Curve]:
        """Losses and validation values: every logged iteration from `losses.csv`, else the thinned curves of `reports`."""
        if "losses.csv" in self.model_files:
            return list(_read_losses(self.model_files["losses.csv"]))
        return [
            Curve(term["phase"], term["update"], term["term"], tuple((int(i), float(v)) for i, v in term["points"]))
            for term in self.training.get("terms", ())
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
                roles = dict.fromkeys((INPUT, self.method, "normal"))
                paths = {role: self.files.get(f"samples/{parts[1]}/{role}/{parts[3]}") for role in roles}
                yield parts[1], Path(name).stem, {role: path for role, path in paths.items() if path is not None}

    @staticmethod
    def _read(path: Path | None) -> dict[str, Any]:
        return dict(read_json(path)) if path is not None else {}


def collect(reports: Path, models: Path, data: str | None = None) -> list[Record]:
    """Finds the runs that the files describe.

    Args:
        reports: the reports folder.
        models: the folder of trained models; need not exist.
        data: experiment of the methods that are not trained; None takes the training set most methods name, so that
            they stand in one table with those.

    Returns:
        One record a method, by name.

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
        Record(name, trained_on or home, reports, models, _files(name, reports), _model_files(name, models))
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


def _trained_on(method: str, reports: Path, models: Path) -> str | None:
    """Returns the training set a method's files name; training records come first, they are the newer word."""
    for path in (
        models / method / "train.json",
        reports / "training" / f"{method}.json",
        *sorted(reports.glob(f"metrics/*/{method}.json")),
    ):
        if path.is_file():
            record = read_json(path)
            name = record.get("trained_on") or record.get("data")
            if name:
                return str(name)
    return None


def _files(method: str, reports: Path) -> dict[str, Path]:
    paths = [
        *(path for kind in ("metrics", "segment") for end in ("json", "csv") for path in reports.glob(f"{kind}/*/{method}.{end}")),
        *(reports / kind / f"{method}.json" for kind in ("profile", "training")),
    ]
    for sample in reports.glob(f"samples/*/{method}/*.webp"):
        paths += [sample, *(sample.parent.parent / role / sample.name for role in (INPUT, "normal"))]
    return {path.relative_to(reports).as_posix(): path for path in sorted(set(paths)) if path.is_file()}


def _model_files(method: str, models: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted((models / method).glob("*")) if path.is_file() and not path.name.startswith(".")}


def _is_metrics(name: str) -> bool:
    return name.startswith("metrics/") and name.endswith(".json")


def _read_losses(path: Path) -> Iterator[Curve]:
    points: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            points.setdefault((row["phase"], row["update"], row["term"]), []).append((int(row["iteration"]), float(row["value"])))
    for (phase, update, term), values in points.items():
        step = -(-len(values) // CURVE_POINTS)
        # Counted from the end, so that the last value stays.
        yield Curve(phase, update, term, tuple(values[::-1][::step][::-1]))
