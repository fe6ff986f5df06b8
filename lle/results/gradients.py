"""How much contour the pictures of a data set have."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from lle.results.base import Number, ResultFile
from lle.results.provenance import Provenance


class GradientLevels(ResultFile):
    """`reports/gradients/<data set>.json`. A level is the mean of (|dx| + |dy|) / 2 of a picture whose values are in [0, 1]."""

    FILES: ClassVar[str] = "gradients/*.json"

    dataset: str
    split: str
    level: Number
    """Mean over the normal-light pictures: SLLEN's E_g."""
    normal: list[Number]
    """Of every normal-light picture, in the order of the data set."""
    low: list[Number]
    """Of every low-light picture; empty where there is none."""
    provenance: Provenance

    @staticmethod
    def path(reports: Path, dataset: str) -> Path:
        """Returns where the file of a data set lies."""
        return Path(reports) / "gradients" / f"{dataset}.json"
