"""Brightness of RGB pictures."""

from __future__ import annotations

from torch import Tensor


def grey(image: Tensor) -> Tensor:
    """Returns the luma 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), B x 1 x H x W, of B x 3 x H x W."""
    red, green, blue = image.split(1, dim=1)
    return 0.299 * red + 0.587 * green + 0.114 * blue
