"""FLW-Net: a histogram chooses a global curve, a few convolutions correct it locally."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.blocks import crop_to, pad_to_multiple

BINS = 12
CURVES = 7


def histogram(value: Tensor) -> Tensor:
    """Shares of the pixels in equal bins between the least and the largest value, and those two values.

    Args:
        value: B x 1 x H x W.

    Returns:
        B x 14 x 1 x 1: twelve shares that sum to 1, the least and the largest value.
    """
    flat = value.flatten(1).double()
    least, largest = flat.amin(dim=1, keepdim=True), flat.amax(dim=1, keepdim=True)
    # A flat picture falls into a bin around its value.
    spread = torch.where(largest > least, largest - least, torch.ones_like(least))
    first = torch.where(largest > least, least, least - 0.5)
    above = [(flat >= first + spread * (edge / BINS)).sum(dim=1, keepdim=True) for edge in range(1, BINS)]
    above = [torch.full_like(above[0], flat.shape[1]), *above, torch.zeros_like(above[0])]
    shares = [(above[k] - above[k + 1]) / flat.shape[1] for k in range(BINS)]
    return torch.cat([*(share.to(value.dtype) for share in shares), least.to(value.dtype), largest.to(value.dtype)], dim=1)[..., None, None]


def _activated(layer: nn.Module, x: Tensor) -> Tensor:
    return F.leaky_relu(layer(x), 0.01)


class CurveChooser(nn.Module):
    """Global feature extraction: from histogram and wanted brightness to the strengths of seven curves.

    Args:
        width: channels.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        inputs = BINS + 3
        self.conv1 = nn.Conv2d(inputs, width, 1)
        self.conv2 = nn.Conv2d(width, width, 1)
        self.conv3 = nn.Conv2d(width + inputs, width, 1)
        self.conv4 = nn.Conv2d(width, width, 1)
        self.conv5 = nn.Conv2d(width, CURVES, 1)

    def forward(self, described: Tensor) -> Tensor:
        """Maps B x 15 x 1 x 1 to B x 7 x 1 x 1."""
        x = _activated(self.conv2, _activated(self.conv1, described))
        x = _activated(self.conv4, _activated(self.conv3, torch.cat([x, described], dim=1)))
        return _activated(self.conv5, x)


class FLWNet(nn.Module):
    """The whole network.

    Args:
        width: channels of the hidden layers.
        scale: side of the blocks of the coarse brightness, in pixels.
        mu: wanted mean of the brightest channel.
    """

    def __init__(self, width: int = 16, scale: int = 20, mu: float = 0.4) -> None:
        super().__init__()
        self.scale, self.mu = scale, mu
        self.choose = CurveChooser(width)
        self.conv1 = nn.Conv2d(4, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width + 4, width, 3, padding=1)
        self.conv4 = nn.Conv2d(width, width, 3, padding=2, dilation=2)
        self.conv5 = nn.Conv2d(width, width, 3, padding=2, dilation=2)
        self.conv6 = nn.Conv2d(2 * width, width, 3, padding=1)
        # Of six maps the last three, an illumination, enter no loss; the authors' weights have them.
        self.conv7 = nn.Conv2d(width, 6, 3, padding=1)

    def describe(self, image: Tensor, mu: Tensor | None = None) -> Tensor:
        """Returns histogram, extremes and wanted brightness, B x 15 x 1 x 1, of B x 3 x H x W; `mu` is B values, None the setting."""
        described = histogram(image.amax(dim=1, keepdim=True))
        wanted = torch.full_like(described[:, :1], self.mu) if mu is None else mu.reshape(-1, 1, 1, 1).to(described)
        return torch.cat([described, wanted], dim=1)

    def retouch(self, value: Tensor, alphas: Iterable[Tensor]) -> Tensor:
        """Applies V + alpha (V - V^2) once for every strength; all B x 1 x H x W."""
        for alpha in alphas:
            value = value + alpha * (value - value * value)
        return value

    def correct(self, image: Tensor, alphas: Tensor) -> Tensor:
        """Enhances a picture, or a part of it, with the curves chosen for the whole.

        Args:
            image: B x 3 x H x W.
            alphas: B x 7 x 1 x 1.

        Returns:
            B x 3 x H x W, above 0 and not bounded above.
        """
        x = pad_to_multiple(image, self.scale)
        value = x.amax(dim=1, keepdim=True)
        coarse = F.interpolate(value, (x.shape[-2] // self.scale, x.shape[-1] // self.scale), mode="bilinear", align_corners=False)
        half = F.interpolate(coarse, x.shape[-2:], mode="bilinear", align_corners=False) / 2
        deep = _activated(self.conv2, _activated(self.conv1, torch.cat([x - half, half], dim=1)))
        skip = _activated(self.conv3, torch.cat([deep, x, self.retouch(value, alphas.split(1, dim=1))], dim=1))
        deep = _activated(self.conv5, _activated(self.conv4, skip))
        deep = _activated(self.conv6, torch.cat([skip, deep], dim=1))
        return crop_to(F.softplus(self.conv7(deep))[:, :3], image)

    def forward(self, image: Tensor, mu: Tensor | None = None) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to a wanted brightness (B values; None takes the setting); not bounded above."""
        return self.correct(image, self.choose(self.describe(image, mu)))
