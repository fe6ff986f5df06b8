"""Plain descriptions of a picture: brightness, contrast, entropy. No judgement of their own; an index may combine them."""

from __future__ import annotations

import numpy as np

from lle.metrics.metric import Metric
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


METRICS = (
    Metric(
        name="entropy",
        label="Entropy",
        direction="none",
        needs_reference=False,
        unit="bit",
        definition="Shannon entropy of the grey values' histogram",
        source="definition",
        measure=lambda s: entropy(s.output),
        order=150,
    ),
    Metric(
        name="brightness",
        label="Mean brightness",
        direction="none",
        needs_reference=False,
        unit="",
        definition="mean grey value, 0 to 255",
        source="definition",
        measure=lambda s: brightness(s.output),
        order=160,
        digits=1,
    ),
    Metric(
        name="contrast",
        label="Contrast",
        direction="none",
        needs_reference=False,
        unit="",
        definition="standard deviation of the grey values",
        source="definition",
        measure=lambda s: contrast(s.output),
        order=170,
        digits=1,
    ),
)
