"""Settings of CPGA-Net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of CPGA-Net; `paper` and `paper_dgf` are its two networks."""

    _paper: ClassVar[Mapping[str, Any]] = {
        # Ten epochs over the 485 pairs of LOL-v1 in batches of 16; the authors' files are of epochs 49, 18 and 9.
        "iterations": 1500,
        "batch_size": 16,
        "crop": 400,
        "lr": 1e-4,
        "weight_decay": 1e-4,
        "clip": 0.1,
        "schedule": "step",
        "steps": (0.4, 0.8),
        "perceptual": "vgg16",
        "augment": False,
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # A budget for two cores: crops, and a higher learning rate that falls.
        "recommended": {
            "iterations": 3000,
            "batch_size": 8,
            "crop": 96,
            "lr": 1e-3,
            "weight_decay": 1e-4,
            "clip": 0.1,
            "schedule": "cosine",
        },
        "paper": _paper,
        "paper_dgf": {**_paper, "width": 8, "guided": True},
    }

    width: int = Field(16, ge=4)
    """Channels of the branch that estimates the air light; the authors have 16, and 8 with the guided filter."""
    guided: bool = False
    """Work on the halved picture and bring the result to full size by a guided filter (the authors' DGF)."""
    augment: bool = True
    """Random flips and quarter turns of the crops; the authors have none."""
    perceptual: Literal["none", "vgg16", "efficientnet_lite0"] = "none"
    """Network of the perceptual loss; `vgg16` is the authors' and needs its weights on disk, `none` leaves the loss out."""
    perceptual_weight: float = Field(0.01, ge=0)
    """Weight of the perceptual loss."""
