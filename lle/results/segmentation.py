"""Segmentation: what a judge recognises after a method, and how good the judge is. Shares and IoU are in [0, 1]."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, JsonValue

from lle.results.base import Fact, Number, Part, Point, ResultFile
from lle.results.provenance import Provenance


class MeanIou(Part):
    """Mean intersection over union of some classes, with its interval over pictures."""

    mean: Number | None
    low: Number | None = None
    high: Number | None = None


class IouClasses(Part):
    """Which classes were meant by a mean."""

    all: MeanIou
    """All that occur in the truth."""
    listed: MeanIou
    """Those without the classes that papers leave out."""


class Recognised(ResultFile):
    """What both files hold: counts of pixels, summed up over pictures."""

    dataset: str
    split: str
    images: int
    classes: list[str] = Field(default_factory=list)
    absent: list[str] = Field(default_factory=list)
    """Classes that no picture shows."""
    unlisted: list[str] = Field(default_factory=list)
    """Classes outside of `mean_iou.listed`."""
    iou: dict[str, Number | None]
    """By class; None where it does not occur."""
    mean_iou: IouClasses
    pixel_accuracy: Number
    provenance: Provenance


class JudgeId(Part):
    """The network that segmented."""

    encoder: str
    sha256: str
    """Of its weights."""


class Segmentation(Recognised):
    """`reports/segment/<data set>/<method>.json`."""

    FILES: ClassVar[str] = "segment/*/*.json"

    method: str
    judge: JudgeId
    colours: dict[str, list[int]]
    """RGB, 0 to 255, by class."""
    darkening: dict[str, JsonValue] | None
    """The formula's ranges; None where the set has dark pictures of its own."""
    """Ranges of the parameters that the pictures were darkened by."""
    protocol: dict[str, Fact] = Field(default_factory=dict)
    trained_on: str | None = None

    @staticmethod
    def path(reports: Path, dataset: str, method: str) -> Path:
        """Returns where the file of a data set and a method lies; the counts by picture are beside it as `.csv`."""
        return Path(reports) / "segment" / dataset / f"{method}.json"


class Judge(Recognised):
    """`reports/judges/<data set>.json`: the judge on clean pictures."""

    FILES: ClassVar[str] = "judges/*.json"

    judge: str
    settings: dict[str, JsonValue]
    iterations: int
    """Steps of its training; 0 for weights that were given."""
    pictures_seen: int
    loss: list[Point] = Field(default_factory=list)
    """Iteration and loss."""

    @staticmethod
    def path(reports: Path, dataset: str) -> Path:
        """Returns where the file of a data set lies."""
        return Path(reports) / "judges" / f"{dataset}.json"
