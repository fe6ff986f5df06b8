"""Settings of StableLLVE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of StableLLVE."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 8}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # At the authors' weight of 20 a short training ends in one grey for all pictures, which moves with any motion.
        "recommended": {
            "iterations": 2000,
            "batch_size": 4,
            "crop": 96,
            "lr": 5e-4,
            "schedule": "cosine",
            "consistency": 2.0,
            "motion": 4.0,
        },
        # 50 epochs one picture at a time; how many pictures an epoch has is not published, 5000 is our guess.
        "paper": {"iterations": 250000, "batch_size": 1, "crop": 512, "lr": 1e-4, "motion": 40.0},
    }

    width: int = Field(32, ge=4, multiple_of=2)
    """Channels at full size; the authors have 32."""
    consistency: float = Field(20.0, ge=0)
    """Weight of the difference between enhancing a moved picture and moving the enhanced one."""
    motion: float = Field(8.0, gt=0)
    """Typical length of the synthetic motion, in pixels of the crop."""
    motion_cells: int = Field(3, ge=2)
    """Independent motion vectors along a side of the crop; between them the motion is interpolated smoothly."""
