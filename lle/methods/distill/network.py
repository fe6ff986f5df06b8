"""Net-S: the teacher's skeleton with hybrid dilated convolutions and improved residual-in-residual blocks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle.nn.block_autoencoder import BlockAutoencoder

RATES = (1, 2, 5)
"""Dilation rates that leave no gaps when they follow each other (hybrid dilated convolution, Wang et al., WACV 2018)."""


def _conv(channels: int, dilation: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, groups=groups)


class HybridDilation(nn.Module):
    """x + three 3x3 convolutions with dilations 1, 2 and 5, each followed by ReLU.

    Args:
        channels: width.
        depthwise: one filter a channel, then a 1x1 convolution that combines them; dense otherwise.
    """

    def __init__(self, channels: int, depthwise: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for rate in RATES:
            layers.append(_conv(channels, rate, channels if depthwise else 1))
            if depthwise:
                layers.append(nn.Conv2d(channels, channels, 1))
            layers.append(nn.ReLU())
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the shape it gets."""
        return x + self.body(x)


class AttentionBlock(nn.Module):
    """Residual block with spatially weighted channel attention (KDDN's SWRCAB); its first convolution may be dilated."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.enter = _conv(channels, dilation)
        self.spatial = _conv(channels)
        self.leave = _conv(channels)
        self.channel = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the shape it gets."""
        hidden = F.relu(self.enter(x))
        y = self.leave(hidden)
        pooled = (y * torch.sigmoid(self.spatial(hidden))).mean((2, 3))
        return x + y * torch.sigmoid(self.channel(pooled))[:, :, None, None]


class ResidualInResidual(nn.Module):
    """x + conv(B3(B2(B1(x)))) with attention blocks B; in a dilated one they begin with dilations 1, 2 and 5."""

    def __init__(self, channels: int, dilated: bool) -> None:
        super().__init__()
        rates = RATES if dilated else (1, 1, 1)
        self.body = nn.Sequential(*(AttentionBlock(channels, rate) for rate in rates), _conv(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the shape it gets."""
        return x + self.body(x)


class NetS(BlockAutoencoder):
    """The student; 2,404,867 parameters with 64 channels, and 14,400 more in the depthwise dilated group.

    Args:
        channels: width of every layer.
        blocks: number of residual-in-residual blocks.
        hdc: kind of the dilated group in the coding part.
        dilated: blocks, counted from 1, that use dilation.
        exponent: see `BlockAutoencoder`.
    """

    def __init__(
        self,
        channels: int = 64,
        blocks: int = 6,
        hdc: Literal["depthwise", "dense", "none"] = "depthwise",
        dilated: Collection[int] = (1, 3, 5),
        exponent: float | None = None,
    ) -> None:
        super().__init__(
            [ResidualInResidual(channels, number in dilated) for number in range(1, blocks + 1)],
            channels,
            () if hdc == "none" else (HybridDilation(channels, hdc == "depthwise"),),
            exponent,
        )
