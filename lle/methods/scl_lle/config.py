"""Settings of SCL-LLE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from lle.config.base import Input
from lle.methods.pie.config import Config as PieConfig


class Config(PieConfig):
    """SCL-LLE: PIE's predecessor, with a margin on Gram matrices instead of InfoNCE, and regions from labels."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {"iterations": 200, "batch_size": 4, "crop": 64, "lr": 2e-3, "schedule": "cosine", "min_size": 20},
        "paper": {**PieConfig.presets["paper"], "iterations": 50_000},
    }

    w_nce: float = Field(0.0, ge=0)
    """Weight of InfoNCE on Gram matrices (PIE's term)."""
    w_gram: float = Field(5.0, ge=0)
    """Weight of the margin contrast on Gram matrices."""
    segmentation: str | None = None
    """Prepared data set with low-light pictures and label masks, whose regions are used, as in the paper, in a second
    update; null finds regions without labels, as PIE does."""

    def inputs(self) -> Sequence[Input]:
        """The data sets of labels and of positives, where they are others."""
        return (*super().inputs(), *(() if self.segmentation is None else (Input("data", self.segmentation),)))
