"""Is a frame dark, so that enhancing it helps, or is it lit, so that it should be left alone?

One number is taken from a frame and compared with a threshold. Both were chosen on training and validation pictures of
`mine_rendered` by `lle benchmark darkness mine_rendered`, which measures how often they err and writes
`reports/benchmarks/darkness.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lle.errors import LleError

Statistic = Callable[[NDArray[np.float32]], float]
"""From the lightness of the pixels of a frame, any number of values in [0, 1], to a number in [0, 1]: the lower, the darker."""

STATISTICS: Mapping[str, Statistic] = {
    "mean": lambda light: float(light.mean()),
    "quartile_1": lambda light: float(np.quantile(light, 0.25)),
    "median": lambda light: float(np.median(light)),
    "quartile_3": lambda light: float(np.quantile(light, 0.75)),
    "root_mean": lambda light: float(np.sqrt(light).mean() ** 2),
    "share_lit": lambda light: float((light > 0.2).mean()),
}
"""What was tried."""
STATISTIC = "quartile_3"
"""The one with the fewest errors on training and validation pictures: all but the quarter that lamps light best is looked at."""
THRESHOLD = 0.436
"""A frame whose statistic is below it is dark."""
MARGIN = 0.1
"""In a video, a dark frame becomes a lit one above (1 + MARGIN) thresholds, and a lit one a dark one below (1 - MARGIN) thresholds."""
_SAMPLES = 160
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def lightness(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Returns the luma of a grid of pixels, at most 160 on a side, as stored values in [0, 1].

    Args:
        picture: H x W x 3, RGB, uint8 or uint16.
    """
    steps = [max(1, side // _SAMPLES) for side in picture.shape[:2]]
    grid = picture[steps[0] // 2 :: steps[0], steps[1] // 2 :: steps[1]]
    return np.asarray(grid @ _LUMA / np.iinfo(picture.dtype).max, np.float32)


def darkness(picture: NDArray[Any], statistic: str = STATISTIC) -> float:
    """Returns a statistic of a picture, H x W x 3 uint8 or uint16 RGB, in [0, 1]: the lower, the darker."""
    return STATISTICS[statistic](lightness(picture))


@dataclass
class Gate:
    """Tells dark frames from lit ones, one after the other; it changes its mind only when the light has clearly changed.

    Attributes:
        threshold: of `darkness`, in (0, 1).
        margin: see `MARGIN`; 0 looks at every frame by itself.

    Raises:
        LleError: a value is out of range.
    """

    threshold: float = THRESHOLD
    margin: float = MARGIN
    _dark: bool | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1 or not 0 <= self.margin < 1:
            raise LleError(
                f"the threshold of darkness lies between 0 and 1, and so does the margin; given are {self.threshold:g} and {self.margin:g}."
            )

    def is_dark(self, picture: NDArray[Any]) -> bool:
        """Judges the next frame, H x W x 3 uint8 or uint16 RGB; the first one, and one after `reset`, by the threshold alone."""
        factor = 1.0 if self._dark is None else 1 + self.margin if self._dark else 1 - self.margin
        self._dark = darkness(picture) < self.threshold * factor
        return self._dark

    def dark_alone(self, picture: NDArray[Any]) -> bool:
        """Judges a picture by itself, H x W x 3 uint8 or uint16 RGB."""
        return darkness(picture) < self.threshold

    def reset(self) -> None:
        """Forgets earlier frames."""
        self._dark = None
