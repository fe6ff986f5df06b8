"""Charbonnier loss: an L1 distance that is smooth at zero."""

from __future__ import annotations

from torch import Tensor


def charbonnier(image: Tensor, reference: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Mean of `sqrt((a - b)^2 + epsilon^2)`, a scalar that is `epsilon` for equal inputs.

    Source: Charbonnier et al., Two deterministic half-quadratic regularization algorithms, ICIP 1994.

    Args:
        image: any shape.
        reference: the same shape.
        epsilon: below this difference the loss is quadratic.
    """
    return ((image - reference).square() + epsilon * epsilon).sqrt().mean()
