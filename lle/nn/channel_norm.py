"""Layer normalisation of feature maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelNorm(nn.Module):
    """Normalises the channels of each position to mean 0 and variance 1, with a factor and a summand a channel.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        centred = x - x.mean(dim=1, keepdim=True)
        normed = centred / (centred.square().mean(dim=1, keepdim=True) + 1e-6).sqrt()
        return self.weight[:, None, None] * normed + self.bias[:, None, None]
