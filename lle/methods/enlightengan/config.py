"""Settings of EnlightenGAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of EnlightenGAN."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 4, "discriminator_width": 4}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {"iterations": 2000, "batch_size": 4, "crop": 96, "lr": 2e-4, "betas": (0.5, 0.999), "schedule": "cosine"},
        # 200 epochs over 914 low pictures in batches of 32.
        "paper": {
            "iterations": 5600,
            "batch_size": 32,
            "crop": 320,
            "lr": 1e-4,
            "betas": (0.5, 0.999),
            "schedule": "linear",
            "hold": 0.5,
            "lr_min": 0.0,
            "perceptual": "vgg16",
        },
    }

    width: int = Field(32, ge=4)
    """Channels of the generator at full size; the paper has 32."""
    discriminator_width: int = Field(64, ge=4)
    """Channels of the discriminators' first layer; the paper has 64."""
    attention: Literal["luma", "max"] = "luma"
    """Brightness whose complement is the attention: the luma, as in the authors' code, or the largest channel."""
    patches: int = Field(6, ge=1)
    """Patches a picture that the local discriminator sees."""
    patch: int = Field(32, ge=32)
    """Side of a patch in pixels."""
    preserve_weight: float = Field(1.0, ge=0)
    """Weight of each of the two self-feature-preserving losses, of the picture and of the patches."""
    perceptual: Literal["vgg16", "efficientnet_lite0"] = "efficientnet_lite0"
    """Network of the self-feature-preserving loss; `vgg16` is the authors' and needs its weights on disk."""

    @model_validator(mode="after")
    def _crops_hold_patches(self) -> Config:
        if self.crop < self.patch:
            raise ValueError(f"crop ({self.crop}) must not be below patch ({self.patch})")
        return self
