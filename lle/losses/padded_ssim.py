"""Structural similarity whose window also slides over the border, where zeros lie, as several authors' losses have it.

Source: Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE TIP 2004, equation 13; the border as
in Po-Hsun-Su/pytorch-ssim, which those losses come from.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from lle.losses.ssim import ssim_loss


def padded_ssim_loss(image: Tensor, reference: Tensor) -> Tensor:
    """`1 - SSIM` over all positions, a scalar in [0, 2], the mean over the batch; 0 for equal pictures.

    Args:
        image: B x C x H x W, any sides.
        reference: the same shape.
    """
    return ssim_loss(F.pad(image, (5, 5, 5, 5)), F.pad(reference, (5, 5, 5, 5)))
