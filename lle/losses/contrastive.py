"""Contrast of an enhanced picture against well and badly exposed ones that show something else.

Source: LingLIx/SCL-LLE @408d89a, Myloss.py; ZhengYanXU/PIE @3a43c38, CR.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def brightness_distance(image: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference of the brightness (mean over channels) of unrelated pictures, pixel by pixel; a scalar.

    Args:
        image: B x C x H x W.
        other: the same shape.
    """
    return (image.mean(1) - other.mean(1)).abs().mean()


def margin_contrast(to_positive: Tensor, to_negative: Tensor, margin: float) -> Tensor:
    """Hinge `max(d(positive) - d(negative) + margin, 0)`: 0 once the negative is further away by the margin."""
    return F.relu(to_positive - to_negative + margin)


def gram(features: Tensor) -> Tensor:
    """Gram matrix F F^T / (C H W) of features, B x C x H x W to B x C x C."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat[0].numel()


def gram_distances(features: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """Squared distances of Gram matrices, summed over their entries and over layers.

    Args:
        features: a layer's features each, A x C x H x W.
        others: the same layers of other pictures, B x C x H' x W'.

    Returns:
        A x B, every picture against every other one.
    """
    total = features[0].new_zeros(len(features[0]), len(others[0]))
    for one, other in zip(features, others, strict=True):
        total = total + (gram(one)[:, None] - gram(other)[None]).square().sum((2, 3))
    return total


def _minus_log_share(positive: Tensor, negative: Tensor, exponentials: bool) -> Tensor:
    if exponentials:
        return -torch.log(negative.exp() / (negative.exp() + positive.exp()))
    return F.softplus(positive - negative)


def info_nce(to_positives: Tensor, to_negatives: Tensor, exponentials: bool = False) -> Tensor:
    """InfoNCE on distances, over all triples of anchor, positive and negative: the mean of -log(e^n / (e^n + e^p)).

    Args:
        to_positives: p, A x P distances from anchors to positives.
        to_negatives: n, A x N distances from anchors to negatives.
        exponentials: computes it as it is written, which is not finite for distances above 88; otherwise as
            softplus(p - n), the same number, which cannot overflow.
    """
    return _minus_log_share(to_positives[:, :, None], to_negatives[:, None, :], exponentials).mean()


def info_nce_official(to_positives: Tensor, to_negatives: Tensor, exponentials: bool = False) -> Tensor:
    """InfoNCE as the authors' loops compute it; see `info_nce` for the arguments.

    The loops visit every second positive and negative. Distances are summed over the anchors of the batch and, for
    positives, over those visited so far; the sum of terms begins anew at each positive while its count goes on.
    """
    positive = to_positives[:, ::2].sum()
    negatives = to_negatives[:, ::2].sum(0)
    visited = to_positives[:, ::2].shape[1] * negatives.numel()
    return torch.stack([_minus_log_share(positive, negative, exponentials) for negative in negatives]).sum() / visited
