"""Settings of SCI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of SCI; `paper` is the authors' training script (1000 epochs, pictures one by one), for 300 pictures of 400 pixels."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # At the printed weight of smoothness a short training hardly leaves its start, which is nearly even illumination. At a small one,
        # 0.2, it ends far from its goal, which is a white picture, and how far hangs on the first weights.
        "recommended": {
            "iterations": 200,
            "batch_size": 8,
            "crop": 64,
            "lr": 3e-3,
            "schedule": "cosine",
            "weight_decay": 3e-4,
            "clip": 5.0,
            "smooth_weight": 0.35,
        },
        "paper": {"iterations": 300_000, "batch_size": 1, "crop": 400, "lr": 3e-4, "weight_decay": 3e-4, "clip": 5.0},
    }

    stages: int = Field(3, ge=1)
    """Cascaded stages in training; one is used afterwards."""
    width: int = Field(16, ge=1)
    """Channels of the calibration network, which is used in training only."""
    fidelity_weight: float = Field(1.5, ge=0)
    """Weight of the distance between the illumination and the stage's input."""
    smooth_weight: float = Field(1.0, ge=0)
    """Weight of the smoothness of the illumination."""
    sigma: float = Field(10.0, gt=0)
    """Colour difference, in [0, 1] units, beyond which two pixels need not be equally lit; at 10 no difference is."""
