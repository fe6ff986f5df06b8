"""Reading: what a recogniser makes of the signs in a method's pictures."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from lle.results.base import Fact, Number, Part, ResultFile, Score
from lle.results.provenance import Provenance


class SignRead(Part):
    """One sign."""

    image: str
    scene: str
    text: str
    """What it says."""
    read: str
    """What was recognised."""
    accuracy: Number
    """Share of its characters that were, 0 to 1."""


class Reading(ResultFile):
    """`reports/reading/<data set>/<method>.json`."""

    FILES: ClassVar[str] = "reading/*/*.json"

    method: str
    """Its id, `input` for the dark pictures as they are, or `normal` for the references."""
    dataset: str
    split: str
    images: int
    """Pictures with signs."""
    accuracy: Score
    """Mean character accuracy over the signs, 0 to 1, or why there is none."""
    exact: Number | None = None
    """Share of the signs that were read without a mistake."""
    signs: list[SignRead]
    recogniser: str | None = None
    """Its name and version."""
    protocol: dict[str, Fact]
    trained_on: str | None = None
    provenance: Provenance

    @staticmethod
    def path(reports: Path, dataset: str, method: str) -> Path:
        """Returns where the file of a data set and a method lies."""
        return Path(reports) / "reading" / dataset / f"{method}.json"
