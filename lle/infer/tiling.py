"""Pictures larger than memory: enhanced tile by tile, with the same result as in one piece.

An output pixel of a local method depends on input pixels up to some distance away. Tiles overlap by at least that
distance, and begin where the strides of the network begin in the whole picture, so every output pixel sees what it
would see in one piece. How far a method sees is measured, because it follows from the settings and the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lle.errors import LleError

ALIGN = 32
"""Tiles and overlaps are multiples of this many pixels: networks that halve the resolution up to five times keep their grid."""

TOLERANCE = 2e-5
"""Differences of an output in [0, 1] up to this come from the order of additions; a grey level is 200 times as much."""

# Half of a probe's side, an odd multiple of ALIGN, so that a coarser grid than ALIGN shows as a difference.
_CUTS = (3 * ALIGN, 7 * ALIGN, 11 * ALIGN)


def reach(enhance: Callable[[Tensor], Tensor], device: torch.device) -> int | None:
    """Measures how far from a cut through the picture an output still differs from that of the whole picture.

    Args:
        enhance: from B x 3 x H x W in [0, 1] to the same.
        device: where it runs.

    Returns:
        The distance in pixels, 0 for a method that treats pixels one by one; None if the effect reaches farther than
        can be measured on a probe of 704 pixels, as it does for every method that looks at the whole picture.
    """
    for cut in _CUTS:
        found = max(_reach_at(enhance, probe, cut) for probe in _probes(2 * cut, device))
        # An effect near the end of the probe may go on beyond it.
        if found < cut * 3 // 4:
            return found
    return None


def _probes(side: int, device: torch.device) -> list[Tensor]:
    generator = np.random.default_rng(0)
    noise = generator.random((1, 3, side, side), dtype=np.float32)
    ramp = np.linspace(0, 1, side, dtype=np.float32)[None, None, None, :] * np.linspace(1, 0.1, side, dtype=np.float32)[None, None, :, None]
    pictures = (noise, 0.15 * noise, np.clip(0.8 * ramp + 0.1 * noise, 0, 1))
    return [torch.from_numpy(np.ascontiguousarray(picture, dtype=np.float32)).to(device) for picture in pictures]


def _reach_at(enhance: Callable[[Tensor], Tensor], probe: Tensor, cut: int) -> int:
    whole = enhance(probe)
    farthest = 0
    for dimension in (2, 3):
        first = enhance(probe.narrow(dimension, 0, cut).contiguous())
        second = enhance(probe.narrow(dimension, cut, cut).contiguous())
        before = (first - whole.narrow(dimension, 0, cut)).abs().amax(dim=(0, 1, 5 - dimension)) > TOLERANCE
        after = (second - whole.narrow(dimension, cut, cut)).abs().amax(dim=(0, 1, 5 - dimension)) > TOLERANCE
        if before.any():
            farthest = max(farthest, cut - int(before.nonzero()[0]))
        if after.any():
            farthest = max(farthest, int(after.nonzero()[-1]) + 1)
    return farthest


def overlap(distance: int) -> int:
    """Returns the overlap for a measured reach: the next multiple of `ALIGN` above it, never 0, so that no tile is too small."""
    return (distance // ALIGN + 1) * ALIGN


def check_tile(tile: int) -> None:
    """Refuses a tile size.

    Raises:
        LleError: it is no positive multiple of `ALIGN`.
    """
    if tile < ALIGN or tile % ALIGN:
        raise LleError(f"the tile size must be a multiple of {ALIGN} pixels, from {ALIGN} up; it is {tile}.")


def enhance_tiled(enhance: Callable[[NDArray[Any]], NDArray[Any]], picture: NDArray[Any], tile: int, halo: int) -> NDArray[Any]:
    """Enhances a picture tile by tile; beside the picture and the result, memory is needed for one tile.

    Args:
        enhance: from h x w x 3 to the same shape and type.
        picture: H x W x 3.
        tile: side of the part of a tile that is kept, in pixels, a multiple of `ALIGN`.
        halo: pixels seen around it, a multiple of `ALIGN`.

    Returns:
        H x W x 3 of the picture's type.
    """
    height, width = picture.shape[:2]
    result = np.empty_like(picture)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            y, x = max(top - halo, 0), max(left - halo, 0)
            part = enhance(picture[y : min(bottom + halo, height), x : min(right + halo, width)])
            result[top:bottom, left:right] = part[top - y : bottom - y, left - x : right - x]
    return result
