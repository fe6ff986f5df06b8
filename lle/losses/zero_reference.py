"""Losses that need no reference picture.

Source: Guo et al., Zero-DCE, CVPR 2020, equations 5 to 8; normalised as in Li-Chongyi/Zero-DCE @e0f4adc, on which the
published weights of the terms rest.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.config.curves import CurveConfig


def curve_smoothness(maps: Tensor) -> Tensor:
    """Total variation of curve maps: squared neighbour differences, summed over channels, averaged over positions, times two.

    Args:
        maps: B x C x H x W.

    Returns:
        A scalar, 0 for constant maps. Being a sum over channels, it grows with their number: 24 in Zero-DCE, 3 in Zero-DCE++.
    """
    height, width = maps.shape[-2:]
    vertical = (maps[..., 1:, :] - maps[..., :-1, :]).square().sum() / ((height - 1) * width)
    horizontal = (maps[..., :, 1:] - maps[..., :, :-1]).square().sum() / (height * (width - 1))
    return 2 * (vertical + horizontal) / maps.shape[0]


def colour_constancy(image: Tensor) -> Tensor:
    """Departure of an image's mean colour from grey: `sqrt(Drg^2 + Drb^2 + Dgb^2)`, D the squared difference of two channel means.

    Args:
        image: B x 3 x H x W.

    Returns:
        A scalar, the mean over the batch; 0 for grey pictures, with gradient 0 there.
    """
    red, green, blue = image.mean(dim=(2, 3)).unbind(1)
    differences = torch.stack([(red - green).square(), (red - blue).square(), (green - blue).square()], dim=1)
    # vector_norm has the subgradient 0 at 0, where sqrt would give NaN.
    return torch.linalg.vector_norm(differences, dim=1).mean()


def exposure(image: Tensor, level: float = 0.6, patch: int = 16) -> Tensor:
    """Squared distance of the mean brightness of patches from a well-exposed level.

    Args:
        image: B x 3 x H x W, sides not below `patch`; what does not fill a patch is left out.
        level: target brightness in [0, 1].
        patch: side of a patch in pixels.

    Returns:
        A scalar.
    """
    return (F.avg_pool2d(image.mean(1, keepdim=True), patch) - level).square().mean()


def spatial_consistency(image: Tensor, reference: Tensor, patch: int = 4) -> Tensor:
    """Change of the brightness differences between neighbouring regions.

    For each region the squared changes towards its four neighbours are summed, then averaged over regions (each pair of
    neighbours counts twice). The authors' code also compares border regions with a frame of zeros, which punishes every
    change of brightness there; we leave the frame out.

    Args:
        image: B x 3 x H x W, the result.
        reference: B x 3 x H x W, the input.
        patch: side of a region in pixels.

    Returns:
        A scalar, 0 if the two differ by a constant.
    """
    change = F.avg_pool2d((image - reference).mean(1, keepdim=True), patch)
    pairs = (change[..., 1:, :] - change[..., :-1, :]).square().sum() + (change[..., :, 1:] - change[..., :, :-1]).square().sum()
    return 2 * pairs / change.numel()


def zero_reference(config: CurveConfig, low: Tensor, enhanced: Tensor, curves: Tensor) -> dict[str, Tensor]:
    """The four terms by which Zero-DCE and Zero-DCE++ learn, weighted.

    Args:
        config: the weights.
        low: B x 3 x H x W, the input.
        enhanced: B x 3 x H x W, the result.
        curves: B x C x H x W, the curve maps.
    """
    return {
        "tv": config.tv_weight * curve_smoothness(curves),
        "spatial": config.spatial_weight * spatial_consistency(enhanced, low),
        "colour": config.colour_weight * colour_constancy(enhanced),
        "exposure": config.exposure_weight * exposure(enhanced, config.exposure_level),
    }
