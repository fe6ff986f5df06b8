"""GT-mean loss: brightness is corrected first, then the loss sees noise and colour.

Source: Liao, Hao, Hong, Wang: GT-Mean Loss: A Simple Yet Effective Solution for Brightness Mismatch in Low-Light Image Enhancement,
ICCV 2025, arXiv 2507.20148. Written from its formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

_DARKEST = 1e-4
"""Mean brightness below which a picture counts as this bright: black has no logarithm and cannot be scaled."""


def _brightness(image: Tensor) -> Tensor:
    """Mean grey value of each picture, B; with the weights of torchvision's Grayscale, as the authors have it."""
    red, green, blue = image.mean(dim=(2, 3)).unbind(1)
    return 0.2989 * red + 0.587 * green + 0.114 * blue


def brightness_distance(image: Tensor, reference: Tensor, sigma: float = 0.1) -> Tensor:
    """Bhattacharyya distance of two brightnesses, each a normal distribution whose deviation is `sigma` times its mean.

    Args:
        image: B x 3 x H x W.
        reference: the same shape.
        sigma: relative deviation; a larger one takes more different brightnesses for alike.

    Returns:
        B values from 0 (as bright as the reference); they depend on the quotient of the means alone.
    """
    quotient = _brightness(image).abs().clamp_min(_DARKEST) / _brightness(reference).abs().clamp_min(_DARKEST)
    square = 1 + quotient * quotient
    return (1 - quotient) ** 2 / (4 * sigma * sigma * square) + 0.5 * torch.log(square / (2 * quotient))


def gt_mean(
    compare: Callable[[Tensor, Tensor], Mapping[str, Tensor]], image: Tensor, reference: Tensor, sigma: float | None = 0.1
) -> dict[str, Tensor]:
    """Compares every picture as it is and scaled to its reference's mean brightness, and mixes both.

    Each picture's mixture has the weight W = min(B, 1) for the picture as it is and 1 - W for the scaled one, B being its
    `brightness_distance`. So a picture more than a quarter too dark is compared as usual, and one that is about as bright as its
    reference without regard to what is left. The scale keeps its gradient, the weight has none.

    Args:
        compare: from pictures and references, both B x 3 x H x W, to named scalars that are means over the batch.
        image: B x 3 x H x W.
        reference: the same shape.
        sigma: see `brightness_distance`; None compares pictures as they are.

    Returns:
        The terms of `compare`, by its names.
    """
    if sigma is None:
        return dict(compare(image, reference))
    weights = brightness_distance(image, reference, sigma).detach().clamp(max=1)
    scale = _brightness(reference).clamp_min(_DARKEST) / _brightness(image).clamp_min(_DARKEST)
    scaled = (scale[:, None, None, None] * image).clamp(0, 1)
    terms: dict[str, Tensor] = {}
    # One picture after another: the terms of `compare` are means over a batch, and each picture has a weight of its own.
    for row, weight in enumerate(weights):
        target = reference[row : row + 1]
        for share, shown in ((weight, image), (1 - weight, scaled)):
            for name, term in compare(shown[row : row + 1], target).items():
                terms[name] = terms.get(name, 0) + share * term / len(weights)
    return terms
