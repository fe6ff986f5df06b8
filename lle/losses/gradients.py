"""Picture gradients and losses on them.

Source: definition.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def gradients(image: Tensor) -> tuple[Tensor, Tensor]:
    """Forward differences to the right-hand and the lower neighbour.

    Args:
        image: B x C x H x W.

    Returns:
        Horizontal and vertical differences, both B x C x H x W; the last column and row, which have no such neighbour, are 0.
    """
    horizontal = F.pad(image[..., :, 1:] - image[..., :, :-1], (0, 1))
    vertical = F.pad(image[..., 1:, :] - image[..., :-1, :], (0, 0, 0, 1))
    return horizontal, vertical


def gradient_l1(image: Tensor, reference: Tensor) -> Tensor:
    """Mean absolute difference of the gradients of two pictures, both directions summed; a scalar, 0 for equal inputs.

    Args:
        image: B x C x H x W.
        reference: the same shape.
    """
    horizontal, vertical = gradients(image - reference)
    return horizontal.abs().mean() + vertical.abs().mean()


def gradient_mse(image: Tensor, reference: Tensor) -> Tensor:
    """Mean squared difference of the gradients of two pictures, both directions summed; a scalar, 0 for equal inputs.

    Args:
        image: B x C x H x W.
        reference: the same shape.
    """
    horizontal, vertical = gradients(image - reference)
    return horizontal.square().mean() + vertical.square().mean()
