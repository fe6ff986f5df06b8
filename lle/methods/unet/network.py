"""A plain U-Net."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.blocks import crop_to, pad_to_multiple


def _level(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.LeakyReLU(0.2),
    )


class Network(nn.Module):
    """Four levels of two 3x3 convolutions, max pooling down, bilinear up, concatenated skips.

    Args:
        width: channels at full resolution.
    """

    levels = 4

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(self.levels)]
        self.down = nn.ModuleList(_level(before, after) for before, after in zip([3, *widths], widths, strict=False))
        self.up = nn.ModuleList(_level(deep + skip, skip) for skip, deep in zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.out = nn.Conv2d(width, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape and range."""
        x = pad_to_multiple(image, 2 ** (self.levels - 1))
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for block in self.up:
            skip = skips.pop()
            x = block(torch.cat([skip, F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)], 1))
        return crop_to(torch.sigmoid(self.out(x)), image)
