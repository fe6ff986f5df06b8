"""Settings of KinD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lle.config.base import Share
from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of KinD. `iterations`, `batch_size` and `crop` hold for decomposition and adjustment."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 8}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {
            "iterations": 1500,
            "batch_size": 8,
            "crop": 48,
            "lr": 5e-4,
            "schedule": "cosine",
            "restore_batch_size": 4,
            "restore_crop": 96,
        },
        # 2000 epochs of 48 batches of 10, and 1000 of 116 batches of 4, over LOL-v1.
        "paper": {
            "iterations": 96000,
            "batch_size": 10,
            "crop": 48,
            "lr": 1e-4,
            "restore_iterations": 116000,
            "restore_batch_size": 4,
            "restore_crop": 384,
            "restore_steps": (0.8,),
            "step_factor": 0.5,
        },
    }

    width: int = Field(32, ge=4)
    """Channels of the three networks at full size; the authors have 32."""
    ratio: float = Field(5.0, gt=0)
    """How much brighter the illumination shall be; the authors test with 5."""
    restore_iterations: int | None = Field(None, ge=1)
    """Training steps of the restoration; null takes `iterations`."""
    restore_batch_size: int | None = Field(None, ge=1)
    """Images per step of the restoration; null takes `batch_size`."""
    restore_crop: int | None = Field(None, ge=16)
    """Side of the restoration's crops; null takes `crop`."""
    restore_steps: tuple[Share, ...] | None = None
    """Restoration: shares of its phase after each of which the learning rate is multiplied by `step_factor`; null follows `schedule`."""
    reflectance: float = Field(0.01, ge=0)
    """Decomposition: weight of the difference of the two reflectances."""
    mutual: float = Field(0.2, ge=0)
    """Decomposition: weight of edges that only one of the illuminations has."""
    smooth: float = Field(0.15, ge=0)
    """Decomposition: weight of edges of an illumination where its picture has none."""
    contrast: float = Field(1.2, gt=0)
    """Restoration: the target is the normal picture's reflectance to this power."""
