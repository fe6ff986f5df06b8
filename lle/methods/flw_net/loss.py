"""The relative losses of FLW-Net: angles between pictures instead of distances."""

from __future__ import annotations

import torch
from torch import Tensor

from lle.losses.gradients import gradients


def angle(a: Tensor, b: Tensor, dim: int) -> Tensor:
    """1 - cos plus arccos of the angle between vectors, each averaged over all vectors; a scalar.

    Args:
        a: vectors along `dim`.
        b: the same shape.
        dim: the dimension that a vector runs along.
    """
    # The floor keeps the gradient of the root finite for vectors of zeros.
    lengths = [x.square().mean(dim).clamp_min(1e-12).sqrt() for x in (a, b)]
    cosine = (a * b).mean(dim) / (lengths[0] * lengths[1] + 1e-5)
    return (1 - cosine).mean() + torch.acos(cosine).mean()


def _by_map_and_pooled(a: Tensor, b: Tensor) -> Tensor:
    """The angle of each map, B x C x H x W, as a vector of pixels, plus that of all maps as one vector."""
    return angle(a.flatten(2), b.flatten(2), 2) + angle(a.flatten(1), b.flatten(1), 1)


def colour_angle(image: Tensor, reference: Tensor) -> Tensor:
    """Angle between the colours of each pixel; a scalar."""
    return angle(image, reference, 1)


def brightness_angle(image: Tensor, reference: Tensor) -> Tensor:
    """Angle between the channels less their minima, which count as data, and between the whole pictures; a scalar."""
    return _by_map_and_pooled(*(x - x.amin(dim=(2, 3), keepdim=True).abs().detach() for x in (image, reference)))


def structure_angle(image: Tensor, reference: Tensor) -> Tensor:
    """The same of the absolute differences to the right-hand and the lower neighbour; a scalar."""
    return _by_map_and_pooled(*(torch.cat([one.abs() for one in gradients(x)], dim=1) for x in (image, reference)))
