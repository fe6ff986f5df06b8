"""Settings of Net-T, the teacher of `distill`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Net-T: an auto-encoder of normal-light pictures."""

    tiny: ClassVar[Mapping[str, Any]] = {"channels": 16}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {},
        # 30 epochs of the 485 LOL pictures; learning rate and batch of the student.
        "paper": {"iterations": 1819, "crop": 256, "lr": 1e-4},
    }

    iterations: int = Field(300, ge=0)
    """Training steps."""
    crop: int = Field(64, ge=16)
    """Side of the training crops, in pixels."""
    lr: float = Field(1e-3, gt=0)
    """Learning rate at the start."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """How the learning rate falls."""
    channels: int = Field(64, ge=4)
    """Width of every layer; the student's `teacher_channels` must name the same number."""
    blocks: int = Field(6, ge=1)
    """Number of residual blocks; a student that imitates block k needs at least k of them."""
