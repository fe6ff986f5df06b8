"""Losses of the distilled student. Each returns a scalar."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lle.nn.block_autoencoder import energy


def multi_scale_l1(image: Tensor, reference: Tensor, weights: Sequence[float]) -> Tensor:
    """Weighted sum of the mean absolute differences at full size, half, quarter, ... (2x2 means).

    Args:
        image: B x 3 x H x W, sides not below 2 to the number of halvings.
        reference: the same shape.
        weights: one a scale, from full size down.
    """
    total = image.new_zeros(())
    for level, weight in enumerate(weights):
        if level:
            image, reference = F.avg_pool2d(image, 2), F.avg_pool2d(reference, 2)
        total = total + weight * F.l1_loss(image, reference)
    return total


def colour_angle(image: Tensor, reference: Tensor) -> Tensor:
    """1 less the mean cosine of the angle between colours as vectors: 0 where they differ in brightness alone."""
    return 1 - F.cosine_similarity(image, reference, dim=1, eps=1e-6).mean()


def attention_transfer(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared distance of attention maps, each flattened and L2-normalised (Zagoruyko and Komodakis, ICLR 2017).

    Args:
        student: features B x C x H x W.
        teacher: features B x C' x H x W.
    """
    a, b = (F.normalize(energy(features).flatten(1), dim=1) for features in (student, teacher))
    return (a - b).square().mean()


def feature_distance(features: Sequence[Tensor], references: Sequence[Tensor]) -> Tensor:
    """Sum over layers of the mean absolute difference of features."""
    return torch.stack([F.l1_loss(a, b) for a, b in zip(features, references, strict=True)]).sum()
