"""Settings of Retinexformer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of Retinexformer; `paper` is the authors' option file for LOL-v1 with one fall of the learning rate."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 8}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # A budget for two cores: two fifths of the width, which is a sixth of the work, small crops, a higher learning rate.
        "recommended": {"iterations": 3000, "batch_size": 4, "crop": 96, "width": 16, "lr": 5e-4, "schedule": "cosine", "clip": 1.0},
        "paper": {
            "iterations": 150_000,
            "batch_size": 8,
            "crop": 128,
            "lr": 2e-4,
            "schedule": "cosine",
            "clip": 0.01,
            "mixup": 0.5,
        },
    }

    width: int = Field(40, ge=4, multiple_of=4)
    """Channels at full size, and of an attention head; the authors have 40."""
    blocks: tuple[int, int, int] = (1, 2, 2)
    """Blocks at full, half and a quarter of the size; the authors have 1, 2 and 2."""
    mixup: float = Field(0.0, ge=0, le=1)
    """Share of the batches whose pictures are blended with one another; the authors have 0.5."""
