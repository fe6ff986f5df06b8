"""Settings of FLW-Net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of FLW-Net."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # A budget for two cores: small crops of two blocks of 20 and more.
        "recommended": {"iterations": 3000, "batch_size": 8, "crop": 100, "lr": 1e-3, "weight_decay": 1e-4, "schedule": "cosine"},
        # 30,000 epochs over 343 of the 485 pairs of LOL-v1 in batches of 171, which is two a epoch, the last one smaller left out.
        "paper": {"iterations": 60_000, "batch_size": 171, "crop": 100, "lr": 1e-4, "weight_decay": 1e-4, "augment": False},
    }

    width: int = Field(16, ge=4)
    """Channels of all hidden layers; the authors have 16."""
    scale: int = Field(20, ge=2)
    """Side of the blocks whose brightness is looked at coarsely, in pixels; the authors have 20."""
    mu: float = Field(0.4, gt=0, lt=1)
    """Mean of the brightest channel that the result is asked to have; the paper's constant where there is no reference."""
    augment: bool = True
    """Random flips and quarter turns of the crops; the authors have none."""
    structure_weight: float = Field(1.0, ge=0)
    """Weight of the directions of the gradients."""
    brightness_weight: float = Field(1.0, ge=0)
    """Weight of the directions of the pictures less their minima."""
    colour_weight: float = Field(1.0, ge=0)
    """Weight of the directions of the colours."""
    ssim_weight: float = Field(1.0, ge=0)
    """Weight of 1 - SSIM."""
