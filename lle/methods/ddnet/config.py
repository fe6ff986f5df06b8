"""Settings of DDNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of DDNet."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 8}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {"iterations": 2000, "batch_size": 4, "crop": 96, "lr": 5e-4, "schedule": "cosine", "clip": 1.0},
        # The width is the authors'. They have lost the training code, so the budget is ours.
        "paper": {"iterations": 50000, "batch_size": 8, "crop": 128, "lr": 1e-4},
    }

    width: int = Field(32, ge=4, multiple_of=2)
    """Channels at full size; the authors have 32."""
    ssim_weight: float = Field(1.0, ge=0)
    """Weight of 1 - SSIM of the result."""
    edge_weight: float = Field(1.0, ge=0)
    """Weight of the Charbonnier distance of the result's Laplacian."""
    tv_weight: float = Field(0.01, ge=0)
    """Weight of the result's total variation."""
    coarse_weight: float = Field(0.5, ge=0)
    """Weight of the coarse picture's distance to the normal one."""
    frequency_weight: float = Field(0.5, ge=0)
    """Weight of the edge map's distance to that of the normal picture."""
