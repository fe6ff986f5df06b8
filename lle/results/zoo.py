"""The weights that come with the package: what is known of each, and how well they do."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from lle.results.base import Number, Part, ResultFile, Score
from lle.results.provenance import Provenance
from lle.results.quality import Evaluation


class TrainingPart(Part):
    """A data set that was learned from, or a part of a joined one."""

    name: str
    pictures: int
    """Training pairs of it."""
    licences: list[str]
    """Of the photographs behind them."""


class HalfCheck(Part):
    """What storing all weights with 16 bits would change in enhanced validation pictures."""

    pictures: int
    changed: int
    """8-bit values that differ; all weights are stored with 16 bits where this is 0."""
    values: int
    """8-bit values that were compared."""
    largest: int
    """Largest difference, in levels."""


class ZooModel(ResultFile):
    """`lle/zoo/<name>/result.json`, in the package."""

    FILES: ClassVar[str] = "zoo/*/result.json"

    name: str
    title: str
    method: str
    licence: Literal["free", "non-commercial"]
    default: bool = False
    """Whether `lle enhance` takes it where no method is named."""
    weak: str
    """What it is bad at."""
    data: str
    """Data set that was learned from."""
    parts: list[TrainingPart]
    set: list[str] = Field(default_factory=list)
    """Overrides of the training, in the grammar of `-S`."""
    iterations: int
    seconds: Number
    """Of training."""
    parameters: int
    """Used at test time."""
    bytes: int
    """Of the file of weights."""
    precision: Literal["half", "mixed", "single"]
    """How weights are stored, `mixed` where only some modules have 16 bits; they are computed with in single precision."""
    halved: list[str] = Field(default_factory=list)
    """Modules whose weights are stored with 16 bits, which changes no level of the pictures of `half`."""
    half: HalfCheck
    metrics: dict[str, dict[str, Score]]
    """By test set and metric."""
    missing: dict[str, str] = Field(default_factory=dict)
    """Why there are no figures of a test set."""
    provenance: Provenance
    """Of the training."""


class ZooEvaluation(Evaluation):
    """`reports/zoo/metrics/<data set>/<name>.json`: the weights of the package, as this code measures them."""

    FILES: ClassVar[str] = "zoo/metrics/*/*.json"

    @staticmethod
    def path(reports: Path, dataset: str, method: str) -> Path:
        """Returns where the file of a data set and of weights lies."""
        return Evaluation.path(Path(reports) / "zoo", dataset, method)
