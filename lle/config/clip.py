"""Settings of CLIP: which backbone guides a method, and how the small one that needs no download is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from lle.config.base import Strict


class Backbone(Strict):
    """A frozen CLIP."""

    model: str = "demo"
    """`demo` is the small one that the stage `clip` trains; any other name is open_clip's, such as ViT-B-32, or
    local-dir:FOLDER for a folder in open_clip's layout."""
    pretrained: str | None = None
    """open_clip's tag of the weights, such as `openai`; they are downloaded once and then read from the hub's cache."""
    weights: Path | None = None
    """File with the weights, instead of the download; `pretrained` then still names their normalisation. With `demo`, the
    folder that the stage `clip` wrote; null is build/clip."""
    text_width: int = Field(128, ge=8)
    """Width of the text transformer, which is the size of a learned token: 128 for demo, 512 for ViT-B-32 and RN101."""
    context: int = Field(24, ge=4)
    """Tokens of a learned prompt: 24 for demo, 77 for OpenAI's models."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        own = self.model == "demo" or self.model.startswith("local-dir:")
        if own and self.pretrained is not None:
            raise ValueError(f"pretrained: '{self.model}' has only its own weights; leave it null")
        if not own and self.pretrained is None and self.weights is None:
            raise ValueError(f"pretrained: name open_clip's weights of {self.model}, for example openai, or give a file as `weights`")
        return self


class ClipConfig(Strict):
    """How the small CLIP is trained (stage `clip`)."""

    seed: int = Field(0, ge=0)
    """Every draw follows from it."""
    pictures: int = Field(1500, ge=16)
    """Captioned pictures made for training."""
    held_out: int = Field(280, ge=16)
    """Captioned pictures made of the photographs that are not trained on."""
    size: int = Field(64, ge=32)
    """Side of the pictures, and what the model sees, in pixels."""
    iterations: int = Field(160, ge=1)
    """Training steps."""
    batch_size: int = Field(48, ge=2)
    """Picture-caption pairs a step, no two with the same caption."""
    lr: float = Field(2e-3, gt=0)
    """Learning rate at the start; it falls to 0 along a cosine."""
    image_lr_factor: float = Field(0.2, ge=0)
    """Learning rate of the image tower against the rest, which starts at random; 0 keeps the ImageNet weights."""
    weight_decay: float = Field(1e-2, ge=0)
    """Decoupled weight decay."""
