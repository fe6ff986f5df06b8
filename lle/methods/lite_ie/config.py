"""Settings of LiteIE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of LiteIE. The authors' code and the formulas of their losses are not public; both presets have our choice."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # Ten times the learning rate makes up for a shorter training on a CPU.
        "recommended": {"iterations": 2000, "batch_size": 8, "crop": 128, "lr": 1e-3, "weight_decay": 1e-4, "clip": 0.1},
        # 200 epochs, as the name of the authors' file says, for the 485 pictures of LOL-v1; the rest follows Zero-DCE.
        "paper": {"iterations": 12_200, "batch_size": 8, "crop": 256, "lr": 1e-4, "weight_decay": 1e-4, "clip": 0.1},
    }

    rounds: int = Field(8, ge=1)
    """How often the map's curve is applied; the authors' pictures are of 8."""
    feature_input: Literal["image", "constant"] = "image"
    """What the map is computed from. `constant` takes black in the picture's place, so that one curve a channel is left: this is what
    the authors' published pictures are made with. `image` is what the paper describes."""
    exposure_weight: float = Field(10.0, ge=0)
    """Weight of the distance from `exposure_level`."""
    exposure_level: float = Field(0.6, gt=0, lt=1)
    """Brightness that 16x16 patches shall have."""
    smooth_weight: float = Field(200.0, ge=0)
    """Weight of the map's smoothness away from edges of the picture."""
    edge_sharpness: float = Field(10.0, ge=0)
    """How fast that smoothness stops to count with the strength of an edge."""
    colour_weight: float = Field(5.0, ge=0)
    """Weight of the greyness of mean colours, at three scales."""
