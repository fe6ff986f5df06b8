"""CEIQ, a no-reference score of contrast.

Yan, Li, Fu: No-reference quality assessment of contrast-distorted images using contrast enhancement, arXiv:1904.08879,
2019. The authors' code (mtobeiyf/CEIQ, commit c92b6a1) compares a picture with its own equalised version by five numbers and
feeds them to a support vector machine. Its kernel is linear, so its 532 support vectors add up to one weight for each number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lle.metrics.metric import Metric
from lle.metrics.protocol import Image
from lle.metrics.ssim import ssim_map

WEIGHTS = (0.9040977940828352, 0.5918766787732892, 0.03660021086086118, -0.3329773895731023, 0.02318992223481331)
BIAS = 1.4026102186529432
TARGET_LEVELS = 64
BINS = 128


def rgb2gray(image: Image) -> NDArray[np.uint8]:
    """Returns MATLAB's grey picture: 0.2989 R + 0.5870 G + 0.1140 B, rounded half up."""
    wide = image.astype(np.int32)
    return ((2989 * wide[..., 0] + 5870 * wide[..., 1] + 1140 * wide[..., 2] + 5000) // 10000).astype(np.uint8)


def histeq(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns MATLAB's `histeq(grey)`: equalised to a flat histogram of 64 levels."""
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    total = counts.sum()
    cumulative = counts.cumsum()
    wanted = np.arange(1, TARGET_LEVELS + 1) * total / TARGET_LEVELS
    tolerance = np.minimum(np.append(counts[:-1], 0), np.append(0, counts[1:])) / 2
    error = wanted[:, None] - cumulative + tolerance
    error[error < -total * np.sqrt(np.finfo(np.float64).eps)] = total
    table = np.floor(255 * error.argmin(axis=0) / (TARGET_LEVELS - 1) + 0.5).astype(np.uint8)
    return table[grey]


def _histogram(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    # MATLAB's imhist with 128 bins: the first and the last bin are half as wide as the others.
    levels = np.bincount(grey.ravel(), minlength=256)
    bins = np.floor(np.arange(256) * (BINS - 1) / 255 + 0.5).astype(int)
    return np.bincount(bins, weights=levels, minlength=BINS) / grey.size


def features(image: Image) -> tuple[float, float, float, float, float]:
    """Returns similarity, two entropies and two cross entropies (bits) of the picture and its equalised version."""
    grey = rgb2gray(image)
    equalised = histeq(grey)
    h1, h2 = _histogram(grey), _histogram(equalised)
    both = (h1 > 0) & (h2 > 0)
    h1, h2 = h1[both], h2[both]
    log1, log2 = np.log2(h1), np.log2(h2)
    similarity = float(ssim_map(grey, equalised).mean())
    return similarity, -float(h1 @ log1), -float(h2 @ log2), -float(h1 @ log2), -float(h2 @ log1)


def score(values: tuple[float, float, float, float, float]) -> float:
    """Returns the score of five features."""
    return sum(weight * value for weight, value in zip(WEIGHTS, values, strict=True)) + BIAS


def ceiq(image: Image) -> float:
    """Returns the contrast score, about 1 to 5 on the scale of a mean opinion, higher is better."""
    return score(features(image))


METRICS = (
    Metric(
        name="ceiq",
        label="CEIQ",
        direction="higher",
        needs_reference=False,
        unit="",
        definition="contrast quality, about 1 to 5: the picture against its own equalised version",
        source="Yan, Li, Fu 2019; mtobeiyf/CEIQ c92b6a1",
        measure=lambda s: ceiq(s.output),
        order=100,
    ),
)
