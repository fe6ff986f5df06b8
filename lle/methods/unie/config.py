"""Settings of UNIE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.base import MethodConfig

_ADAM = {"betas": (0.5, 0.999), "weight_decay": 1e-4}


class Config(MethodConfig):
    """Settings of UNIE. `iterations` is the length of the second phase, light-effects suppression."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 4, "blocks": 1, "discriminator_width": 4, "decompose_width": 4}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {**_ADAM, "iterations": 1500, "batch_size": 2, "crop": 128, "lr": 2e-4},
        # The authors' values for LOL; how long they train the decomposition is not published.
        "paper": {
            **_ADAM,
            "iterations": 900000,
            "decompose_iterations": 100000,
            "batch_size": 1,
            "resize": 512,
            "lr": 1e-4,
            "perceptual": "vgg16",
        },
    }

    width: int = Field(64, ge=4)
    """Channels of the generator at full size; the authors have 64."""
    blocks: int = Field(4, ge=1)
    """Residual blocks before, and as many after, the attention; the authors have 4."""
    discriminator_width: int = Field(64, ge=4)
    """Channels of the discriminators' first layer; the authors have 64."""
    decompose_width: int = Field(32, ge=4)
    """Channels of the decomposition network at full size."""
    decompose_iterations: int | None = Field(None, ge=1)
    """Training steps of the decomposition; null takes `iterations`."""
    resize: int | None = Field(None, ge=16)
    """Side to which whole pictures are resized for training, as the authors do; null crops."""
    adversarial_weight: float = Field(1.0, ge=0)
    """Weight of the adversarial losses."""
    identity_weight: float = Field(5.0, ge=0)
    """Weight of the change that a normal picture suffers; the authors have 5 for LOL and 10 for light effects."""
    cycle_weight: float = Field(10.0, ge=0)
    """Weight of the way to normal light and back; at 0 there is no network for the way back."""
    structure_weight: float = Field(1.0, ge=0)
    """Weight of the feature distance of the grey pictures."""
    detail_weight: float = Field(1.0, ge=0)
    """Weight of the feature distance of the grey pictures' high frequencies."""
    attention_weight: float = Field(0.5, ge=0)
    """Weight of the attention's distance from the light effects; the authors have 0.5 for LOL and 1e-4 for light effects."""
    perceptual: Literal["vgg16", "efficientnet_lite0"] = "efficientnet_lite0"
    """Network of the feature distances; the authors have a VGG16 that they tuned on dark pictures."""
    exclusion_weight: float = Field(0.01, ge=0)
    """Decomposition: weight of edges that light effects and background have in common."""
    colour_weight: float = Field(1.0, ge=0)
    """Decomposition: weight of the background's colour."""
    smooth_weight: float = Field(1.0, ge=0)
    """Decomposition: weight of the second differences of the light effects."""
    prior_weight: float = Field(1.0, ge=0)
    """Decomposition: weight of the priors of shading and light effects."""
