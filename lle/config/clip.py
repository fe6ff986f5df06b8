"""Settings of CLIP: which backbone guides a method, and how the small one that needs no download is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from lle.config.base import Input, MethodConfig, Strict

DEMO = Path("build/clip")
"""Where `lle clip` leaves the small CLIP."""


class Backbone(Strict):
    """A frozen CLIP."""

    model: str = "demo"
    """`demo` is the small one that `lle clip` trains; any other name is open_clip's, such as ViT-B-32, or
    local-dir:FOLDER for a folder in open_clip's layout."""
    pretrained: str | None = None
    """open_clip's tag of the weights, such as `openai`; they are downloaded once and then read from the hub's cache."""
    weights: Path | None = None
    """File with the weights, instead of the download; `pretrained` then still names their normalisation. With `demo`, the
    folder that `lle clip` wrote; null is build/clip."""
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

    @property
    def title(self) -> str:
        """What results are tagged with: the model, and the tag or file of its weights."""
        source = self.pretrained or (self.weights.name if self.weights is not None and self.model != "demo" else None)
        return self.model if source is None else f"{self.model}/{source}"

    @property
    def folder(self) -> Path | None:
        """The folder of the small CLIP or of another one in open_clip's layout; None for a model that open_clip knows by name."""
        if self.model == "demo":
            return self.weights or DEMO
        return Path(self.model.removeprefix("local-dir:")) if self.model.startswith("local-dir:") else None

    @property
    def source(self) -> Input | None:
        """The folder, or the file of weights, that another stage or a person puts there; None for a download."""
        if self.folder is not None:
            return Input("clip", self.folder.as_posix())
        return Input("folder", self.weights.as_posix()) if self.weights is not None else None


class ClipConfig(Strict):
    """How the small CLIP is trained (`lle clip`)."""

    seed: int = Field(0, ge=0)
    """Every draw follows from it."""
    pictures: int = Field(1500, ge=16)
    """Captioned pictures made for training."""
    held_out: int = Field(280, ge=16)
    """Captioned pictures made of the photographs that are not trained on."""
    size: int = Field(64, ge=32)
    """Side of the pictures, and what the model sees, in pixels."""
    iterations: int = Field(280, ge=1)
    """Training steps."""
    batch_size: int = Field(32, ge=2)
    """Picture-caption pairs a step, no two with the same caption."""
    lr: float = Field(3e-3, gt=0)
    """Highest learning rate; it rises over the first three tenths of the steps and falls along a cosine."""
    image_lr_factor: float = Field(0.33, ge=0)
    """Learning rate of the image tower against the rest, which starts at random; 0 keeps the ImageNet weights."""
    weight_decay: float = Field(1e-2, ge=0)
    """Decoupled weight decay."""


class GuidedConfig(MethodConfig):
    """What the methods guided by CLIP share. `iterations` are the steps of each enhancement phase."""

    backbone: Backbone = Backbone()
    """The frozen CLIP that judges the pictures."""
    prompt_init: Literal["random", "text"] = "text"
    """Where the prompt pair starts: at random words, or at the words `low-light image` and `normal-light image`."""
    prompt_iterations: int = Field(20, ge=1)
    """Steps in which the prompts first learn to tell low from normal light (eq. 1-2)."""
    prompt_batch_size: int = Field(8, ge=1)
    """Low and as many normal pictures a step, whenever prompts are trained."""
    prompt_lr: float = Field(5e-4, gt=0)
    """Learning rate of the prompts."""
    prompt_crop: int = Field(64, ge=16)
    """Side of the crops on which prompts are trained, in pixels."""
    rounds: int = Field(1, ge=0)
    """How often prompts are refined against the enhanced pictures and enhancement is trained again; 0 never refines."""
    refine_iterations: int = Field(10, ge=1)
    """Steps of each prompt refinement."""
    logit_scale: float = Field(20.0, gt=0)
    """Factor on cosines before every softmax: 100 with OpenAI's models; the small CLIP was trained at less."""
    lambda_text: float = Field(1.0, ge=0)
    """Weight of a second guide, `texts`; neither paper has it."""
    texts: tuple[str, ...] = (
        "a normal-light photo",
        "a low-light photo",
        "a very dark photo",
        "an unevenly lit photo",
        "an over-exposed photo",
        "a hazy photo",
        "a washed-out photo",
        "a noisy photo",
        "a yellow-tinted photo",
        "a blue-tinted photo",
        "a green-tinted photo",
        "a red-tinted photo",
    )
    """What the result should look like, and then what it must not: cross entropy of the first text among all of them."""
    lambda_clip: float = Field(1.0, ge=0)
    """Weight of the guidance by CLIP."""
    colour_blind: bool = False
    """Whether CLIP sees the three channels of every batch in a random order while prompts and network are trained, so that no tint makes
    a picture look more normal; neither paper does this."""
    content: Literal["none", "pixels", "features"] = "none"
    """What is compared between the result and the input: nothing, pixels, or the maps of an image tower."""
    content_backbone: Backbone | None = None
    """CLIP whose image tower gives those maps; null takes `backbone`."""
    lambda_id: float = Field(0.0, ge=0)
    """Weight of that content term."""
    lambda_lit: float = Field(0.0, ge=0)
    """Weight of leaving normal-light pictures as they are (mean absolute difference)."""
    lambda_look: float = Field(0.0, ge=0)
    """Weight of keeping brightness, contrast and colourfulness of the results like those of normal-light photographs, which
    need not show the same scenes; neither paper has such a term."""
    look_tolerance: float = Field(0.5, ge=0)
    """Distance from the normal-light mean that this term lets pass, in standard deviations over normal-light crops."""

    def inputs(self) -> Sequence[Input]:
        """The backbones that are on disk: the small CLIP's folder, one in open_clip's layout, or a file of weights."""
        backbones = [self.backbone] + ([self.content_backbone] if self.content_backbone is not None else [])
        return tuple(dict.fromkeys(found for backbone in backbones if (found := backbone.source) is not None))
