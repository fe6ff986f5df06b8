"""Motion that takes the place of a second frame."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def random_flow(like: Tensor, motion: float, cells: int) -> Tensor:
    """Draws a smooth motion field for each picture: normal vectors on a coarse grid, interpolated cubically.

    Args:
        like: B x C x H x W; gives size, device and type.
        motion: standard deviation of each component at the grid's points, in pixels.
        cells: grid points along a side.

    Returns:
        B x 2 x H x W, horizontal and vertical, in pixels.
    """
    grid = motion * torch.randn(like.shape[0], 2, cells, cells, device=like.device, dtype=like.dtype)
    return F.interpolate(grid, size=like.shape[-2:], mode="bicubic", align_corners=True)


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Moves a picture: pixel p of the result is the picture at p + flow(p), interpolated; border pixels repeat outside.

    Args:
        image: B x C x H x W.
        flow: B x 2 x H x W in pixels, horizontal first.
    """
    height, width = image.shape[-2:]
    rows = torch.arange(height, device=image.device, dtype=image.dtype)[:, None] + flow[:, 1]
    columns = torch.arange(width, device=image.device, dtype=image.dtype) + flow[:, 0]
    # grid_sample counts from -1 to 1 between the centres of the outermost pixels.
    grid = torch.stack([2 * columns / (width - 1) - 1, 2 * rows / (height - 1) - 1], dim=-1)
    return F.grid_sample(image, grid, padding_mode="border", align_corners=True)
