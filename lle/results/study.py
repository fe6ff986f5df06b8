"""Results of a study: its variants, and how its expectations came out."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from lle.results.base import Number, Part, ResultFile, Score
from lle.results.cost import TrainingSpeed
from lle.results.mechanism import MechanismMeasure
from lle.results.provenance import Provenance


def training_name(variant: str, seed: int | str, processor: str) -> str:
    """Returns what a study calls the training of a variant with a seed and the instructions of a processor."""
    return f"{variant}/{seed}" + ("" if processor == "native" else f"-{processor}")


class OtherRun(Part):
    """A training on another processor than the first of the study."""

    seed: int
    processor: str
    training: TrainingSpeed
    provenance: Provenance


class Variant(Part):
    """One row of a study."""

    title: str
    method: str
    set: list[str] = Field(default_factory=list)
    """Settings that differ, as given to `-S`."""
    results: dict[str, dict[str, Score]]
    """By data set and metric."""
    mechanism: list[MechanismMeasure] = Field(default_factory=list)
    """The numbers of `lle mechanism`, means over the seeds, where the study asks for them."""
    training: dict[str, TrainingSpeed] = Field(default_factory=dict)
    """By seed."""
    provenance: dict[str, Provenance] = Field(default_factory=dict)
    """By seed."""
    other_runs: list[OtherRun] = Field(default_factory=list)


class Contrast(Part):
    """An expectation of a study, `better` above `worse`, and how it came out."""

    better: str
    worse: str
    dataset: str
    metric: str = "psnr"
    difference: Score | None = None
    """In the metric's unit, `better` minus `worse`."""
    output_change: Number | None = None
    """Mean absolute difference between the pictures of both with the first seed, in grey levels of 255."""
    p_value: Number | None = None
    seeds_in_favour: int | None = None
    seeds: int | None = None
    test: str | None = None
    """Which test the p-value is of."""
    verdict: str | None = None
    """`holds`, `contradicted` or `not shown`."""
    missing: str | None = None


class Study(ResultFile):
    """`reports/studies/<name>.json`; the table of all pictures is beside it as `.csv`."""

    FILES: ClassVar[str] = "studies/*.json"

    study: str
    title: str
    paper: str | None = None
    """Id of the paper that the study belongs to."""
    datasets: list[str]
    split: str = "test"
    """The split of them that was measured: `val` where the study chose settings."""
    seeds: list[int]
    processors: list[str] = Field(default_factory=lambda: ["native"])
    train_data: str | None = None
    variants: dict[str, Variant]
    contrasts: list[Contrast] = Field(default_factory=list)

    @staticmethod
    def path(reports: Path, name: str) -> Path:
        """Returns where the file of a study lies."""
        return Path(reports) / "studies" / f"{name}.json"
