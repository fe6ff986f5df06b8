"""Peak signal-to-noise ratio."""

from __future__ import annotations

import cv2
import numpy as np

from lle.metrics.metric import Metric
from lle.metrics.protocol import Image

CEILING = 100.0
"""dB; equal pictures have no finite PSNR, and one such picture must not swallow the mean of a table."""


def psnr(output: Image, reference: Image) -> float:
    """Returns 10 log10(255^2 / MSE) in dB, the MSE over all pixels and channels together, at most `CEILING`."""
    # In whole numbers: the sum of squares stays below 2^53 for any picture.
    squares = float(cv2.norm(output, reference, cv2.NORM_L2SQR))
    if squares == 0:
        return CEILING
    return min(CEILING, float(10 * np.log10(255.0**2 * output.size / squares)))


METRICS = (
    Metric(
        name="psnr",
        label="PSNR",
        direction="higher",
        needs_reference=True,
        unit="dB",
        definition="10 log10(255²/MSE) over all pixels and RGB together, at most 100 dB",
        source="definition",
        measure=lambda s: psnr(s.output, s.target),
        order=10,
        digits=2,
    ),
    Metric(
        name="psnr_gt_mean",
        label="PSNR, GT mean",
        direction="higher",
        needs_reference=True,
        unit="dB",
        definition="PSNR after the output got the reference's mean brightness",
        source="Retinexformer's test script; its authors warn against it",
        measure=lambda s: psnr(s.corrected, s.target),
        order=50,
        digits=2,
    ),
)
