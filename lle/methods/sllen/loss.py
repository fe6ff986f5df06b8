"""Losses that are SLLEN's own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.losses.gradients import gradients

DARKEST = 0.01
BRIGHTEST = 2.0


def illumination(low: Tensor, enhanced: Tensor) -> Tensor:
    """The light that the enhanced picture takes away, eq. 8: I / R, clipped so that its gradient stays finite.

    Args:
        low: I, B x 3 x H x W in [0, 1].
        enhanced: R, the same shape.

    Returns:
        B x 3 x H x W in [0, 2]; 1 where nothing was changed.
    """
    return (low / enhanced.clamp(min=DARKEST)).clamp(0, BRIGHTEST)


def illumination_variation(low: Tensor, enhanced: Tensor) -> Tensor:
    """Total variation of the illumination, L_itv of eq. 9: the mean of |dx| + |dy|; a scalar, 0 for even light."""
    horizontal, vertical = gradients(illumination(low, enhanced))
    return horizontal.abs().mean() + vertical.abs().mean()


def mean_gradient(image: Tensor) -> Tensor:
    """How much contour each picture has: the mean of (|dx| + |dy|) / 2.

    Args:
        image: B x C x H x W.

    Returns:
        B values, 0 for a constant.
    """
    horizontal, vertical = gradients(image)
    return (horizontal.abs() + vertical.abs()).mean(dim=(1, 2, 3)) / 2


def gradient_level(image: Tensor, level: Tensor) -> Tensor:
    """Distance of the pictures' mean gradients from a wanted level, L_grad of eq. 10; a scalar.

    Args:
        image: B x C x H x W.
        level: E_g, a scalar.
    """
    return (mean_gradient(image) - level).abs().mean()


def knowledge_distillation(encoder: Sequence[Tensor], decoder: Sequence[Tensor]) -> Tensor:
    """Squared distance of the decoder's maps from the encoder's of the same size, L_kd of eq. 7; a scalar.

    Args:
        encoder: e_i, the teachers: no gradient flows to them.
        decoder: d_i, as many, each of the shape of its partner.
    """
    return torch.stack([F.mse_loss(ours, theirs.detach()) for theirs, ours in zip(encoder, decoder, strict=True)]).mean()
