"""All results under `reports/` together with the methods' cards: what the report is made of.

Only git-tracked files are read, so that a fresh clone without data or weights builds the same page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lle.errors import LleError
from lle.registry import Card, packages
from lle.registry import card as registry_card
from lle.results.base import Score as Score
from lle.results.cost import Costs, MethodCosts, Profile, Throughput
from lle.results.quality import INPUT, Evaluation, PerImage
from lle.results.quality import NORMAL as NORMAL
from lle.results.study import Study
from lle.results.training import Training
from lle.results.video import Flicker

SAMPLES = "samples/*/*/*.webp"
"""Sample pictures: data set, then method, `input` or `normal`, then picture."""
READS = (
    Evaluation.FILES,
    PerImage.FILES,
    Profile.FILES,
    Training.FILES,
    SAMPLES,
    Throughput.FILES,
    Costs.FILES,
    Study.FILES,
    Flicker.FILES,
)
"""Glob patterns, below the reports folder, of all files that `read_results` reads."""


@dataclass(frozen=True)
class Results:
    """Everything that was measured.

    Attributes:
        evaluations: data set -> method -> evaluation.
        per_image: data set -> method -> per-image table.
        profiles: by method.
        trainings: by method.
        samples: data set -> picture -> method, `input` or `normal` -> file.
        throughput: the loader's ceiling and the like; None when it was not measured.
        cards: by method; only methods with results.
        without_card: methods with results that this checkout does not have.
        costs: by method, also those without other results; empty when they were not counted.
        studies: ablations and long comparisons, by name.
        flickers: by method, and of the input; empty where none was measured.
    """

    evaluations: Mapping[str, Mapping[str, Evaluation]]
    per_image: Mapping[str, Mapping[str, PerImage]]
    profiles: Mapping[str, Profile]
    trainings: Mapping[str, Training]
    samples: Mapping[str, Mapping[str, Mapping[str, Path]]]
    throughput: Throughput | None
    cards: Mapping[str, Card]
    without_card: tuple[str, ...]
    costs: Mapping[str, MethodCosts] = field(default_factory=dict)
    studies: Mapping[str, Study] = field(default_factory=dict)
    flickers: Mapping[str, Flicker] = field(default_factory=dict)

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


def _read_evaluations(folder: Path) -> tuple[dict[str, dict[str, Evaluation]], dict[str, dict[str, PerImage]]]:
    evaluations: dict[str, dict[str, Evaluation]] = {}
    tables: dict[str, dict[str, PerImage]] = {}
    for path in sorted(folder.glob("*/*.json")):
        evaluation = Evaluation.read(path)
        named = (evaluation.dataset, evaluation.method)
        if named != (path.parent.name, path.stem):
            raise LleError(f"{path} holds the results of {named[1]} on {named[0]}: it was copied or renamed. Run dvc repro.")
        evaluations.setdefault(evaluation.dataset, {})[evaluation.method] = evaluation
        table = path.with_suffix(".csv")
        if table.exists():
            tables.setdefault(evaluation.dataset, {})[evaluation.method] = PerImage.read(table)
            tables[evaluation.dataset][evaluation.method].check_means(path, evaluation)
    return evaluations, tables


def _read_studies(folder: Path) -> dict[str, Study]:
    studies = {}
    for path in sorted(folder.glob("*.json")):
        study = Study.read(path)
        if study.study != path.stem:
            raise LleError(f"{path} holds the study '{study.study}': it was copied or renamed. Run `lle study {path.stem}`.")
        studies[study.study] = study
    return studies


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
    profiles = {path.stem: Profile.read(path) for path in sorted((reports / "profile").glob("*.json"))}
    trainings = {path.stem: Training.read(path) for path in sorted((reports / "training").glob("*.json"))}
    methods = sorted(({m for found in evaluations.values() for m in found} | set(profiles) | set(trainings)) - {INPUT})
    known = set(methods) if card is not None else set(packages())
    cards = {method: (card or registry_card)(method) for method in methods if method in known}
    throughput, costs = Throughput.path(reports), Costs.path(reports)
    return Results(
        evaluations=evaluations,
        per_image=tables,
        profiles=profiles,
        trainings=trainings,
        samples=_read_samples(reports / "samples"),
        throughput=Throughput.read(throughput) if throughput.exists() else None,
        cards=cards,
        without_card=tuple(method for method in methods if method not in cards),
        costs=Costs.read(costs).methods if costs.exists() else {},
        studies=_read_studies(reports / "studies"),
        flickers={path.stem: Flicker.read(path) for path in sorted(reports.glob(Flicker.FILES))},
    )
