"""Settings of Zero-DCE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lle.config.curves import CurveConfig


class Config(CurveConfig):
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
