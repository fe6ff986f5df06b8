"""Settings of segmentation in the dark: the judges, and the benchmark that asks them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from lle.config.base import MethodConfig, Strict
from lle.config.light import Camera, Published
from lle.config.ranges import PositiveRange

Triple = tuple[float, float, float]
Rate = Annotated[int, Field(ge=1)]


class JudgeConfig(MethodConfig):
    """A DeepLabV3+ that segments the pictures of one data set; trained on its normal-light pictures only."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {"optimizer": "adamw", "lr": 1e-3, "weight_decay": 1e-2, "schedule": "cosine", "warmup": 20},
        "brought": {"encoder": "resnet101", "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    }
    """`brought` is for weights of a ResNet-101 that somebody else has trained, in torchvision's normalisation."""
    tiny: ClassVar[Mapping[str, Any]] = {"iterations": 2, "batch_size": 2, "crop": 48, "width": 16}

    encoder: str = "tf_efficientnet_lite0"
    """Encoder: `tf_efficientnet_lite0` starts from the packaged ImageNet weights; any other name is one of
    segmentation_models_pytorch and needs `weights`."""
    weights: Path | None = None
    """State dict of the whole network (segmentation_models_pytorch's DeepLabV3Plus, .pth or .safetensors) that is used instead of
    training; null trains."""
    width: int = Field(256, ge=8)
    """Channels of the decoder."""
    rates: tuple[Rate, Rate, Rate] = (12, 24, 36)
    """Dilations of the atrous spatial pyramid, in pixels of the features, which are 16 times coarser than the picture."""
    scale: float = Field(1.0, gt=0, le=1)
    """Factor by which a picture is reduced before it is segmented; the result has the picture's size again."""
    mean: Triple = (0.5, 0.5, 0.5)
    """Subtracted from RGB in [0, 1]."""
    std: Triple = (0.5, 0.5, 0.5)
    """RGB is divided by it."""
    encoder_lr_factor: float = Field(0.3, ge=0)
    """Learning rate of the pretrained encoder against the decoder's."""
    balance: float = Field(0.5, ge=0, le=1)
    """Weight of a class in the loss: the median share of pixels divided by its share, to this power; 0 weighs all alike."""
    augment: Literal["mirror", "turn"] = "mirror"
    """`mirror` flips left and right; `turn` also turns by quarters, for pictures without an upside."""
    zoom: PositiveRange = (1.0, 1.5)
    """Magnification of training crops, beside flips the only change: no brightness is ever changed."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.zoom[0] < 1:
            raise ValueError("zoom: training crops can only be magnified; the least factor is 1")
        return self


class SegmentConfig(Strict):
    """How segmentation in the dark is measured."""

    images: int = Field(100, ge=1)
    """Test pictures drawn from each data set; all where it has no more."""
    darkening: Published = Published()
    """The papers' formula, by which they are darkened."""
    camera: Camera = Camera()
    """The sensor, where the darkening has noise."""
    samples: int = Field(3, ge=0)
    """Pictures a data set kept for the report's figure."""
