"""PairLIE: three plain networks that clean a picture and split it into illumination and reflectance."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.strips import by_rows

LAYERS = 5


class Plain(nn.Module):
    """Five 3x3 convolutions over a reflected border, ReLU between them and a sigmoid at the end.

    Args:
        width: channels of the hidden layers.
        outputs: channels of the result.
    """

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        sizes = [3, *[width] * (LAYERS - 1), outputs]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, padding_mode="reflect") for a, b in itertools.pairwise(sizes))

    def forward(self, image: Tensor) -> Tensor:
        """Maps B x 3 x H x W to B x C x H x W in (0, 1)."""
        x = image
        for layer in self.convs[:-1]:
            x = F.relu(layer(x))
        return torch.sigmoid(self.convs[-1](x))


class PairLIE(nn.Module):
    """The whole network.

    Args:
        width: channels of the hidden layers.
        exponent: power of the illumination in the result.
    """

    def __init__(self, width: int = 64, exponent: float = 0.2) -> None:
        super().__init__()
        self.exponent = exponent
        self.clean = Plain(width, 3)
        self.illumination = Plain(width, 1)
        self.reflectance = Plain(width, 3)

    def decompose(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the cleaned picture, B x 3 x H x W, its illumination, B x 1 x H x W, and its reflectance, B x 3 x H x W."""
        cleaned = self.clean(image)
        return cleaned, self.illumination(cleaned), self.reflectance(cleaned)

    def _enhance(self, image: Tensor) -> Tensor:
        _, illumination, reflectance = self.decompose(image)
        return illumination**self.exponent * reflectance

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape, in (0, 1)."""
        return by_rows(self._enhance, image, halo=2 * LAYERS)
