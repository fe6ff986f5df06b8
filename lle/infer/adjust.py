"""What a user may turn after a method: how much of it, and how bright."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lle.errors import LleError
from lle.infer.pictures import Photo

STRIP = 2000
"""Longest side in pixels of a before/after strip."""
GAP = 4
"""White pixels between both pictures of a strip."""


@dataclass(frozen=True)
class Adjust:
    """Strength and brightness, pixel by pixel.

    Attributes:
        strength: 0 gives the input, 1 the result, between them a mixture; up to 2 exaggerates.
        brightness: 1 changes nothing; above 1 brightens by the power curve v^(1/b), black and white staying where they are.

    Raises:
        LleError: a value is out of range.
    """

    strength: float = 1.0
    brightness: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 2 or not 0.1 <= self.brightness <= 10:
            raise LleError(f"strength goes from 0 to 2 and brightness from 0.1 to 10; given are {self.strength:g} and {self.brightness:g}.")

    def __call__(self, low: NDArray[Any], enhanced: NDArray[Any]) -> NDArray[Any]:
        """Adjusts a result.

        Args:
            low: the input, H x W x 3 uint8 or uint16.
            enhanced: the result, of the same shape and type.
        """
        if self.strength != 1:
            enhanced = np.asarray(cv2.addWeighted(low, 1 - self.strength, enhanced, self.strength, 0), enhanced.dtype)
        if self.brightness != 1:
            full = int(np.iinfo(enhanced.dtype).max)
            levels = np.arange(full + 1) / full
            enhanced = np.rint(full * levels ** (1 / self.brightness)).astype(enhanced.dtype)[enhanced]
        return enhanced


def strip(low: Photo, enhanced: Photo) -> Photo:
    """Returns input and result side by side, above each other where they are wider than high, reduced to `STRIP` pixels."""
    axis = 0 if low.colours.shape[1] > low.colours.shape[0] else 1
    scale = min(1.0, (STRIP - GAP) / 2 / low.colours.shape[axis], STRIP / low.colours.shape[1 - axis])
    parts = [_scaled(photo.colours, scale) for photo in (low, enhanced)]
    shape = list(parts[0].shape)
    shape[axis] = GAP
    gap = np.full(shape, np.iinfo(parts[0].dtype).max, parts[0].dtype)
    return replace(enhanced, colours=np.concatenate([parts[0], gap, parts[1]], axis=axis), alpha=None, exif=None)


def _scaled(picture: NDArray[Any], scale: float) -> NDArray[Any]:
    if scale == 1:
        return picture
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), picture.dtype)
