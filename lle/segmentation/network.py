"""The network that judges enhanced pictures: a DeepLabV3+ that is trained by the engine like a method."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lle.config.judge import JudgeConfig
from lle.engine.method import Batch, Losses, Method, Phase, Stream, Update
from lle.errors import LleError, did_you_mean
from lle.losses.perceptual import efficientnet_lite0
from lle.metrics import segmentation
from lle.metrics.protocol import Image

PACKAGED = "tf_efficientnet_lite0"
"""The one encoder whose ImageNet weights a package carries."""


class Judge(Method):
    """DeepLabV3+ (Chen et al., ECCV 2018) of segmentation_models_pytorch, output stride 16.

    Args:
        config: its settings.
        classes: number of classes.
        pretrained: start the packaged encoder from its ImageNet weights; False leaves it random, for weights that are loaded next.

    Raises:
        WeightsError: the packaged weights are not installed.
        LleError: there is no such encoder.
    """

    stream = "segmentation"
    scope = "global"
    config: JudgeConfig
    network: Any
    balance: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, config: JudgeConfig, classes: int, pretrained: bool = True) -> None:
        super().__init__(config)
        self.network = _network(config, classes)
        if pretrained and config.encoder == PACKAGED:
            ours = self.network.encoder.model
            theirs = efficientnet_lite0().state_dict()
            ours.load_state_dict({key: theirs[key] for key in ours.state_dict()})
        self.register_buffer("balance", torch.ones(classes))
        self.register_buffer("mean", torch.tensor(config.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(1, -1, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Segments a batch.

        Args:
            image: B x 3 x H x W, RGB in [0, 1].

        Returns:
            Logits, B x classes x H x W.
        """
        height, width = image.shape[-2:]
        if self.config.scale < 1:
            small = [max(16, round(side * self.config.scale)) for side in (height, width)]
            image = F.interpolate(image, small, mode="bilinear", align_corners=False, antialias=True)
        x = (image - self.mean) / self.std
        bottom, right = (-side % 16 for side in x.shape[-2:])
        logits = self.network(F.pad(x, (0, right, 0, bottom), mode="replicate"))[..., : x.shape[-2], : x.shape[-1]]
        return logits if self.config.scale == 1 else F.interpolate(logits, (height, width), mode="bilinear", align_corners=False)

    @torch.inference_mode()
    def segment(self, picture: Image) -> np.ndarray:
        """Returns the class of every pixel of a picture, H x W x 3 uint8, as H x W uint8."""
        self.eval()
        image = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
        return self(image.to(self.mean.device))[0].argmax(0).to("cpu", torch.uint8).numpy()

    def loss(self, batch: Batch) -> Losses:
        """Pixel-wise cross entropy; pixels of no class are left out."""
        return {"cross_entropy": F.cross_entropy(self(batch["image"]), batch["mask"], self.balance, ignore_index=segmentation.IGNORE)}

    def phases(self) -> Sequence[Phase]:
        """One phase, on clean pictures."""
        view = functools.partial(magnified_window, zoom=self.config.zoom, mirror=self.config.augment == "mirror")
        stream = Stream("segmentation", augment=self.config.augment == "turn", transform=view)
        update = Update("fit", self.loss, moves=(self.network,), lr_factors={"network.encoder": self.config.encoder_lr_factor})
        return (Phase("fit", (update,), streams={"train": stream}),)


def magnified_window(sample: dict[str, Tensor], rng: np.random.Generator, zoom: tuple[float, float], mirror: bool) -> dict[str, Tensor]:
    """Magnifies a random window of a sample to its full size, and mirrors every second one."""
    image, mask = sample["image"], sample["mask"]
    side = image.shape[-1]
    window = max(1, round(side / rng.uniform(*zoom)))
    top, left = (int(rng.integers(side - window + 1)) for _ in range(2))
    image, mask = image[:, top : top + window, left : left + window], mask[top : top + window, left : left + window]
    if window < side:
        image = F.interpolate(image[None], (side, side), mode="bilinear", align_corners=False)[0]
        mask = F.interpolate(mask[None, None].float(), (side, side), mode="nearest-exact")[0, 0].long()
    if mirror and rng.integers(2):
        image, mask = image.flip(-1), mask.flip(-1)
    return {**sample, "image": image.contiguous(), "mask": mask.contiguous()}


def _network(config: JudgeConfig, classes: int) -> Any:
    import segmentation_models_pytorch as smp

    # timm's own encoders are known there under the prefix `tu-`.
    name = f"tu-{config.encoder}" if config.encoder == PACKAGED else config.encoder
    try:
        return smp.DeepLabV3Plus(
            name,
            encoder_weights=None,
            encoder_output_stride=16,
            decoder_channels=config.width,
            decoder_atrous_rates=config.rates,
            classes=classes,
        )
    except KeyError as error:
        known = smp.encoders.get_encoder_names()
        raise LleError(f"segmentation_models_pytorch has no encoder '{config.encoder}'.{did_you_mean(config.encoder, known)}") from error
