"""PIQE, a no-reference score of visible artefacts and noise.

Venkatanath and others: Blind image quality evaluation using perception based features, NCC 2015. The definition follows
pyiqa's `piqe` (piqe_arch.py), which follows MATLAB's, in every choice, also in three that look like slips: a picture whose side
is no multiple of 16 is extended by the remainder and then cut down to whole blocks; the columns that count as a block's
surround leave out the eighth and the tenth instead of the two central ones; grey values are stretched so that the largest
becomes 255.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lle.metrics.metric import Metric
from lle.metrics.protocol import Image

BLOCK = 16
ACTIVE = 0.1
"""Variance of a block above which it counts."""
IMPAIRED = 0.1
"""Standard deviation of an edge segment below which its block shows an artefact."""
SEGMENT = 6
"""Pixels of an edge segment."""

_TAPS = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
_TAPS /= _TAPS.sum()


def _normalised(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the picture with local mean 0 and local deviation about 1 (Gaussian 7 x 7, sigma 7/6)."""
    mean, square = (cv2.sepFilter2D(values, -1, _TAPS, _TAPS, borderType=cv2.BORDER_REPLICATE) for values in (grey, grey * grey))
    deviation = np.sqrt(np.abs(square - mean * mean) + np.finfo(np.float32).eps)
    return (grey - mean) / (deviation + 1)


def _blocks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cuts H x W into N x 16 x 16."""
    rows, columns = (size // BLOCK for size in values.shape)
    cut = values[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(-1, BLOCK, BLOCK)


def _segment_deviation(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviations of all segments of N x 16 edges: N x 11."""
    segments = np.lib.stride_tricks.sliding_window_view(edges, SEGMENT, axis=1)
    return segments.std(axis=2, ddof=1)


def piqe(image: Image) -> float:
    """Returns the score, 0 to 100, lower is better.

    Raises:
        ValueError: the picture is smaller than a block.
    """
    if min(image.shape[:2]) < BLOCK:
        raise ValueError(f"PIQE needs at least {BLOCK} pixels on each side, got {image.shape[0]}x{image.shape[1]}")
    wide = image.astype(np.int64)
    grey = (299 * wide[..., 0] + 587 * wide[..., 1] + 114 * wide[..., 2]).astype(np.float64)
    peak = grey.max()
    if peak > 0:
        grey = np.rint(255 * (grey / peak))
    rows, columns = grey.shape
    grey = np.pad(grey, ((0, rows % BLOCK), (0, columns % BLOCK)), mode="symmetric")
    blocks = _blocks(_normalised(grey))

    variance = blocks.var(axis=(1, 2), ddof=1)
    active = variance > ACTIVE

    deviation = np.sqrt(variance)
    centre = blocks[:, :, 7:9].std(axis=(1, 2), ddof=1)
    surround = np.delete(blocks, (7, 9), axis=2).std(axis=(1, 2), ddof=1)
    ratio = np.divide(centre, surround, out=np.zeros_like(centre), where=surround > 0)
    larger = np.maximum(deviation, ratio)
    noisy = deviation > 2 * np.divide(np.abs(deviation - ratio), larger, out=np.zeros_like(larger), where=larger > 0)

    edges = (blocks[:, 0, :], blocks[:, -1, :], blocks[:, :, 0], blocks[:, :, -1])
    impaired = np.any([(_segment_deviation(edge) < IMPAIRED).any(axis=1) for edge in edges], axis=0)

    distortion = np.where(active, impaired * (1 - variance) + noisy * variance, 0.0).sum()
    return float((distortion + 1) / (1 + active.sum()) * 100)


METRICS = (
    Metric(
        name="piqe",
        label="PIQE",
        direction="lower",
        needs_reference=False,
        unit="",
        definition="share and strength of blocks with artefacts or noise, 0 to 100",
        source="Venkatanath et al., NCC 2015, as pyiqa's piqe",
        measure=lambda s: piqe(s.output),
        order=110,
        digits=2,
    ),
)
