"""Visual information fidelity, the wavelet-domain version.

Sheikh, Bovik: Image information and visual quality, IEEE TIP 15(2), 2006; `vifvec` of its authors. The pixel-domain version
(`vifp`) is another metric with other values. The definition follows pyiqa's `vif` (vif_arch.py) in every choice: grey values
0 to 255, steerable pyramid with four levels, noise variance 0.4. Of the pyramid's six orientations the sum uses two, and
only those are computed here; of its bands, neither the high-pass nor the low-pass residual.

The pyramid's filters are the `sp5` set of Simoncelli and Freeman (matlabPyrTools, `sp5Filters`). Two are symmetric in eight
ways and one is odd by even, so a corner of each says all.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lle.metrics.metric import Metric
from lle.metrics.protocol import Image, Plane, luma

NOISE = 0.4
"""Variance of the visual noise, for grey values 0 to 255."""
LEVELS = 4
BLOCK = 3
"""Side of the blocks of coefficients that form one vector."""
TINY = 1e-12
SMALLEST = 80
"""Pixels on the shorter side below which the coarsest band has no block left inside its border."""


def _mirror(corner: NDArray[np.float64], sign: int = 1) -> NDArray[np.float64]:
    right = np.concatenate([corner, sign * corner[:, -2::-1]], axis=1)
    return np.concatenate([right, right[-2::-1]], axis=0)


_FIRST_LOW = _mirror(
    np.array(
        [
            [0.00341614, -0.01551246, -0.03848215],
            [-0.01551246, 0.05586982, 0.15925570],
            [-0.03848215, 0.15925570, 0.40304148],
        ]
    )
)
_LOW = 2 * _mirror(
    np.array(
        [
            [0.00085404, -0.00244917, -0.00387812, -0.00944432, -0.00962054],
            [-0.00244917, -0.00523281, -0.00661117, 0.00410600, 0.01002988],
            [-0.00387812, -0.00661117, 0.01396746, 0.03277038, 0.03981393],
            [-0.00944432, 0.00410600, 0.03277038, 0.06426333, 0.08169618],
            [-0.00962054, 0.01002988, 0.03981393, 0.08169618, 0.10096540],
        ]
    )
)
_BAND = _mirror(
    np.array(
        [
            [0.00277643, -0.00986904, -0.01021852, 0.0],
            [0.00496194, -0.00893064, -0.03075356, 0.0],
            [0.01026699, 0.01189859, -0.08226445, 0.0],
            [0.01455399, 0.02755155, -0.11732297, 0.0],
        ]
    ),
    sign=-1,
)


def _correlate(plane: NDArray, taps: NDArray[np.float64]) -> NDArray:
    return cv2.filter2D(plane, -1, taps, borderType=cv2.BORDER_REFLECT_101)


def _bands(plane: Plane) -> list[tuple[int, NDArray[np.float64]]]:
    """Returns the bands that VIF uses, cropped to whole blocks, each with the side of its channel window."""
    low = _correlate(plane.astype(np.float32), _FIRST_LOW)
    found = []
    for level in range(LEVELS):
        rows, columns = (size - size % BLOCK for size in low.shape)
        for taps in (_BAND, _BAND.T):
            found.append((2 ** (LEVELS - level) + 1, _correlate(low, taps)[:rows, :columns].astype(np.float64)))
        low = _correlate(low, _LOW)[::2, ::2]
    return found


def _sums(values: NDArray, side: int) -> NDArray:
    """Returns the sum over the window around the centre of each block."""
    sums = cv2.boxFilter(values, -1, (side, side), normalize=False, borderType=cv2.BORDER_REFLECT_101)
    return sums[BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK]


def _channel(x: NDArray[np.float64], y: NDArray[np.float64], side: int) -> tuple[NDArray, NDArray]:
    """Estimates the distortion y = g x + noise around each block; returns g and the noise's variance."""
    n = side * side
    sum_x, sum_y = _sums(x, side), _sums(y, side)
    cross = _sums(x * y, side) - sum_x * sum_y / n
    square_x = np.maximum(_sums(x * x, side) - sum_x * sum_x / n, 0)
    square_y = np.maximum(_sums(y * y, side) - sum_y * sum_y / n, 0)
    gain = cross / (square_x + TINY)
    variance = (square_y - gain * cross) / n
    flat_x, flat_y = square_x < TINY, square_y < TINY
    gain[flat_x] = 0
    variance[flat_x] = square_y[flat_x]
    gain[flat_y] = 0
    variance[flat_y] = 0
    opposed = gain < 0
    variance[opposed] = square_y[opposed]
    gain[opposed] = 0
    return gain, np.maximum(variance, TINY)


def _source(x: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Fits the Gaussian scale mixture to the reference; returns each block's scale and the covariance's eigenvalues."""
    rows, columns = x.shape
    size = BLOCK * BLOCK
    # All overlapping blocks shape the covariance; only those side by side get a scale.
    shifts = [x[k : rows - BLOCK + 1 + k, j : columns - BLOCK + 1 + j] for j in range(BLOCK) for k in range(BLOCK)]
    overlapping = np.stack([shift.ravel() for shift in shifts])
    covariance = np.cov(overlapping, bias=True)
    blocks = np.stack([x[k::BLOCK, j::BLOCK].ravel() for j in range(BLOCK) for k in range(BLOCK)])
    scale = np.einsum("ij,ij->j", np.linalg.pinv(covariance, rcond=1e-15) @ blocks, blocks) / size
    return scale.reshape(rows // BLOCK, columns // BLOCK), np.linalg.eigvalsh(covariance)


def vif(output: Image, reference: Image) -> float:
    """Returns the share of the reference's information that is left in the output; above 1 where contrast was gained.

    The order of the arguments matters: the normal-light picture is the reference.

    Raises:
        ValueError: the pictures are smaller than `SMALLEST` pixels on a side.
    """
    if min(output.shape[:2]) < SMALLEST:
        raise ValueError(f"VIF needs at least {SMALLEST} pixels on each side, got {output.shape[0]}x{output.shape[1]}")
    left = whole = 0.0
    for (side, x), (_, y) in zip(_bands(luma(reference)), _bands(luma(output)), strict=True):
        border = -(-(side // 2) // BLOCK)
        inner = (slice(border, -border), slice(border, -border))
        gain, variance = (values[inner] for values in _channel(x, y, side))
        scale, eigenvalues = _source(x)
        signal = scale[inner][..., None] * eigenvalues
        left += float(np.log2(1 + (gain * gain / (variance + NOISE))[..., None] * signal).sum())
        whole += float(np.log2(1 + signal / NOISE).sum())
    return left / (whole + TINY)


METRICS = (
    Metric(
        name="vif",
        label="VIF",
        direction="higher",
        needs_reference=True,
        unit="",
        definition="visual information fidelity, wavelet domain, grey; above 1 where contrast was gained",
        source="Sheikh and Bovik, IEEE TIP 2006, as pyiqa's vif",
        measure=lambda s: vif(s.output, s.target),
        order=70,
    ),
)
