"""Parameters that a method estimates from each frame, smoothed over time, so that its results do not flicker.

The average is exponential: after `seconds` without a cut, what the parameters were before counts 1/e. At a cut it begins anew.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lle.errors import LleError

SECONDS = 0.5
"""Time constant of streams: long against flicker, short against what a person notices of a lamp that is switched on."""
CUT = 0.35
"""Difference of two frames above which they are of two scenes; see `difference`."""
_THUMBNAIL = (32, 18)


class Smoother:
    """Averages parameters over the frames of one sequence.

    Args:
        seconds: time constant.

    Attributes:
        cuts: that were found.

    Raises:
        LleError: the time constant is not above 0.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        if not seconds > 0:
            raise LleError(f"the time over which parameters are smoothed must be above 0 s; it is {seconds:g}.")
        self.seconds = seconds
        self.cuts = 0
        self._thumbnail: NDArray[np.float32] | None = None
        self._shape: tuple[int, ...] = ()
        self._time = -math.inf
        self._average: Any = None
        self._averaged = -math.inf

    def see(self, picture: NDArray[Any], time: float) -> None:
        """Takes note of the next frame, before its parameters are averaged.

        Args:
            picture: H x W x 3, RGB, uint8 or uint16.
            time: of the frame, in seconds; a step back, as after a camera has started again, begins anew, and so does another size.
        """
        new = thumbnail(picture)
        if picture.shape != self._shape or time < self._time:
            self._average = None
        elif self._thumbnail is not None and difference(self._thumbnail, new) > CUT:
            self._average = None
            self.cuts += 1
        self._thumbnail, self._shape, self._time = new, picture.shape, time

    def __call__(self, parameters: Any) -> Any:
        """Returns the average of the parameters of the frame that was seen last and of those before it.

        Args:
            parameters: tensors, or a tuple of them, as `Method.estimate` returns them.
        """
        weight = 1 - math.exp(-(self._time - self._averaged) / self.seconds)
        self._average = parameters if self._average is None else _mixed(self._average, parameters, weight)
        self._averaged = self._time
        return self._average


def _mixed(before: Any, now: Any, weight: float) -> Any:
    if isinstance(now, Tensor):
        return torch.lerp(before, now, weight)
    parts = [_mixed(old, new, weight) for old, new in zip(before, now, strict=True)]
    return type(now)(*parts) if hasattr(now, "_fields") else tuple(parts)


def thumbnail(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Returns 18 x 32 x 3 means over parts of a picture, as stored values in [0, 1]."""
    small = cv2.resize(picture, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(np.iinfo(picture.dtype).max)


def difference(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Compares two thumbnails: the sum of their absolute differences by the sum of their values, from 0 to 1.

    It is relative, because frames of two dark scenes differ by few levels. Three levels of 255 are added to all values, so that
    noise in the dark is no cut.
    """
    floor = 2 * 3 / 255 * first.size
    return float(np.abs(first - second).sum() / (first.sum() + second.sum() + floor))
