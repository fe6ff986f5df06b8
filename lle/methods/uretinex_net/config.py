"""Settings of URetinex-Net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of URetinex-Net. `iterations` holds for each of the three phases."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 8, "rounds": 2}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {"iterations": 1000, "batch_size": 4, "crop": 64, "lr": 5e-4, "schedule": "cosine", "clip": 1.0},
        # Rounds, ratio and penalties are the authors'; they publish no training code, so the budget is ours.
        "paper": {"iterations": 50000, "batch_size": 4, "crop": 128, "lr": 1e-4, "perceptual": "vgg16"},
    }

    width: int = Field(32, ge=4, multiple_of=2)
    """Channels of the decomposition, illumination and adjustment networks; the reflectance network has twice as many."""
    rounds: int = Field(3, ge=1)
    """Rounds of the unfolded optimisation."""
    gamma: float = Field(0.1, gt=0)
    """Penalty that ties the auxiliary reflectance to the reflectance in the first round."""
    lamda: float = Field(0.5, gt=0)
    """Penalty that ties the auxiliary illumination to the illumination in the first round."""
    offset: float = Field(0.05, ge=0)
    """What both penalties grow by in each round."""
    ratio: float = Field(5.0, gt=0)
    """How much brighter the adjusted illumination shall be; the authors test with 5."""
    illumination_weight: float = Field(0.1, ge=0)
    """Initialisation: weight of the distance between illumination and brightest channel."""
    ssim_weight: float = Field(0.5, ge=0)
    """Unfolding: weight of 1 - SSIM of the reflectances."""
    perceptual_weight: float = Field(0.002, ge=0)
    """Unfolding: weight of the feature distance of the reflectances."""
    perceptual: Literal["vgg16", "efficientnet_lite0"] = "efficientnet_lite0"
    """Network of the feature distance; `vgg16` needs its weights on disk."""
    smooth_weight: float = Field(0.1, ge=0)
    """Unfolding: weight of the illumination's total variation."""
