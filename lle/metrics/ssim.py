"""Structural similarity (Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, IEEE TIP 13(4), 2004)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from lle.metrics.metric import Metric
from lle.metrics.protocol import Image, luma

C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2

Smooth = Callable[[NDArray], NDArray]


def _gaussian(values: NDArray) -> NDArray:
    return cv2.GaussianBlur(values, (11, 11), 1.5, borderType=cv2.BORDER_REPLICATE)


def _uniform(values: NDArray) -> NDArray:
    return cv2.boxFilter(values, -1, (7, 7), borderType=cv2.BORDER_REPLICATE)


def ssim_map(x: NDArray, y: NDArray, smooth: Smooth = _gaussian, sample: float = 1.0, nonnegative: bool = False) -> NDArray[np.float64]:
    """Returns the map of local similarities, equation 13 of the paper, at every pixel.

    Args:
        x: H x W or H x W x C, values 0 to 255.
        y: the other picture, same shape.
        smooth: the local mean.
        sample: factor on variances and covariance; n / (n - 1) gives the unbiased ones of a window of n pixels.
        nonnegative: sets negative contrast-structure terms to 0, as pyiqa does and the paper does not.
    """
    if x.ndim == 3:
        # Channel by channel, and each result in the place of what it was made from: twice as fast, since a plane fits in the cache.
        planes = (ssim_map(x[..., c], y[..., c], smooth, sample, nonnegative) for c in range(x.shape[2]))
        return np.stack([*planes], axis=2)
    x, y = x.astype(np.float64, order="C"), y.astype(np.float64, order="C")
    mean_x, mean_y = smooth(x), smooth(y)
    product = mean_x * mean_y
    covariance = smooth(x * y)
    covariance -= product
    x *= x
    y *= y
    x += y
    # The formula needs the sum of the two variances only: one smoothing instead of two.
    variances = smooth(x)
    mean_x *= mean_x
    mean_y *= mean_y
    squares = np.add(mean_x, mean_y, out=mean_x)
    variances -= squares
    structure, brightness = covariance, product
    structure *= 2 * sample
    structure += C2
    variances *= sample
    variances += C2
    structure /= variances
    if nonnegative:
        np.maximum(structure, 0, out=structure)
    brightness *= 2
    brightness += C1
    squares += C1
    brightness /= squares
    brightness *= structure
    return brightness


def _inner(values: NDArray[np.float64], border: int) -> NDArray[np.float64]:
    if min(values.shape[:2]) <= 2 * border:
        raise ValueError(f"SSIM needs pictures larger than {2 * border} pixels on each side, got {values.shape[0]}x{values.shape[1]}")
    return values[border:-border, border:-border]


def ssim(x: Image | NDArray, y: Image | NDArray, nonnegative: bool = False) -> float:
    """Returns SSIM with a Gaussian window, 11 x 11, sigma 1.5, the mean over channels and over whole windows.

    Args:
        x: H x W x C or H x W, values 0 to 255.
        y: the other picture.
        nonnegative: see `ssim_map`.
    """
    return float(_inner(ssim_map(x, y, nonnegative=nonnegative), 5).mean())


def ssim_skimage(x: Image, y: Image) -> float:
    """Returns SSIM as `skimage.metrics.structural_similarity` does by default: uniform 7 x 7, unbiased covariance."""
    return float(_inner(ssim_map(x, y, smooth=_uniform, sample=49 / 48), 3).mean())


METRICS = (
    Metric(
        name="ssim",
        label="SSIM",
        direction="higher",
        needs_reference=True,
        unit="",
        definition="Gaussian window 11x11, sigma 1.5, mean over RGB and whole windows",
        source="Wang et al., IEEE TIP 2004",
        measure=lambda s: ssim(s.output, s.target),
        order=20,
    ),
    Metric(
        name="ssim_y",
        label="SSIM (Y)",
        direction="higher",
        needs_reference=True,
        unit="",
        definition="SSIM of the rounded grey pictures 0.299 R + 0.587 G + 0.114 B",
        source="Wang et al., IEEE TIP 2004",
        measure=lambda s: ssim(luma(s.output), luma(s.target)),
        order=30,
    ),
    Metric(
        name="ssim_skimage",
        label="SSIM (7x7)",
        direction="higher",
        needs_reference=True,
        unit="",
        definition="uniform window 7x7, unbiased covariance, mean over RGB",
        source="skimage.metrics.structural_similarity, defaults",
        measure=lambda s: ssim_skimage(s.output, s.target),
        order=40,
    ),
    Metric(
        name="ssim_gt_mean",
        label="SSIM, GT mean",
        direction="higher",
        needs_reference=True,
        unit="",
        definition="SSIM after the output got the reference's mean brightness",
        source="Retinexformer's test script; its authors warn against it",
        measure=lambda s: ssim(s.corrected, s.target),
        order=60,
    ),
)
