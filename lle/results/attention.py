"""Which attention maps were drawn."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from lle.results.base import Fact, ResultFile
from lle.results.provenance import Provenance


class Attention(ResultFile):
    """`reports/attention/<data set>/<method>.json`; the maps are in the folder of the same name."""

    FILES: ClassVar[str] = "attention/*/*.json"

    method: str
    dataset: str
    image: str
    student_blocks: int
    """Number of maps of the student."""
    teacher_blocks: int
    """Number of maps of its teacher; 0 without a normal-light picture."""
    tags: dict[str, Fact] = Field(default_factory=dict)
    provenance: Provenance = Field(default_factory=Provenance)

    @staticmethod
    def path(reports: Path, dataset: str, method: str) -> Path:
        """Returns where the file of a data set and a method lies."""
        return Path(reports) / "attention" / dataset / f"{method}.json"
