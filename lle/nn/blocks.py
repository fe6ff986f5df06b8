"""Small building blocks that several networks use."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Pads on the right and below, by reflection, until both sides are multiples.

    Args:
        image: B x C x H x W.
        multiple: usually 2 to the number of halvings in a network.

    Returns:
        B x C x H' x W'. Cut the result with `crop_to`. Where a side is too short to be reflected, its last row or column is repeated.
    """
    height, width = image.shape[-2:]
    below, right = -height % multiple, -width % multiple
    if not below and not right:
        return image
    mode = "reflect" if below < height and right < width else "replicate"
    return F.pad(image, (0, right, 0, below), mode=mode)


def crop_to(image: Tensor, like: Tensor) -> Tensor:
    """Cuts `image` on the right and below to the height and width of `like`: undoes `pad_to_multiple`."""
    return image[..., : like.shape[-2], : like.shape[-1]]


def power_curve(image: Tensor, exponent: float) -> Tensor:
    """Brightens by a power of the brightest channel.

    One factor for all channels keeps the hue, where a power of each would wash it out.

    Args:
        image: B x 3 x H x W; clamped to [0, 1].
        exponent: below 1 brightens.
    """
    image = image.clamp(0, 1)
    # Black has no hue to keep: the floor keeps the factor finite.
    return image * (image.amax(1, keepdim=True) + 1e-4) ** (exponent - 1)
