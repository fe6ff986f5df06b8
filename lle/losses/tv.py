"""Total variation.

Source: Rudin, Osher, Fatemi: Nonlinear total variation based noise removal algorithms, Physica D 60, 1992.
"""

from __future__ import annotations

from torch import Tensor


def total_variation(image: Tensor, power: int = 1) -> Tensor:
    """Mean difference to the right-hand neighbour plus that to the lower one; a scalar, 0 for a constant.

    Args:
        image: B x C x H x W.
        power: 1 for absolute differences, 2 for squared ones.
    """
    horizontal = image[..., :, 1:] - image[..., :, :-1]
    vertical = image[..., 1:, :] - image[..., :-1, :]
    return horizontal.abs().pow(power).mean() + vertical.abs().pow(power).mean()
