"""What the report is made of: the result files under `reports/`, read and checked, and the methods' cards.

Only git-tracked files are read, so that a fresh clone without data or weights builds the same page.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lle.errors import LleError
from lle.files import read_json
from lle.registry import Card, packages
from lle.registry import card as registry_card

INPUT = "input"
"""Pseudo-method: the low-light picture, untouched."""
NORMAL = "normal"
"""Name of the reference pictures among the samples."""


class _Read(BaseModel):
    """A result file; keys that the report does not show are kept, because a newer writer may add some."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Score(_Read):
    """One metric of one method on one data set: a mean with a 95 % interval, or the reason why there is none."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    missing: str | None = None
    by_seed: dict[str, float] = Field(default_factory=dict)
    seed_sd: float | None = None


class Evaluation(_Read):
    """`reports/metrics/<dataset>/<method>.json`."""

    method: str
    dataset: str
    split: str = "test"
    images: int
    scenes: int | None = None
    trained_on: str | None = None
    protocol: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Score]
    provenance: dict[str, Any]


class Profile(_Read):
    """`reports/profile/<method>.json`; sizes such as `400x600` are height x width in pixels."""

    method: str
    parameters: int | None = None
    macs: dict[str, float | None] | None = None
    macs_missing: str | None = None
    latency_ms: dict[str, dict[str, Any] | None] | None = None
    peak_memory_mb: dict[str, float | None] | None = None
    train: dict[str, Any] | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)

    def gmacs(self, size: str) -> float | None:
        """Returns 10^9 multiply-accumulates at a size, or None where they were not counted."""
        macs = (self.macs or {}).get(size)
        return None if macs is None else macs / 1e9

    def latency(self, size: str) -> float | None:
        """Returns the median milliseconds a picture at a size, or None where it was not measured."""
        return ((self.latency_ms or {}).get(size) or {}).get("median")

    def memory(self, size: str) -> float | None:
        """Returns the peak memory in MB at a size, or None where it was not measured."""
        return (self.peak_memory_mb or {}).get(size)


class Curve(_Read):
    """The values of one loss term over a phase."""

    phase: str
    update: str
    term: str
    points: list[tuple[float, float | None]]


class Training(_Read):
    """`reports/training/<method>.json`."""

    method: str
    trained_on: str | None = None
    iterations: int
    provenance: dict[str, Any] = Field(default_factory=dict)
    terms: list[Curve] = Field(default_factory=list)


class Variant(_Read):
    """One row of a study; `results` by data set and metric, `training` and `provenance` by seed."""

    title: str
    method: str
    set: list[str] = Field(default_factory=list)
    results: dict[str, dict[str, Score]]
    training: dict[str, dict[str, Any]] = Field(default_factory=dict)
    provenance: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Contrast(_Read):
    """An expectation of a study, `better` above `worse`, and how it came out."""

    better: str
    worse: str
    dataset: str
    metric: str = "psnr"
    difference: Score | None = None
    p_value: float | None = None
    seeds_in_favour: int | None = None
    seeds: int | None = None
    verdict: str | None = None
    missing: str | None = None


class Study(_Read):
    """`reports/studies/<name>.json`."""

    study: str
    title: str
    paper: str | None = None
    datasets: list[str]
    seeds: list[int]
    train_data: str | None = None
    variants: dict[str, Variant]
    contrasts: list[Contrast] = Field(default_factory=list)


@dataclass(frozen=True)
class PerImage:
    """The per-image table of one evaluation.

    Attributes:
        images: picture names, sorted.
        scenes: the photograph that each picture is of; crops of one photograph are not independent.
        values: metric name -> one value a picture, in the order of `images`; None where the metric is missing.
    """

    images: tuple[str, ...]
    scenes: tuple[str, ...]
    values: Mapping[str, tuple[float | None, ...]]

    def numbers(self, metric: str) -> tuple[float, ...]:
        """Returns the values of a metric, or nothing unless every picture has a finite one."""
        values = self.values.get(metric, ())
        found = tuple(value for value in values if value is not None)
        return found if len(found) == len(values) else ()


@dataclass(frozen=True)
class Results:
    """Everything the report shows.

    Attributes:
        evaluations: data set -> method -> evaluation.
        per_image: data set -> method -> per-image table.
        profiles: by method.
        trainings: by method.
        samples: data set -> picture -> method, `input` or `normal` -> file.
        throughput: the loader's ceiling and the like, as measured; empty when it was not.
        cards: by method; only methods with results.
        without_card: methods with results that this checkout does not have.
        costs: by method, also those without other results: `parameters` and `macs` at 400x600; empty when they were not counted.
        studies: ablations and long comparisons, by name.
        seeds: method -> further seed -> data set -> evaluation.
    """

    evaluations: Mapping[str, Mapping[str, Evaluation]]
    per_image: Mapping[str, Mapping[str, PerImage]]
    profiles: Mapping[str, Profile]
    trainings: Mapping[str, Training]
    samples: Mapping[str, Mapping[str, Mapping[str, Path]]]
    throughput: Mapping[str, Any]
    cards: Mapping[str, Card]
    without_card: tuple[str, ...]
    costs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    studies: Mapping[str, Study] = field(default_factory=dict)
    seeds: Mapping[str, Mapping[int, Mapping[str, Evaluation]]] = field(default_factory=dict)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets with at least one evaluation, in alphabetical order."""
        return tuple(self.evaluations)

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods with any result, in alphabetical order, without the untouched input and helpers that enhance nothing."""
        found = {method for evaluations in self.evaluations.values() for method in evaluations}
        helpers = {method for method, card in self.cards.items() if not card.enhances}
        return tuple(sorted((found | set(self.profiles) | set(self.trainings)) - {INPUT} - helpers))

    def title(self, method: str) -> str:
        """Returns the name the field uses for a method."""
        if method == INPUT:
            return "Input, untouched"
        return self.cards[method].title if method in self.cards else method

    def supervision(self, method: str) -> str:
        """Returns what training a method needs: a word of `Card.supervision`, `none` for the input, `unknown` without a card."""
        if method == INPUT:
            return "none"
        return self.cards[method].supervision if method in self.cards else "unknown"


Model = TypeVar("Model", bound=_Read)


def _read(kind: type[Model], path: Path) -> Model:
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise LleError(
            f"{path}: {where}: {first['msg']}. Restore it with `git checkout -- {path}`, or delete it and run dvc repro."
        ) from error


def _number(text: str) -> float | None:
    if text.strip() == "":
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _read_table(path: Path) -> PerImage:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = sorted(csv.DictReader(stream), key=lambda row: row["image"])
    if not rows:
        raise LleError(f"{path} has no rows. Delete it and run dvc repro.")
    columns = [name for name in rows[0] if name not in {"image", "scene", "width", "height"}]
    try:
        values = {name: tuple(_number(row[name] or "") for row in rows) for name in columns}
    except ValueError as error:
        raise LleError(f"{path}: {error}. Restore it with `git checkout -- {path}`, or delete it and run dvc repro.") from error
    return PerImage(tuple(row["image"] for row in rows), tuple(row.get("scene") or row["image"] for row in rows), values)


def _check_means(path: Path, evaluation: Evaluation, table: PerImage) -> None:
    """Refuses a mean that is not the mean of its per-image table: one of the two files was edited or is of another run."""
    for name, score in evaluation.metrics.items():
        numbers = table.numbers(name)
        if score.mean is None or not numbers:
            continue
        mean = sum(numbers) / len(numbers)
        if not math.isclose(mean, score.mean, rel_tol=1e-3, abs_tol=1e-3):
            raise LleError(
                f"{path}: {name} is {score.mean:g}, but the pictures in {path.stem}.csv beside it have a mean of {mean:g}. "
                f"Run `lle evaluate {evaluation.method} {evaluation.dataset}` to measure both again."
            )


def _read_evaluations(folder: Path) -> tuple[dict[str, dict[str, Evaluation]], dict[str, dict[str, PerImage]]]:
    evaluations: dict[str, dict[str, Evaluation]] = {}
    tables: dict[str, dict[str, PerImage]] = {}
    for path in sorted(folder.glob("*/*.json")):
        evaluation = _read(Evaluation, path)
        named = (evaluation.dataset, evaluation.method)
        if named != (path.parent.name, path.stem):
            raise LleError(f"{path} holds the results of {named[1]} on {named[0]}: it was copied or renamed. Run dvc repro.")
        evaluations.setdefault(evaluation.dataset, {})[evaluation.method] = evaluation
        table = path.with_suffix(".csv")
        if table.exists():
            tables.setdefault(evaluation.dataset, {})[evaluation.method] = _read_table(table)
            _check_means(path, evaluation, tables[evaluation.dataset][evaluation.method])
    return evaluations, tables


def _read_studies(folder: Path) -> dict[str, Study]:
    studies = {}
    for path in sorted(folder.glob("*.json")):
        study = _read(Study, path)
        if study.study != path.stem:
            raise LleError(f"{path} holds the study '{study.study}': it was copied or renamed. Run `lle study {path.stem}`.")
        studies[study.study] = study
    return studies


def _read_seeds(folder: Path) -> dict[str, dict[int, dict[str, Evaluation]]]:
    seeds: dict[str, dict[int, dict[str, Evaluation]]] = {}
    for path in sorted(folder.glob("*/*/*.json"), key=lambda path: (path.parts[-3], int(path.parts[-2]), path.name)):
        evaluation = _read(Evaluation, path)
        named = (path.parts[-3], int(path.parts[-2]), path.stem)
        if named != (evaluation.method, evaluation.provenance.get("seed"), evaluation.dataset):
            raise LleError(
                f"{path} holds another method, seed or data set: it was copied or renamed. Run `lle seed {named[0]} {named[1]}`."
            )
        seeds.setdefault(named[0], {}).setdefault(named[1], {})[named[2]] = evaluation
    return seeds


def _read_samples(folder: Path) -> dict[str, dict[str, dict[str, Path]]]:
    samples: dict[str, dict[str, dict[str, Path]]] = {}
    for path in sorted(folder.glob("*/*/*.webp")):
        samples.setdefault(path.parts[-3], {}).setdefault(path.stem, {})[path.parts[-2]] = path
    return {dataset: dict(sorted(images.items())) for dataset, images in samples.items()}


def read_results(reports: Path, card: Callable[[str], Card] | None = None) -> Results:
    """Reads the result files.

    Args:
        reports: the folder that holds `metrics/`, `profile/`, `training/`, `samples/` and `studies/`.
        card: returns the card of a method or raises LleError; None asks the registry.

    Raises:
        LleError: a file is malformed, lies under another method's name or contradicts its per-image table, or there is no
            evaluation at all.
    """
    reports = Path(reports)
    evaluations, tables = _read_evaluations(reports / "metrics")
    if not evaluations:
        raise LleError(f"there are no results under {reports / 'metrics'}. Run `dvc repro`, or `lle evaluate` for one method.")
    profiles = {path.stem: _read(Profile, path) for path in sorted((reports / "profile").glob("*.json"))}
    trainings = {path.stem: _read(Training, path) for path in sorted((reports / "training").glob("*.json"))}
    methods = sorted(({m for found in evaluations.values() for m in found} | set(profiles) | set(trainings)) - {INPUT})
    known = set(methods) if card is not None else set(packages())
    cards = {method: (card or registry_card)(method) for method in methods if method in known}
    throughput, costs = reports / "throughput.json", reports / "costs.json"
    return Results(
        evaluations=evaluations,
        per_image=tables,
        profiles=profiles,
        trainings=trainings,
        samples=_read_samples(reports / "samples"),
        throughput=read_json(throughput) if throughput.exists() else {},
        cards=cards,
        without_card=tuple(method for method in methods if method not in cards),
        costs=read_json(costs)["methods"] if costs.exists() else {},
        studies=_read_studies(reports / "studies"),
        seeds=_read_seeds(reports / "seeds"),
    )
