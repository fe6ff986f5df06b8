"""Settings of LYT-Net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of LYT-Net, the authors' version in PyTorch."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 16}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # A budget for two cores: crops of a quarter of the area, and a higher learning rate.
        "recommended": {"iterations": 3000, "batch_size": 4, "crop": 128, "lr": 5e-4, "schedule": "cosine"},
        # 1500 epochs over the 485 pairs of LOL-v1, one by one.
        "paper": {
            "iterations": 727_500,
            "batch_size": 1,
            "crop": 256,
            "lr": 2e-4,
            "schedule": "cosine",
            "lr_min": 0.0,
            "perceptual": "vgg19",
            "augment": False,
        },
    }

    width: int = Field(32, ge=8, multiple_of=8)
    """Channels at full size; the colour denoisers have half of them. The authors have 32."""
    tokens: Literal["official", "pixels"] = "official"
    """What the attention compares: `official` cuts the memory of a map into pieces as the authors' code does, so that a token holds
    values of one channel at neighbouring positions; `pixels` takes the channels of a position, as the paper describes."""
    augment: bool = True
    """Random flips and quarter turns of the crops; the authors have none."""
    perceptual: Literal["none", "vgg19", "efficientnet_lite0"] = "none"
    """Network of the perceptual loss; `vgg19` is the authors' and needs its weights on disk, `none` leaves the loss out."""
    perceptual_weight: float = Field(0.06, ge=0)
    """Weight of the perceptual loss."""
    ssim_weight: float = Field(0.5, ge=0)
    """Weight of 1 - multi-scale SSIM."""
    psnr_weight: float = Field(0.0083, ge=0)
    """Weight of 40 - PSNR."""
    brightness_weight: float = Field(0.25, ge=0)
    """Weight of the difference of mean values, the authors' colour loss."""
