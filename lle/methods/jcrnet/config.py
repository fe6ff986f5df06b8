"""Settings of JCRNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """JCRNet: correct, then refine, then adjust the light."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 0.25}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {},
        # 200 epochs of the 485 LOL pairs; the first three warm up.
        "paper": {"iterations": 24_250, "warmup": 364, "crop": 256},
        # A quarter of the channels: what two CPU cores train in minutes. Large crops, and the GT-mean loss, by which it looks at colour
        # while it still learns how bright a picture should be, leave less of a tint; with two crops a step, results hang more on the seed.
        "small": {"width": 0.25, "iterations": 200, "batch_size": 4, "crop": 96, "lr": 2e-3, "warmup": 20, "gt_mean": 0.1},
    }

    iterations: int = Field(2000, ge=0)
    """Training steps."""
    batch_size: int = Field(4, ge=1)
    """Images per step."""
    crop: int = Field(96, ge=16)
    """Side of the training crops, in pixels."""
    lr: float = Field(2e-4, gt=0)
    """Learning rate after the warm-up."""
    warmup: int = Field(100, ge=0)
    """Steps over which the learning rate rises linearly from 0."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """The authors' base repository lets the rate fall along a cosine to 1e-6."""
    width: float = Field(1.0, gt=0, le=2)
    """Factor on every hidden number of channels; 1 is the paper's network of 1,551,201 parameters."""
    width_projection: int = Field(1, ge=1, le=64)
    """Channels inside the back-projection: the authors' code arrives at 3 // 2 = 1, which is very thin."""
    w_charbonnier: float = Field(1.0, ge=0)
    """Weight of the Charbonnier loss of both outputs."""
    w_edge: float = Field(0.05, ge=0)
    """Weight of the edge loss (Charbonnier of Laplacian residuals) of both outputs."""
    supervise_first: bool = True
    """Whether the first stage's output is supervised as well as the last one's."""
