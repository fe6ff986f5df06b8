"""Settings of SLLEN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from lle.config.base import Input, Strict
from lle.config.ranges import PositiveRange, UnitRange
from lle.config.supervised import SupervisedConfig


class Darkening(Strict):
    """Ranges of the published darkening beta * (alpha * I) ** gamma."""

    alpha: UnitRange = (0.9, 1.0)
    """Factor on stored values before the power."""
    beta: UnitRange = (0.5, 1.0)
    """Factor after the power."""
    gamma: PositiveRange = (1.5, 5.0)
    """The power."""


class Config(SupervisedConfig):
    """Settings of SLLEN. The paper's numbers are lost in its published text: `paper` has its structure, and our choice of values."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 8}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # For a few minutes of training on a CPU.
        "recommended": {
            "iterations": 600,
            "batch_size": 4,
            "crop": 64,
            "lr": 1e-3,
            "schedule": "cosine",
            "warmup": 20,
            "clip": 1.0,
            "norm": "group",
            "coarse": True,
        },
        # 200 epochs of LOL's 485 and LSRW's 5600 pairs in batches of 8.
        "paper": {
            "iterations": 152_125,
            "batch_size": 8,
            "crop": 256,
            "lr": 1e-4,
            "width": 32,
            "norm": "group",
            "pack": 1,
            "exponent": None,
            "segmentation": "voc2012",
            "classes": 21,
            "darken": 0.0,
            "perceptual": "vgg16",
            "smooth_beta": 1.0,
            "w_perceptual": 0.1,
            "w_kd": 0.1,
            "w_itv": 0.05,
            "w_grad": 0.5,
            "w_ssim": 0.0,
        },
    }

    width: int = Field(16, ge=8, multiple_of=8)
    """Base width b: channels of the first level, from which all others follow."""
    norm: Literal["group", "none"] = "none"
    """Normalisation in the U-Nets and in the blocks between them: `group` (groups of 8 channels) or none."""
    pack: Literal[1, 2] = 2
    """Side of the square of pixels that the first level takes as one position: 1 works at full size, 2 at half of it, which
    takes a quarter of the time and sees twice as far."""
    exponent: float | None = Field(0.45, gt=0)
    """Power curve of the brightest channel that the network corrects, below 1 brightens; null predicts the picture through a
    sigmoid, as in the paper."""
    coarse: bool = False
    """The fused feature also makes a correction of the picture at its own scale, which is added; not in the paper. In a short training the
    skip connections alone make the correction otherwise. Needs `exponent`."""
    attention_tokens: int = Field(4096, ge=16)
    """Pixels of the map at an eighth of the size above which keys and values of the attention are averaged over 2x2, 4x4, ..."""
    segmentation: str = "demo_seg"
    """Prepared data set with normal-light pictures and label masks, on which the segmentation is trained."""
    segmentation_batch_size: int | None = Field(None, ge=1)
    """Its pictures per step, over all devices together; null takes `batch_size`. Each step has one batch of either kind."""
    classes: int = Field(7, ge=2)
    """Number of its classes."""
    darken: float = Field(0.5, ge=0, le=1)
    """Share of its pictures that are darkened, since the segmentation must work on low-light pictures."""
    darkening: Darkening = Darkening()
    """How they are darkened."""

    hsbab: bool = True
    """With the block that attends to the segmentation (and HSEB, which serves it); without: SLLEN-1."""
    rsaeb: bool = True
    """With the block that adjusts by an intermediate feature of the segmentation network; without: SLLEN-2; with neither
    block: SLLEN-3, a plain U-Net that learns from pairs alone."""
    alternate: bool = True
    """Segmentation and enhancement take turns batch by batch and share e1 to e4; otherwise (SLLEN-4) the segmentation network has
    an encoder of its own and is trained, for as many iterations, before the rest."""

    perceptual: Literal["efficientnet_lite0", "vgg16"] = "efficientnet_lite0"
    """Network of the perceptual loss; VGG16's weights must be downloaded first."""
    smooth_beta: float = Field(0.05, ge=0)
    """Error below which the smooth L1 distance is quadratic; 0 is the mean absolute error."""
    w_perceptual: float = Field(3e-4, ge=0)
    """Weight of the squared distance of features; 0.1 suits VGG16, EfficientNet-Lite0's features are ten times larger."""
    w_kd: float = Field(0.01, ge=0)
    """Weight w1 of the distance of the decoder's maps from the encoder's."""
    w_itv: float = Field(0.01, ge=0)
    """Weight w2 of the total variation of the illumination."""
    w_grad: float = Field(0.2, ge=0)
    """Weight w3 of the distance of the mean gradient from that of the training references."""
    w_ssim: float = Field(0.5, ge=0)
    """Weight of 1 - SSIM of every channel, which is not in the paper: dark channels count as much as bright ones."""

    @property
    def semantic(self) -> bool:
        """Whether anything is segmented."""
        return self.hsbab or self.rsaeb

    def inputs(self) -> Sequence[Input]:
        """The labelled data set, where anything is segmented."""
        return (Input("data", self.segmentation),) if self.semantic else ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.coarse and self.exponent is None:
            raise ValueError("a coarse correction is added to the brightened picture: give `exponent`, or leave `coarse` false")
        if not self.semantic and not self.alternate:
            raise ValueError("without hsbab and rsaeb nothing is segmented, so there is nothing to alternate with: leave `alternate` true")
        return self
