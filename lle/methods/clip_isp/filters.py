"""The four differentiable filters of CLIP-ISP (eqs. 6-9), as plain functions.

Every filter takes pictures of shape B x 3 x H x W and one parameter (white balance: three) per picture of the batch.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LUMINANCE = (0.27, 0.67, 0.06)
"""Weights of R, G and B in the luminance of eq. 8."""
RADIUS = 12
SIGMA = 5.0


def tanh_range(z: Tensor, low: float, high: float) -> Tensor:
    """Maps any real to (low, high) by tanh, 0 to the middle [IA-YOLO, util_filters.py]."""
    return (torch.tanh(z) + 1) / 2 * (high - low) + low


def white_balance(image: Tensor, gains: Tensor) -> Tensor:
    """O_c = w_c I_c (eq. 6).

    Args:
        image: B x 3 x H x W in [0, 1].
        gains: w, B x 3, positive.

    Returns:
        B x 3 x H x W, not clamped.
    """
    return image * gains[:, :, None, None]


def gamma(image: Tensor, exponent: Tensor) -> Tensor:
    """O = max(I, 1e-4)^g (eq. 7); the floor keeps the derivative finite in black.

    Args:
        image: B x 3 x H x W, not negative.
        exponent: g, B; below 1 brightens.
    """
    return image.clamp(min=1e-4) ** exponent[:, None, None, None]


def contrast(image: Tensor, amount: Tensor) -> Tensor:
    """O = a En(I) + (1 - a) I (eq. 8), where En bends the luminance L to (1 - cos(pi L)) / 2.

    Args:
        image: B x 3 x H x W.
        amount: a in (-1, 1), B; 0 changes nothing, negative flattens.
    """
    weights = image.new_tensor(LUMINANCE)[:, None, None]
    luminance = (image * weights).sum(1, keepdim=True).clamp(0, 1)
    bent = (1 - torch.cos(math.pi * luminance)) / 2
    a = amount[:, None, None, None]
    return a * image * (bent / (luminance + 1e-6)) + (1 - a) * image


def gaussian_blur(image: Tensor) -> Tensor:
    """Gaussian of sigma 5 over 25 x 25 pixels with reflected borders, as a row and a column pass.

    Args:
        image: B x C x H x W, H and W from 13 up.
    """
    channels = image.shape[1]
    taps = torch.arange(-RADIUS, RADIUS + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (taps / SIGMA) ** 2)
    kernel = (kernel / kernel.sum()).expand(channels, 1, 1, -1)
    padded = F.pad(image, (RADIUS,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel, groups=channels), kernel.transpose(2, 3), groups=channels)


def sharpen(image: Tensor, amount: Tensor) -> Tensor:
    """O = I + lambda (I - Gauss(I)) (eq. 9).

    Args:
        image: B x 3 x H x W, H and W from 13 up.
        amount: lambda, B; 0 changes nothing.
    """
    return image + amount[:, None, None, None] * (image - gaussian_blur(image))
