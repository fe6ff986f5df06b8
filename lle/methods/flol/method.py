"""FLOL: frequencies, then details; learnt from pairs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method
from lle.losses.gt_mean import gt_mean
from lle.methods.flol.config import Config
from lle.methods.flol.network import FLOL


def amplitude_l1(image: Tensor, reference: Tensor) -> Tensor:
    """Mean absolute difference of the amplitudes of two spectra, a scalar; scaled so that it does not grow with the picture.

    Args:
        image: B x C x H x W.
        reference: the same shape.
    """
    return F.l1_loss(*(torch.fft.rfft2(x, norm="ortho").abs() for x in (image, reference)))


class FrequencySpatial(Method):
    """FLOL, in the paper's first version FLOL+ (Benito et al., 2025)."""

    stream = "paired"
    scope = "global"
    network: FLOL
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = FLOL(config.width, config.pad == "reflect", config.real_bins)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def loss(self, batch: Batch) -> Losses:
        """L1 of the result, and of the amplitudes after the frequency stage."""
        enhanced, amplified = self.network.stages(batch["low"])
        terms = gt_mean(lambda image, reference: {"l1": F.l1_loss(image, reference)}, enhanced, batch["normal"], self.config.gt_mean)
        return {**terms, "amplitude": self.config.amplitude_weight * amplitude_l1(amplified, batch["normal"])}
