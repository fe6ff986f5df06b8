"""Settings of PairLIE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of PairLIE; `paper` is 400 epochs over 324 scenes, a pair of low exposures a step."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 8}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # A budget for two cores: half the authors' width and crop, a higher learning rate.
        "recommended": {"iterations": 3000, "batch_size": 2, "crop": 64, "width": 32, "lr": 5e-4, "schedule": "cosine"},
        "paper": {
            "iterations": 129_600,
            "batch_size": 1,
            "crop": 128,
            "lr": 1e-4,
            "schedule": "step",
            "steps": (0.25, 0.5, 0.75),
            "step_factor": 0.5,
            "augment": False,
        },
    }

    width: int = Field(64, ge=4)
    """Channels of the three networks; the authors have 64."""
    exponent: float = Field(0.2, gt=0, le=1)
    """Power of the illumination in the result, lambda in the paper; the authors have 0.14 for LOL."""
    second: Literal["darker", "normal"] = "darker"
    """The second exposure of a scene: `darker` is made from the low picture in every step, `normal` is its partner, where there is one."""
    darkest: float = Field(0.4, gt=0, lt=1)
    """Least factor of the grey values of a `darker` exposure; the largest is 1."""
    noise: float = Field(0.02, ge=0)
    """Standard deviation of the noise of a `darker` exposure at white; it grows with the root of the grey value."""
    augment: bool = True
    """Random flips and quarter turns of the crops; the authors have none."""
    consistency_weight: float = Field(1.0, ge=0)
    """Weight of equal reflectances."""
    retinex_weight: float = Field(1.0, ge=0)
    """Weight of the decomposition of the first exposure."""
    projection_weight: float = Field(500.0, ge=0)
    """Weight of the distance between the first exposure and what is decomposed in its place."""
