"""Records of trainings: the curves in git, and what the model's folder says of its own training."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, Field, JsonValue

from lle.results.base import Number, Part, Point, ResultFile
from lle.results.provenance import Provenance


class TermCurve(Part):
    """The values of one loss term over a phase; with `update` equal to `val`, of one validation metric."""

    phase: str
    update: str
    term: str
    points: list[Point]
    """Iteration and weighted value."""


class Training(ResultFile):
    """`reports/training/<method>.json`."""

    FILES: ClassVar[str] = "training/*.json"

    method: str
    trained_on: str | None = None
    iterations: int
    """Optimiser steps of all phases."""
    phases: list[str] = Field(default_factory=list)
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """The method's settings with all defaults filled in."""
    terms: list[TermCurve] = Field(default_factory=list)
    provenance: Provenance = Field(default_factory=Provenance)

    @staticmethod
    def path(reports: Path, method: str) -> Path:
        """Returns where the file of a method lies."""
        return Path(reports) / "training" / f"{method}.json"


class ModelTraining(Training):
    """`train.json` in a model's folder: the same without curves, with what differs from run to run. Older files have other keys too."""

    model_config = ConfigDict(extra="allow")
    FILES: ClassVar[str] = "../build/models/*/train.json"

    trained_on: str | None = None
    data: str | None = None
    """Older name of `trained_on`."""
    iterations: int = 0
    seconds: Number | None = None
    images_per_s: Number | None = None
    data_wait_share: Number | None = None
    """Share of the time in which the training waited for its data, 0 to 1."""
    wait_shares: dict[str, Number] = Field(default_factory=dict)
    """The same by stream."""
    system: dict[str, Number] = Field(default_factory=dict)
    """What the process took from the machine: `peak_memory_mb` (MiB), `cpu_seconds`."""
    files: dict[str, str] = Field(default_factory=dict)
    """Of imported weights: SHA-256 by file name."""

    @staticmethod
    def path(models: Path, method: str) -> Path:
        """Returns where the file lies in the folder of models."""
        return Path(models) / method / "train.json"
