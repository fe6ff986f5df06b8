"""Settings of PIE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from lle.config.base import Input, MethodConfig

Mode = Literal["official", "clean"]


class Config(MethodConfig):
    """PIE: positives, negatives from curves, regions without labels."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # Small crops, a faster rate and the perceptual network that needs no download; weights with which every constraint acts.
        "recommended": {
            "iterations": 150,
            "batch_size": 4,
            "crop": 96,
            "lr": 2e-3,
            "schedule": "cosine",
            "min_size": 20,
            "margin": 0.5,
            "w_regions": 200.0,
            "w_color": 20.0,
            "w_contrast": 20.0,
            "w_nce": 5.0,
        },
        "paper": {
            "iterations": 14_000,
            "batch_size": 2,
            "crop": 384,
            "squeeze": True,
            "lr": 1e-4,
            "features": "vgg16",
            "w_perceptual": 1.0,
            "gram_scale": 1.0,
            "normalize_features": False,
            "mode_target": "official",
            "mode_pairs": "official",
            "mode_nce": "official",
            "mode_exp": "official",
        },
    }

    weight_decay: float = Field(1e-4, ge=0)
    """L2 penalty."""
    clip: float | None = Field(0.1, gt=0)
    """Largest gradient norm."""

    positives: str | None = None
    """Prepared data set whose normal-light pictures are the positives, and under a curve the negatives; null takes the
    data that are trained on."""
    squeeze: bool = False
    """Whether positives and negatives are whole pictures squeezed to the size of the crops, as the authors load them, or
    crops; inputs are crops either way."""
    odds: tuple[float, float, float] = (4.0, 4.0, 3.0)
    """How often a negative is made by tone mapping, gamma and logarithm; the authors' randint gives 4, 4, 3."""
    features: Literal["efficientnet_lite0", "vgg16"] = "efficientnet_lite0"
    """Network of the perceptual and contrastive terms; VGG16's weights must be downloaded first."""
    normalize_features: bool = True
    """Whether pictures are brought to the range that network was trained on; the authors feed [0, 1] to VGG16."""

    w_tv: float = Field(200.0, ge=0)
    """Weight of the smoothness of the curve maps."""
    w_color: float = Field(8.0, ge=0)
    """Weight of the greyness of the mean colour."""
    w_perceptual: float = Field(0.02, ge=0)
    """Weight of the distance of deep features between input and result; the authors have 1 with VGG16."""
    w_regions: float = Field(1.0, ge=0)
    """Weight of the brightness consistency inside regions."""
    w_contrast: float = Field(10.0, ge=0)
    """Weight of the contrast of brightness."""
    margin: float = 0.3
    """By how much a negative must be further away in brightness than a positive."""
    w_nce: float = Field(10.0, ge=0)
    """Weight of InfoNCE on Gram matrices (PIE)."""
    gram_scale: float = Field(500.0, gt=0)
    """Gram distances are divided by this: 1 for VGG16 on [0, 1] as the authors have it; EfficientNet-Lite0's are some
    hundred times larger, so that one pair of pictures would outweigh every other term."""
    w_gram: float = Field(0.0, ge=0)
    """Weight of the margin contrast on Gram matrices (SCL-LLE and PIE's first version)."""
    margin_gram: float = 0.04
    """By how much a negative must be further away in Gram distance than a positive."""

    scale: float = Field(100.0, gt=0)
    """Felzenszwalb's scale: larger values give larger regions."""
    sigma: float = Field(0.5, ge=0)
    """Smoothing before the regions are found, in pixels."""
    min_size: int = Field(300, ge=1)
    """Smallest region in pixels."""

    mode_target: Mode = "clean"
    """`official`: each region is pulled to its summed brightness over the whole picture's area, which darkens small
    regions, and only 100 labels count. `clean`: the variance inside regions."""
    mode_pairs: Mode = "clean"
    """`official`: each image is also divided by the regions of the others in the batch. `clean`: by its own."""
    mode_nce: Mode = "clean"
    """`official`: every second positive and negative is used and distances are summed over the batch. `clean`: the mean
    over all triples."""
    mode_exp: Mode = "clean"
    """`official`: InfoNCE is a quotient of exponentials, which is not finite for distances above 88. `clean`: the same
    number as a softplus, which cannot overflow."""

    def inputs(self) -> Sequence[Input]:
        """The positives' data set, where it is another one."""
        return () if self.positives is None else (Input("data", self.positives),)

    @model_validator(mode="after")
    def _odds_fit(self) -> Self:
        if min(self.odds) < 0 or sum(self.odds) <= 0:
            raise ValueError(f"odds must not be negative, and one must be above 0; they are {self.odds}")
        return self
