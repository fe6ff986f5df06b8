"""What people preferred: scores of methods from blinded pairs."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from lle.results.base import Fact, Number, Part, ResultFile
from lle.results.provenance import Provenance


class RatedMethod(Part):
    """One method."""

    method: str
    """Its id, `input` for the dark pictures as they are, or the name that its folder of pictures was given."""
    score: Number
    """Bradley-Terry score, log-odds; the mean of all methods is 0."""
    low: Number | None = None
    """Ends of its 95 % interval; None where one rater on one picture says nothing of others."""
    high: Number | None = None
    won: Number
    """Share of its answers in which it was preferred, 0 to 1; an answer `same` counts half."""
    answers: int
    """Answers in which it was shown."""


class Rating(ResultFile):
    """`reports/rate/<name>.json`."""

    FILES: ClassVar[str] = "rate/*.json"

    name: str
    study: str
    """Digest of the form: its pictures, its order and its question."""
    dataset: str
    """Data set, or name of the folder of dark pictures."""
    question: str
    methods: list[RatedMethod]
    """The best first."""
    raters: int
    pictures: int
    """Pictures with an answer."""
    answers: int
    same: Number
    """Share of answers that saw no difference, 0 to 1."""
    left: Number | None = None
    """Share of the others that preferred the left picture, 0 to 1: far from a half, raters did not look."""
    protocol: dict[str, Fact]
    provenance: Provenance

    @staticmethod
    def path(reports: Path, name: str) -> Path:
        """Returns where the file of a study lies."""
        return Path(reports) / "rate" / f"{name}.json"
