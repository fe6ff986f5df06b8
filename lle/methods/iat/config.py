"""Settings of IAT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of IAT."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {"iterations": 3000, "batch_size": 8, "crop": 128, "lr": 5e-4, "weight_decay": 4e-4, "schedule": "cosine"},
        # 200 epochs over the 485 pairs of LOL-v1 in batches of 8.
        "paper": {
            "iterations": 12125,
            "batch_size": 8,
            "crop": 256,
            "lr": 2e-4,
            "weight_decay": 4e-4,
            "schedule": "cosine",
            "loss": "smooth_l1_perceptual",
            "perceptual": "vgg16",
        },
    }

    blocks: int = Field(3, ge=1, le=8)
    """Blocks in each of the two local branches; the paper has 3."""
    width: int = Field(16, ge=4)
    """Channels of the local branches; the paper has 16."""
    pre_norm: bool = False
    """Feed the network 2 x - 1 instead of x, as the authors' LOL-v2 weights ask for; without it these lose 6 dB."""
    learn_gamma: bool = True
    """Train the base of the predicted exponent too; the authors keep it at 1 for exposure correction."""
    loss: Literal["l1", "smooth_l1_perceptual"] = "l1"
    """`l1`: mean absolute error. `smooth_l1_perceptual`: smooth L1 plus `perceptual_weight` times a perceptual loss."""
    perceptual_weight: float = Field(0.04, ge=0)
    """Weight of the perceptual loss."""
    perceptual: Literal["vgg16", "efficientnet_lite0"] = "efficientnet_lite0"
    """Network of the perceptual loss; `vgg16` is the authors' and needs its weights on disk."""
