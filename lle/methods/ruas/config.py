"""Settings of RUAS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.base import MethodConfig

_SGD = {"optimizer": "sgd", "betas": (0.9, 0.999), "weight_decay": 3e-4, "clip": 5.0}


class Config(MethodConfig):
    """Settings of RUAS; `lr` is that of the illumination cells."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {
            **_SGD,
            "iterations": 800,
            "batch_size": 8,
            "crop": 128,
            "lr": 0.015,
            "denoise_every": 1,
            "denoise_fidelity": 1.0,
            "denoise_tv": 0.1,
        },
        "paper": {**_SGD, "iterations": 800, "batch_size": 1, "crop": 400, "lr": 0.015},
    }

    stages: int = Field(3, ge=1)
    """Illumination cells, one after another."""
    denoise_cells: int = Field(3, ge=1)
    """Noise-removal cells, one after another."""
    denoise_width: int = Field(6, ge=1)
    """Channels of the noise-removal cells; the illumination cells have 3."""
    output: Literal["denoised", "enhanced"] = "denoised"
    """The result: after noise removal, as the authors do for LOL, or before it, as they do for the dark-face and MIT sets."""
    fidelity: float = Field(0.5, ge=0)
    """Weight of the distance between illumination and picture."""
    smooth: float = Field(1.0, ge=0)
    """Weight of the illumination's smoothness."""
    denoise_lr: float = Field(0.001, gt=0)
    """Learning rate of the noise-removal cells."""
    denoise_every: int = Field(50, ge=1)
    """The noise-removal cells learn in every so-manieth iteration."""
    denoise_fidelity: float = Field(1e-7, ge=0)
    """Weight of the distance between the pictures after and before noise removal."""
    denoise_tv: float = Field(1.0, ge=0)
    """Weight of the total variation of the picture after noise removal."""
