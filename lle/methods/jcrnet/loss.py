"""The edge loss of JCRNet, which it takes from MPRNet and DGUNet."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lle.losses.charbonnier import charbonnier

_TAPS = (0.05, 0.25, 0.4, 0.25, 0.05)


def _blur(image: Tensor) -> Tensor:
    """Five-tap Gaussian in both directions over a border of repeated pixels."""
    count = image.shape[1]
    taps = image.new_tensor(_TAPS).expand(count, 1, 5)
    padded = F.pad(image, (2, 2, 2, 2), mode="replicate")
    return F.conv2d(F.conv2d(padded, taps[:, :, None, :], groups=count), taps[:, :, :, None], groups=count)


def laplacian(image: Tensor) -> Tensor:
    """First residual of a Laplacian pyramid: the image less its blurred, halved and again enlarged self.

    Args:
        image: B x C x H x W.

    Returns:
        B x C x H x W; zero-mean detail, linear in the image.
    """
    small = torch.zeros_like(image)
    # Every second pixel, four times as bright, so that the second blur restores the mean.
    small[..., ::2, ::2] = 4 * _blur(image)[..., ::2, ::2]
    return image - _blur(small)


def edge_loss(image: Tensor, reference: Tensor, epsilon: float = 1e-3) -> Tensor:
    """Charbonnier distance of the Laplacian residuals, a scalar; `epsilon` for equal images."""
    # The residual is linear: the difference of residuals is the residual of the difference.
    difference = laplacian(image - reference)
    return charbonnier(difference, torch.zeros_like(difference), epsilon)
