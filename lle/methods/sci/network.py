"""Networks of SCI: the illumination estimator, used always, and the calibrator, used in training."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def _initialise(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)


class Network(nn.Module):
    """Estimates an illumination per channel and divides by it. 258 parameters.

    Running variances of the released weights are near the batch norm's epsilon of 1e-5: keep it when folding, and mind
    half precision.
    """

    def __init__(self) -> None:
        super().__init__()
        self.in_conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
        self.conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU())
        self.out_conv = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Sigmoid())
        _initialise(self)

    def illumination(self, image: Tensor) -> Tensor:
        """Estimates the illumination.

        Args:
            image: B x 3 x H x W.

        Returns:
            B x 3 x H x W in [1e-4, 1].
        """
        features = self.in_conv(image)
        features = features + self.conv(features)
        return (self.out_conv(features) + image).clamp(1e-4, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape and range."""
        return (image / self.illumination(image)).clamp(0, 1)


class Calibrator(nn.Module):
    """Maps a stage's reflectance to what is added to the next stage's input. 5,619 parameters at width 16.

    Args:
        width: channels of the hidden layers.
    """

    passes = 3

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.in_conv = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.convs = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.out_conv = nn.Sequential(nn.Conv2d(width, 3, 3, padding=1), nn.Sigmoid())
        _initialise(self)

    def forward(self, reflectance: Tensor) -> Tensor:
        """Computes the correction, B x 3 x H x W in [-1, 1], from a reflectance B x 3 x H x W in [0, 1]."""
        features = self.in_conv(reflectance)
        # One residual block, its weights shared by all passes.
        for _ in range(self.passes):
            features = features + self.convs(features)
        return reflectance - self.out_conv(features)


def stages(network: Network, calibrate: Calibrator, image: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    """Runs the training-time cascade.

    Args:
        network: the illumination estimator, shared by all stages.
        calibrate: the calibrator, shared too.
        image: B x 3 x H x W in [0, 1].
        count: number of stages.

    Returns:
        For each stage its input and its illumination, both B x 3 x H x W.
    """
    found: list[tuple[Tensor, Tensor]] = []
    current = image
    for stage in range(count):
        illumination = network.illumination(current)
        found.append((current, illumination))
        if stage < count - 1:
            reflectance = torch.clamp(image / illumination, 0, 1)
            current = image + calibrate(reflectance)
    return found
