"""What MLflow shows of studies: a parent run a study, a child a variant and seed; imports no MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lle.files import digest, sha256
from lle.results.base import Score
from lle.results.cost import TrainingSpeed
from lle.results.provenance import Provenance
from lle.results.study import Study
from lle.tracking.runs import FORMAT

EXPERIMENT = "studies"
"""Experiment of all studies."""


@dataclass(frozen=True)
class TrainingRun:
    """One training of a study.

    Attributes:
        name: `<study>/<variant>/<seed>`.
        method: its method.
        parameters: what the variant sets, and its seed.
        metrics: mean by `<data set>/<metric>`.
        training: numbers of its training.
        provenance: where its numbers come from.
    """

    name: str
    method: str
    parameters: dict[str, str]
    metrics: dict[str, float]
    training: TrainingSpeed
    provenance: Provenance


@dataclass(frozen=True)
class StudyRun:
    """A study with its files.

    Attributes:
        path: `reports/studies/<name>.json`, with the table of all pictures beside it as `.csv`.
        model_digest: always empty, since studies keep no model in the store.
    """

    path: Path
    model_digest: str = ""

    @property
    def name(self) -> str:
        """Name of the run."""
        return f"study@{self.path.stem}"

    @property
    def dvc_stage(self) -> str:
        """Address of the stage that runs the study."""
        return f"pipelines/studies/dvc.yaml:{self.path.stem}"

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return EXPERIMENT

    @property
    def training_key(self) -> str:
        """Always empty: no training begins the run of a study."""
        return ""

    @property
    def table(self) -> Path:
        """Metrics by variant, seed, data set and picture."""
        return self.path.with_suffix(".csv")

    @cached_property
    def digest(self) -> str:
        """Digest of everything the runs show."""
        files = [path for path in (self.path, self.table) if path.is_file()]
        return digest([FORMAT, {path.name: sha256(path) for path in files}])

    @cached_property
    def study(self) -> Study:
        """The study's results."""
        return Study.read(self.path)

    @property
    def seconds(self) -> float:
        """Time that all trainings took."""
        return sum(float(child.training.seconds or 0) for child in self.children())

    @property
    def provenance(self) -> Provenance:
        """Where the first child's numbers come from."""
        return next((child.provenance for child in self.children()), Provenance())

    def children(self) -> Iterator[TrainingRun]:
        """Yields the trainings, by variant and seed."""
        for variant, row in self.study.variants.items():
            overrides = dict(text.lstrip("+").partition("=")[::2] for text in row.set if not text.startswith("~"))
            for seed in map(str, self.study.seeds):
                facts = {"study": self.path.stem, "variant": variant, "title": row.title, "method": row.method, "seed": seed}
                metrics = {
                    f"{dataset}/{metric}": float(score.by_seed[seed])
                    for dataset, scores in row.results.items()
                    for metric, score in scores.items()
                    if seed in score.by_seed
                }
                training, origin = row.training.get(seed, TrainingSpeed()), row.provenance.get(seed, Provenance())
                yield TrainingRun(f"{self.path.stem}/{variant}/{seed}", row.method, {**overrides, **facts}, metrics, training, origin)

    def contrasts(self) -> dict[str, float]:
        """Returns the difference, first minus second, of every contrast that could be measured."""
        return {
            f"contrast/{entry.dataset}/{entry.metric}/{entry.better} over {entry.worse}": float(entry.difference.mean)
            for entry in self.study.contrasts
            if entry.difference is not None and entry.difference.mean is not None
        }

    def note(self) -> str:
        """Returns the description of the parent run: what was expected, and what came out."""
        lines = [f"**{self.study.title}**", "", f"Trained on `{self.study.train_data}`; seeds {self.study.seeds}."]
        if self.study.contrasts:
            lines += ["", "| expected | data set | difference | verdict |", "|---|---|---|---|"]
        for entry in self.study.contrasts:
            shown = entry.missing or "-" if entry.difference is None else f"{signed(entry.difference)} {entry.metric}"
            lines.append(f"| {entry.better} > {entry.worse} | {entry.dataset} | {shown} | {entry.verdict or '-'} |")
        return "\n".join(lines)


def signed(score: Score) -> str:
    """Returns a difference with its interval, all with their signs."""
    mean, low, high = ("-" if value is None else f"{value:+.3g}" for value in (score.mean, score.low, score.high))
    return f"{mean} ({low} … {high})"


def collect(reports: Path) -> list[StudyRun]:
    """Finds the studies that have results."""
    return [StudyRun(path) for path in sorted(Path(reports).glob("studies/*.json"))]
