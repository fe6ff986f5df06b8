"""EnlightenGAN: attention-guided U-Net generator and patch discriminators."""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from torch import Tensor, nn

from lle.nn.color import grey
from lle.nn.unet import UNet, conv_lrelu, conv_lrelu_norm


def initialise(module: nn.Module) -> None:
    """Draws the weights of all convolutions from N(0, 0.02) and those of batch normalisations from N(1, 0.02), as the authors do."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)


class Generator(nn.Module):
    """U-Net on picture and attention; the attention also weighs its skips and its result, which is added to the picture.

    Args:
        width: channels at full size.
        attention: brightness whose complement is the attention.
    """

    def __init__(self, width: int = 32, attention: Literal["luma", "max"] = "luma") -> None:
        super().__init__()
        self.unet = UNet(4, 3, [width * 2**k for k in range(5)], conv_lrelu_norm, last=conv_lrelu)
        self.luma = attention == "luma"
        initialise(self)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]; the result is not bounded."""
        attention = 1 - (grey(low) if self.luma else low.amax(dim=1, keepdim=True))
        # The network itself lives in [-1, 1].
        image = 2 * low - 1
        latent = self.unet(torch.cat([image, attention], dim=1), attention) * attention
        return (image + latent + 1) / 2


class Discriminator(nn.Sequential):
    """PatchGAN without normalisation: 4x4 convolutions that judge overlapping regions.

    Args:
        layers: convolutions of stride 2; two of stride 1 follow.
        width: channels of the first.
    """

    def __init__(self, layers: int, width: int = 64) -> None:
        widths = [3, *(width * min(2**k, 8) for k in range(layers + 1))]
        units: list[nn.Module] = []
        for k, (before, after) in enumerate(itertools.pairwise(widths)):
            units += [nn.Conv2d(before, after, 4, stride=2 if k < layers else 1, padding=2), nn.LeakyReLU(0.2)]
        super().__init__(*units, nn.Conv2d(widths[-1], 1, 4, padding=2))
        initialise(self)
