"""The normal-light photographs that CLIP-ISP takes as labels, re-exposed for an ablation of the paper (section IV-B)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lle.data.degrade import linear_to_srgb, srgb_to_linear, to_bytes
from lle.engine.method import TrainingData


def exposed(stored: np.ndarray, stops: float) -> np.ndarray:
    """Returns a picture, stored values in [0, 1], as an exposure `stops` above it would have stored it, clipped to [0, 1]."""
    return linear_to_srgb(srgb_to_linear(stored) * 2.0**stops)


@dataclass(frozen=True)
class Exposed:
    """Draws an exposure for the normal-light picture of a sample.

    Attributes:
        stops: photographic stops; drawn evenly from -stops to +stops.
    """

    stops: float

    def __call__(self, sample: dict[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
        """Returns the sample with `normal`, 3 x H x W in [0, 1], re-exposed."""
        picture = np.ascontiguousarray(sample["normal"].permute(1, 2, 0).numpy())
        shot = exposed(picture, float(rng.uniform(-self.stops, self.stops))).astype(np.float32)
        return {**sample, "normal": torch.from_numpy(shot).permute(2, 0, 1).contiguous()}


@dataclass(frozen=True)
class ExposedLabels:
    """A training split whose normal-light pictures are re-exposed, each by the same draw whenever it is read.

    Attributes:
        data: the split.
        stops: see `Exposed`.
    """

    data: TrainingData
    stops: float

    def lows(self, limit: int | None = None) -> Iterator[np.ndarray]:
        """Yields the low-light pictures as they are."""
        return self.data.lows(limit)

    def normals(self, limit: int | None = None) -> Iterator[np.ndarray]:
        """Yields the re-exposed pictures, H x W x 3 uint8 RGB."""
        rng = np.random.default_rng(0)
        for picture in self.data.normals(limit):
            yield to_bytes(exposed(picture.astype(np.float32) / 255, float(rng.uniform(-self.stops, self.stops))))
