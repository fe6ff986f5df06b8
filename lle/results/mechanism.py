"""Whether the idea of a method acts in what was trained: the numbers that the method itself declares."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from lle.results.base import Fact, Number, Part, ResultFile
from lle.results.provenance import Provenance


class MechanismMeasure(Part):
    """One number; see `lle.engine.probe.Measure`."""

    key: str
    title: str
    place: str = ""
    """Phase, round, stage or part that it is of."""
    value: Number
    """In `unit`."""
    unit: str = ""
    """`share` is in [0, 1], `dB`, `grey levels` are of 255; nothing for a count."""
    least: Number | None = None
    """The smallest value with which the part counts as acting; None for a number that only informs."""

    @property
    def acts(self) -> bool | None:
        """Whether the part acts; None where no bound says so."""
        return None if self.least is None else self.value >= self.least


class Mechanism(ResultFile):
    """`reports/mechanism/<method>.json`."""

    FILES: ClassVar[str] = "mechanism/*.json"

    method: str
    dataset: str
    """Set whose validation split was looked at."""
    pictures: int
    """Pairs of that split that were looked at."""
    preset: str
    """Settings with which the method was trained."""
    measures: list[MechanismMeasure]
    tags: dict[str, Fact] = Field(default_factory=dict)
    provenance: Provenance = Field(default_factory=Provenance)

    @staticmethod
    def path(reports: Path, method: str) -> Path:
        """Returns where the file of a method lies."""
        return Path(reports) / "mechanism" / f"{method}.json"
