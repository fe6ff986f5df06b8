"""Lightness order error (Wang, Zheng, Hu, Li: Naturalness preserved enhancement, IEEE TIP 22(9), 2013).

A pixel's lightness is the largest of R, G and B. For all ordered pairs of pixels the two pictures are asked whether the first
is at least as light as the second; the error is the number of pairs on which they disagree, divided by the number of pixels.
Codes differ in how they sample the pixels, and the values differ by factors: the two common ones are here.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from lle.metrics.metric import Metric
from lle.metrics.protocol import Image

SHORT_SIDE = 50
GRID = 100
_CHUNK = 512


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


@functools.lru_cache(maxsize=64)
def bicubic(size: int, new: int, scale: float) -> NDArray[np.float64]:
    """Returns the matrix (new x size) that resizes one axis as MATLAB's `imresize` does.

    Bicubic with a = -0.5, the kernel widened when the axis shrinks, pixels mirrored at the ends.
    """
    shrink = min(scale, 1.0)
    width = 4 / shrink
    centre = np.arange(1, new + 1) / scale + 0.5 * (1 - 1 / scale)
    left = np.floor(centre - width / 2)
    index = left[:, None] + np.arange(int(np.ceil(width)) + 2)
    weights = shrink * _cubic(shrink * (centre[:, None] - index))
    weights /= weights.sum(axis=1, keepdims=True)
    mirror = np.concatenate([np.arange(size), np.arange(size)[::-1]])
    matrix = np.zeros((new, size))
    np.add.at(matrix, (np.arange(new)[:, None], mirror[(index.astype(int) - 1) % (2 * size)]), weights)
    return matrix


def _half_up(value: float) -> int:
    return int(np.floor(value + 0.5))


def _lightness(image: Image) -> NDArray[np.uint8]:
    # `image.max(axis=2)`, which NumPy does ten times as slowly.
    return np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    # Resizing leaves an error of 1e-14 on flat areas, which must not put their pixels in an order.
    return np.unique(np.round(values.ravel(), 6), return_inverse=True)[1].ravel()


def _compact(values: NDArray[np.int64], levels: int) -> NDArray:
    """Returns the values in two bytes where they fit: comparing is then three times as fast."""
    return values.astype(np.uint16 if levels <= 65536 else np.uint32)


def disagreements(first: NDArray[np.int64], second: NDArray[np.int64]) -> int:
    """Counts the ordered pairs (x, y) on which `first[x] >= first[y]` and `second[x] >= second[y]` differ.

    Args:
        first: M ranks or levels, from 0 up.
        second: as many.
    """
    levels = int(max(first.max(), second.max())) + 1
    if levels <= 256:
        # Few levels: pairs that agree are sums over the joint histogram, whatever the number of pixels.
        joint = np.bincount(first * levels + second, minlength=levels * levels).reshape(levels, levels)
        below = joint.cumsum(axis=0).cumsum(axis=1)
        both = int((joint * below).sum())
        either = sum(int((counts * counts.cumsum()).sum()) for counts in (joint.sum(axis=0), joint.sum(axis=1)))
        return either - 2 * both
    a, b = (_compact(values, levels) for values in (first, second))
    count = 0
    for start in range(0, a.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        count += int(np.count_nonzero((a[part, None] >= a) != (b[part, None] >= b)))
    return count


def loe(output: Image, low: Image) -> float:
    """Returns the lightness order error between an enhanced picture and its input, lower is better.

    Both lightness maps are resized so that the short side has 50 pixels (`loe.m` of the paper's followers: MATLAB imresize,
    bicubic); the value lies in [0, number of pixels then], for 400 x 600 in [0, 3750].
    """
    scale = SHORT_SIDE / min(low.shape[:2])
    rows, columns = (bicubic(size, _half_up(size * scale), scale) for size in low.shape[:2])
    a, b = (_ranks(rows @ _lightness(image).astype(np.float64) @ columns.T) for image in (output, low))
    return disagreements(a, b) / a.size


def loe_100(output: Image, low: Image) -> float:
    """Returns the lightness order error on a grid of 100 x 100 pixels, unfiltered; value in [0, 10000], lower is better.

    As baidut/BIMEF does (quality/loe100x100.m).
    """
    rows, columns = (np.floor(np.linspace(1, size, GRID) + 0.5).astype(int) - 1 for size in low.shape[:2])
    grid = np.ix_(rows, columns)
    a, b = (_lightness(image[grid]).ravel().astype(np.int64) for image in (output, low))
    return disagreements(a, b) / a.size


METRICS = (
    Metric(
        name="loe",
        label="LOE",
        direction="lower",
        needs_reference=False,
        unit="",
        definition="lightness order error against the input, short side 50, MATLAB bicubic",
        source="Wang et al., IEEE TIP 2013; loe.m",
        measure=lambda s: loe(s.output, s.low),
        order=80,
        digits=1,
    ),
    Metric(
        name="loe_100",
        label="LOE (100x100)",
        direction="lower",
        needs_reference=False,
        unit="",
        definition="lightness order error against the input on a grid of 100x100 pixels",
        source="baidut/BIMEF, loe100x100.m",
        measure=lambda s: loe_100(s.output, s.low),
        order=90,
        digits=1,
    ),
)
