"""Settings of the supervised U-Net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of the supervised U-Net, our own reference: there is no paper to follow."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {"iterations": 500, "batch_size": 16, "crop": 96, "lr": 2e-3, "schedule": "cosine", "warmup": 20, "clip": 1.0},
    }

    width: int = Field(16, ge=4, multiple_of=4)
    """Channels of the first level; each further level doubles them."""
    levels: int = Field(4, ge=2, le=6)
    """Levels of resolution; the first one is half the picture's."""
    exponent: float = Field(0.45, gt=0)
    """Power curve of the brightest channel that the network corrects; below 1 brightens."""
    l1_weight: float = Field(1.0, ge=0)
    """Weight of the mean absolute error."""
    ssim_weight: float = Field(0.5, ge=0)
    """Weight of 1 - SSIM."""
