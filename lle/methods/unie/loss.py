"""Priors of the layers of a night picture, and its high frequencies."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.losses.gradients import gradients


def exclusion(one: Tensor, other: Tensor, levels: int = 3) -> Tensor:
    """Edges that two layers have in common, at several sizes; a scalar, 0 where one of them is flat.

    Source: Zhang et al., Single Image Reflection Separation with Perceptual Losses, CVPR 2018, equation 5, without its root,
    whose slope is infinite at 0.

    Args:
        one: B x 3 x H x W.
        other: the same shape.
        levels: sizes, each half of the one before.
    """
    terms = []
    for _ in range(levels):
        for a, b in zip(gradients(one), gradients(other), strict=True):
            terms.append((torch.tanh(a.abs()).mean(dim=1) * torch.tanh(b.abs()).mean(dim=1)).mean())
        one, other = F.avg_pool2d(one, 2), F.avg_pool2d(other, 2)
    return torch.stack(terms).mean()


def colourfulness(image: Tensor) -> Tensor:
    """Mean absolute distance of B x 3 x H x W from its grey, a scalar; the authors' colour constancy."""
    return (image - image.mean(dim=1, keepdim=True)).abs().mean()


def roughness(image: Tensor) -> Tensor:
    """Mean absolute second differences of B x C x H x W, the four kinds summed; 0 for a plane."""
    dx, dy = image.diff(dim=-1), image.diff(dim=-2)
    return torch.stack([d.diff(dim=k).abs().mean() for d in (dx, dy) for k in (-1, -2)]).sum()


def glare(image: Tensor, sigma: float = 0.35) -> Tensor:
    """How likely light effects are: a Gaussian of the darkest channel's distance from white, B x 1 x H x W in (0, 1]."""
    return torch.exp(-((1 - image.amin(dim=1, keepdim=True)) ** 2) / (2 * sigma * sigma))


def details(image: Tensor, radius: int = 4) -> Tensor:
    """High frequencies about a mean grey: B x C x H x W less its box mean, plus a half."""
    side = 2 * radius + 1
    return image - F.avg_pool2d(F.pad(image, (radius,) * 4, mode="replicate"), side, stride=1) + 0.5


def spread(x: Tensor) -> Tensor:
    """Stretches each of B x 1 x H x W to [0, 1]; a constant becomes 0."""
    low, high = x.amin(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
    return (x - low) / (high - low).clamp_min(1e-6)
