"""Smoothness of an illumination, the loss that SCI and RUAS share."""

from __future__ import annotations

import torch
from torch import Tensor

# RGB to YCbCr without the offsets, which cancel in differences: rows are Y, Cb, Cr.
_YCBCR = ((0.257, 0.564, 0.098), (-0.148, -0.291, 0.439), (0.439, -0.368, -0.071))
# Half of the 24 neighbours in a 5x5 window as (down, right); the other half gives the same differences.
_OFFSETS = [(down, right) for down in range(3) for right in range(-2, 3) if (down, right) > (0, 0)]


def smoothness(illumination: Tensor, image: Tensor, sigma: float = 10.0) -> Tensor:
    """Absolute differences of the illumination to its 24 neighbours, less where the colours of the image differ.

    Source: Ma et al., Toward Fast, Flexible, and Robust Low-Light Image Enhancement, CVPR 2022, equation 7; vis-opt-group/SCI
    loss.py, where sigma is 10 for pictures in [0, 1], so that all neighbours weigh nearly the same.

    Args:
        illumination: B x 3 x H x W.
        image: B x 3 x H x W, the stage's input.
        sigma: colour difference at which the weight has fallen to exp(-1/2).

    Returns:
        A scalar: for each neighbour the mean over positions of the sum over channels, summed over neighbours; 0 for a constant.
    """
    # The weights are taken as data, unlike in the authors' code: at sigma 10 they hardly vary, and their gradient costs time.
    colour = torch.einsum("dc,bchw->bdhw", image.new_tensor(_YCBCR), image.detach())
    height, width = image.shape[-2:]
    total = image.new_zeros(())
    for down, right in _OFFSETS:
        here = (..., slice(0, height - down), slice(max(0, -right), width - max(0, right)))
        there = (..., slice(down, height), slice(max(0, right), width + min(0, right)))
        weight = torch.exp(-(colour[here] - colour[there]).square().sum(1) / (2 * sigma * sigma))
        total = total + 2 * (weight * (illumination[here] - illumination[there]).abs().sum(1)).mean()
    return total
