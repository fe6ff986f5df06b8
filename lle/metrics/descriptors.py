"""Plain descriptions of a picture: brightness, contrast, entropy. No judgement of their own; an index may combine them."""

from __future__ import annotations

import numpy as np

from lle.metrics.protocol import Image, luma


def brightness(image: Image) -> float:
    """Returns the mean grey value, 0 to 255."""
    return float(luma(image).mean())


def contrast(image: Image) -> float:
    """Returns the standard deviation of the grey values, 0 to 127.5."""
    return float(luma(image).std())


def entropy(image: Image) -> float:
    """Returns the Shannon entropy of the grey values' histogram in bits, 0 to 8."""
    counts = np.bincount(luma(image).astype(np.int64).ravel(), minlength=256)
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum()) + 0.0
