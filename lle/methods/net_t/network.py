"""Net-T: the skeleton with plain residual blocks."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lle.nn.block_autoencoder import BlockAutoencoder


class ResBlock(nn.Module):
    """ReLU(x + conv(ReLU(conv(x)))), as in KDDN's teacher."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the shape it gets."""
        return F.relu(x + self.body(x))


class NetT(BlockAutoencoder):
    """The teacher; 557,443 parameters at the defaults.

    Args:
        channels: width of every layer.
        blocks: number of residual blocks.
    """

    def __init__(self, channels: int = 64, blocks: int = 6) -> None:
        super().__init__([ResBlock(channels) for _ in range(blocks)], channels)
