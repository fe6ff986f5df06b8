"""Settings of LampNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from lle.config.base import Input
from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of LampNet, our own method: there is no paper to follow."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 4, "light_width": 8, "frames_crop": 32}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {
            "iterations": 400,
            "batch_size": 4,
            "crop": 192,
            "lr": 1.5e-3,
            "schedule": "cosine",
            "warmup": 50,
            "clip": 1.0,
        },
    }

    width: int = Field(16, ge=4, multiple_of=4)
    """Channels of the detail network at half resolution; twice and three times as many at a quarter and an eighth."""
    knots: int = Field(6, ge=2, le=16)
    """Knots of a tone curve, at equal steps of the square root of the brightest channel."""
    light_width: int = Field(48, ge=4)
    """Channels of the light estimate."""
    strength: float = Field(1.0, ge=0, le=2)
    """At test time: 0 leaves pictures as they are, 1 is as trained; gains are raised to this power, the detail is multiplied by it."""
    brightness: float | None = Field(None, ge=0, le=1)
    """At test time: wanted mean luma of the result; null leaves the choice to the network."""
    wanted_share: float = Field(0.4, ge=0, le=1)
    """Share of the training pictures whose reference's brightness the network is told."""
    frames_data: str | None = None
    """Data set of the larger crops that show the light of most of a frame; null takes `train.data`."""
    frames_crop: int = Field(320, ge=16)
    """Their side in pixels."""
    frames_batch_size: int = Field(1, ge=0)
    """Larger crops a step beside the others; 0 does without."""
    lifted_weight: float = Field(0.5, ge=0)
    """Weight of the mean absolute error of the lifted picture, averaged over 8 x 8 pixels: light is the curves' task."""
    charbonnier_weight: float = Field(1.0, ge=0)
    """Weight of the Charbonnier loss."""
    ssim_weight: float = Field(0.4, ge=0)
    """Weight of 1 - SSIM."""
    colour_weight: float = Field(0.5, ge=0)
    """Weight of the difference of chroma, averaged over 4 x 4 pixels."""

    def inputs(self) -> Sequence[Input]:
        """Returns the data set of the larger crops."""
        return (Input("data", self.frames_data),) if self.frames_data and self.frames_batch_size else ()
