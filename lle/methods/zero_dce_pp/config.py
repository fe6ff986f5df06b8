"""Settings of Zero-DCE++."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lle.config.curves import CurveConfig


class Config(CurveConfig):
    """Settings of Zero-DCE++; `paper` is what the authors' training script does, on 2,422 pictures for 100 epochs."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {
            "iterations": 400,
            "batch_size": 4,
            "crop": 96,
            "lr": 1e-3,
            "exposure_level": 0.5,
            "weight_decay": 1e-4,
            "clip": 0.1,
            "schedule": "cosine",
        },
        "paper": {
            "iterations": 30_300,
            "batch_size": 8,
            "resize": 512,
            "lr": 1e-4,
            "weight_decay": 1e-4,
            "clip": 0.1,
            "tv_weight": 1600.0,
            "spatial_weight": 1.0,
            "colour_weight": 5.0,
            "exposure_weight": 10.0,
            "exposure_level": 0.6,
        },
    }

    scale: int = Field(12, ge=1)
    """Factor by which a picture is shrunk before curves are estimated; the authors train at 1 and test at 12."""
    train_scale: int = Field(1, ge=1)
    """The same factor in training."""
    tv_weight: float = Field(1600.0, ge=0)
    """Weight of the smoothness of the curve map."""
