"""Settings of Zero-DCE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of Zero-DCE; `paper` is what the authors' training script does, on 2,422 pictures for 200 epochs."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {
            "iterations": 200,
            "batch_size": 4,
            "crop": 64,
            "lr": 1e-3,
            "exposure_level": 0.5,
            "weight_decay": 1e-4,
            "clip": 0.1,
            "schedule": "cosine",
        },
        "paper": {
            "iterations": 60_600,
            "batch_size": 8,
            "resize": 512,
            "lr": 1e-4,
            "weight_decay": 1e-4,
            "clip": 0.1,
            "tv_weight": 200.0,
            "spatial_weight": 1.0,
            "colour_weight": 5.0,
            "exposure_weight": 10.0,
            "exposure_level": 0.6,
        },
    }

    width: int = Field(32, ge=1)
    """Channels of the hidden layers."""
    curves: int = Field(8, ge=1)
    """How often a curve is applied."""
    resize: int | None = Field(None, ge=16)
    """Side to which whole pictures are squeezed for training, as the authors do; null takes random crops."""
    tv_weight: float = Field(200.0, ge=0)
    """Weight of the smoothness of the curve maps."""
    spatial_weight: float = Field(1.0, ge=0)
    """Weight of the brightness differences between neighbouring regions."""
    colour_weight: float = Field(5.0, ge=0)
    """Weight of the greyness of the mean colour."""
    exposure_weight: float = Field(10.0, ge=0)
    """Weight of the distance from `exposure_level`."""
    exposure_level: float = Field(0.6, gt=0, lt=1)
    """Brightness that 16x16 patches shall have."""
