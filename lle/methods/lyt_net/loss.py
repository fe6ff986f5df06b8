"""Parts of LYT-Net's loss: structure at several scales, peak signal-to-noise ratio, mean brightness."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales (Wang, Simoncelli, Bovik: Multiscale structural similarity, Asilomar 2003)."""
_SIDE = 11


def _blur(image: Tensor) -> Tensor:
    """Gaussian window 11x11, sigma 1.5, where it fits entirely."""
    offsets = torch.arange(_SIDE, dtype=image.dtype, device=image.device) - _SIDE // 2
    window = torch.exp(-offsets.square() / 4.5)
    window = (window / window.sum()).expand(image.shape[1], 1, _SIDE)
    groups = image.shape[1]
    return F.conv2d(F.conv2d(image, window[:, :, None, :], groups=groups), window[:, :, :, None], groups=groups)


def _similarity(image: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM and its part without brightness, each B x C."""
    a, b = _blur(image), _blur(reference)
    contrast = (2 * (_blur(image * reference) - a * b) + 9e-4) / (
        _blur(image * image) - a * a + _blur(reference * reference) - b * b + 9e-4
    )
    luminance = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)
    return (luminance * contrast).mean(dim=(2, 3)), contrast.mean(dim=(2, 3))


def multi_scale_ssim_loss(image: Tensor, reference: Tensor) -> Tensor:
    """1 - MS-SSIM, a scalar, 0 for equal pictures.

    Five scales need sides of more than 160 pixels. Of smaller pictures those scales count at which the window fits, their exponents
    scaled to the same sum.

    Args:
        image: B x C x H x W in [0, 1], sides of 11 and more.
        reference: the same shape.
    """
    scales = 1
    while scales < len(WEIGHTS) and min(image.shape[-2:]) >= _SIDE * 2**scales:
        scales += 1
    exponents = [weight * sum(WEIGHTS) / sum(WEIGHTS[:scales]) for weight in WEIGHTS[:scales]]
    product = None
    for scale, exponent in enumerate(exponents):
        both, contrast = _similarity(image, reference)
        # A negative base has no power, and 0 has no gradient.
        factor = (both if scale == scales - 1 else contrast).clamp_min(1e-6) ** exponent
        product = factor if product is None else product * factor
        image, reference = (F.avg_pool2d(x, 2, padding=(x.shape[-2] % 2, x.shape[-1] % 2)) for x in (image, reference))
    assert product is not None
    return 1 - product.mean()


def psnr_loss(image: Tensor, reference: Tensor) -> Tensor:
    """40 - PSNR in decibels, a scalar; errors below 100 dB do not count."""
    return 40 + 10 * torch.log10(F.mse_loss(image, reference).clamp_min(1e-10))


def brightness_loss(image: Tensor, reference: Tensor) -> Tensor:
    """Absolute difference of the mean values of each picture, the mean over the batch; a scalar."""
    return (image.mean(dim=(1, 2, 3)) - reference.mean(dim=(1, 2, 3))).abs().mean()
