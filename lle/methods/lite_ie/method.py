"""LiteIE: a curve chosen by two convolutions, learnt without references."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method
from lle.losses.gradients import gradients
from lle.losses.zero_reference import exposure
from lle.methods.lite_ie.config import Config
from lle.methods.lite_ie.network import LiteIE


def edge_aware_smoothness(strength: Tensor, image: Tensor, sharpness: float) -> Tensor:
    """Mean absolute difference of neighbours in a map, weighed by `exp(-sharpness |difference in the picture|)`; a scalar.

    Args:
        strength: B x 3 x H x W.
        image: B x 3 x H x W; the largest difference of its channels counts.
        sharpness: 0 takes all neighbours alike.
    """
    pairs = zip(gradients(strength), gradients(image), strict=True)
    return torch.stack([(a.abs() * torch.exp(-sharpness * b.abs().amax(dim=1, keepdim=True))).mean() for a, b in pairs]).sum()


def colour_consistency(image: Tensor, scales: tuple[int, ...] = (1, 2, 4)) -> Tensor:
    """Squared differences of the channels' means over the picture, its quarters and its sixteenths; a scalar, 0 for grey.

    Args:
        image: B x 3 x H x W.
        scales: parts along each side.
    """
    total = image.new_zeros(())
    for parts in scales:
        means = F.adaptive_avg_pool2d(image, parts)
        total = total + (means - means.roll(1, dims=1)).square().sum(dim=1).mean()
    return total


class LightestEnhancer(Method):
    """LiteIE (Bai et al., 2025)."""

    stream = "low"
    network: LiteIE
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = LiteIE(config.rounds, config.feature_input == "constant")

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def loss(self, batch: Batch) -> Losses:
        """Exposure, smoothness of the map away from edges, grey means at three scales."""
        low, weights = batch["low"], self.config
        strength = self.network.map(low)
        enhanced = self.network.restore(low, strength)
        return {
            "exposure": weights.exposure_weight * exposure(enhanced, weights.exposure_level),
            "smooth": weights.smooth_weight * edge_aware_smoothness(strength, low, weights.edge_sharpness),
            "colour": weights.colour_weight * colour_consistency(enhanced),
        }
