"""Settings of HVI-CIDNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of HVI-CIDNet."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 8}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # A budget for two cores: a third of the width, which is a ninth of the work, small crops, a higher learning rate.
        "recommended": {"iterations": 3000, "batch_size": 4, "crop": 96, "width": 12, "lr": 5e-4, "schedule": "cosine", "clip": 1.0},
        # 1000 epochs over the 485 pairs of LOL-v1 in batches of 8, of which three warm up; the authors' gradient clipping never acted.
        "paper": {
            "iterations": 61_000,
            "batch_size": 8,
            "crop": 256,
            "lr": 1e-4,
            "schedule": "cosine",
            "lr_min": 1e-7,
            "warmup": 183,
            "perceptual": "vgg19",
        },
    }

    width: int = Field(36, ge=8, multiple_of=4)
    """Channels at full and half size; twice and four times as many below. The authors have 36."""
    black_pixels: Literal["official", "fixed"] = "fixed"
    """Colours at the very end of the hue circle come out black in the authors' code (`official`)."""
    saturation: float = Field(1.0, gt=0)
    """Factor of the result's saturation; the authors have 1.3 for LOL-v1, chosen on its test pictures."""
    brightness: float = Field(1.0, gt=0)
    """Factor of the result; the authors have 0.8 to 0.84 for LOL-v2-real, chosen on its test pictures."""
    random_gamma: bool = False
    """Raise the low pictures of a batch to a power between 0.6 and 1.2, as the authors do for their weights `generalization`."""
    hvi_weight: float = Field(1.0, ge=0)
    """Weight of the losses in HVI against those in RGB."""
    ssim_weight: float = Field(0.5, ge=0)
    """Weight of 1 - SSIM."""
    edge_weight: float = Field(50.0, ge=0)
    """Weight of the squared differences of Laplacian residuals."""
    perceptual: Literal["none", "vgg19", "efficientnet_lite0"] = "none"
    """Network of the perceptual loss; `vgg19` is the authors' and needs its weights on disk, `none` leaves the loss out."""
    perceptual_weight: float = Field(0.01, ge=0)
    """Weight of the perceptual loss."""
