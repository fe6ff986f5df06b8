"""Settings of the distilled student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from lle.config.base import Input
from lle.config.supervised import SupervisedConfig
from lle.errors import did_you_mean

TEACHERS = ("pretrained", "random", "none")


class Config(SupervisedConfig):
    """A student that learns from pairs and from a teacher."""

    tiny: ClassVar[Mapping[str, Any]] = {"channels": 16, "teacher_channels": 16, "teacher": "random"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {},
        # 200 epochs of the 485 LOL pairs in batches of 8.
        "paper": {
            "iterations": 12_125,
            "crop": 256,
            "lr": 1e-4,
            "exponent": None,
            "perceptual": "vgg16",
            "w_perceptual": 0.1,
            "w_hint": 1.0,
            "w_attention": 1000.0,
        },
        # For the edge, and for two cores: half the channels; the dilated group is depthwise, as in every preset.
        "light": {"channels": 32, "hdc": "depthwise"},
    }

    iterations: int = Field(250, ge=0)
    """Training steps."""
    crop: int = Field(64, ge=16)
    """Side of the training crops, in pixels."""
    lr: float = Field(1e-3, gt=0)
    """Learning rate at the start."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """How the learning rate falls."""

    student: str = "net_s"
    """`net_s`, or the id of another method whose network is trained here instead of by its own losses."""
    student_settings: Mapping[str, Any] = Field(default_factory=dict)
    """Settings of a student other than net_s, as in its own section."""
    channels: int = Field(64, ge=4)
    """Width of net_s; where it differs from the teacher's, 1x1 convolutions adapt its features while it is trained."""
    blocks: int = Field(6, ge=1)
    """Number of residual-in-residual blocks of net_s."""
    hdc: Literal["depthwise", "dense", "none"] = "depthwise"
    """Hybrid dilated convolutions (rates 1, 2, 5) in net_s's coding part: depthwise with 1x1, dense, or left out."""
    dilated_blocks: tuple[int, ...] = (1, 3, 5)
    """Blocks of net_s (counted from 1) whose three sub-blocks begin with dilations 1, 2 and 5; "partial" means not all."""

    exponent: float | None = Field(0.45, gt=0)
    """Power curve of the brightest channel that net_s corrects, so that training starts at a brightened picture; null lets
    net_s make the whole picture, as in the paper."""

    teacher: str = "pretrained"
    """`pretrained` (the Net-T in `teacher_path`), `random` (an untrained Net-T), `none`, or the model folder of an enhancer
    (a path with a `/`), whose output on the low-light picture is imitated."""
    teacher_path: str = "build/models/net_t"
    """Model folder of the pre-trained Net-T."""
    teacher_channels: int = Field(64, ge=4)
    """Width of Net-T: of the random one, and what the pre-trained one must have."""
    teacher_seed: int = 0
    """Seed of the random teacher, which is therefore the same one after a resumed training."""
    hint_blocks: tuple[int, ...] = Field((2, 4, 6), min_length=1)
    """Blocks (counted from 1) after which the student imitates Net-T's features and attention."""

    scales: tuple[float, ...] = Field((1.0, 0.5, 0.25), min_length=1)
    """Weights of the L1 distance at full size, half, quarter, ...: the multi-scale loss."""
    w_l1: float = Field(1.0, ge=0)
    """Weight of the multi-scale L1 distance to the normal-light picture."""
    w_ssim: float = Field(0.2, ge=0)
    """Weight of 1 - SSIM."""
    w_perceptual: float = Field(0.01, ge=0)
    """Weight of the L1 distance of features of `perceptual`; 0.1 suits VGG16, EfficientNet-Lite0's features are ten times larger."""
    w_color: float = Field(0.1, ge=0)
    """Weight of 1 - the mean cosine between colours."""
    w_tv: float = Field(0.01, ge=0)
    """Weight of the mean absolute gradient of the result, against noise."""
    w_hint: float = Field(0.2, ge=0)
    """Weight of the L1 distance to Net-T's features; 1, as in KDDN, lets imitation outweigh the picture in a short training."""
    w_attention: float = Field(100.0, ge=0)
    """Weight of the squared distance of normalised attention maps; the authors of attention transfer take 1000."""
    w_output: float = Field(1.0, ge=0)
    """Weight of the L1 distance to the output of a teacher that enhances."""
    perceptual: Literal["efficientnet_lite0", "vgg16"] = "efficientnet_lite0"
    """Network of the perceptual loss; VGG16's weights must be downloaded first."""

    @property
    def features_teacher(self) -> bool:
        """Whether the teacher is a Net-T, whose features are imitated."""
        return self.teacher in ("pretrained", "random")

    @property
    def output_teacher(self) -> bool:
        """Whether the teacher is another enhancer, whose output is imitated."""
        return "/" in self.teacher

    def inputs(self) -> Sequence[Input]:
        """The teacher's model folder, unless the teacher is random or there is none; and the method that is the student."""
        students = () if self.student == "net_s" else (Input("method", self.student, self.student_settings),)
        if self.output_teacher:
            return (Input("model", self.teacher), *students)
        return (Input("model", self.teacher_path), *students) if self.teacher == "pretrained" else students

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.teacher not in TEACHERS and not self.output_teacher:
            raise ValueError(
                f"teacher '{self.teacher}' is neither {', '.join(TEACHERS)} nor a model folder (a path with a '/', such as "
                f"build/models/unet).{did_you_mean(self.teacher, TEACHERS)}"
            )
        for name in ("hint_blocks", "dilated_blocks"):
            wrong = [block for block in getattr(self, name) if not 1 <= block <= self.blocks]
            if wrong and self.student == "net_s":
                raise ValueError(f"{name} names block {wrong[0]}, but net_s has blocks 1 to {self.blocks}")
        if self.student != "net_s" and self.features_teacher:
            raise ValueError(
                f"teacher '{self.teacher}' is a Net-T: it reconstructs normal-light pictures, so only its features can be "
                f"imitated, block by block, and '{self.student}' has no such blocks. Set teacher to the model folder of an "
                "enhancer (its output is imitated) or to none."
            )
        if self.student == "net_s" and self.student_settings:
            raise ValueError("student_settings belong to a student other than net_s; net_s has its keys in this section")
        return self
