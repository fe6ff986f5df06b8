"""What does each of JCRNet's stages add? Numbers about a trained JCRNet, for `lle mechanism jcrnet`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from lle.engine.probe import Measure, Probe
from lle.engine.validation import psnr
from lle.methods.jcrnet.network import JCRNet

STAGES = ("input", "1: correct", "2: refine", "3: adjust")
GAIN = 0.0
"""Least gain of the last stage over the first one, in dB."""


@torch.no_grad()
def measure(probe: Probe) -> Iterator[Measure]:
    """Yields the PSNR of the input and of the picture after each of the three stages, and what the last adds to the first.

    Only the first and the last picture are compared with the reference in training; what stands between them is free.
    """
    network = probe.method.network
    assert isinstance(network, JCRNet)
    scores = []
    for low, normal in probe.validation_pairs():
        even = (..., slice(low.shape[-2] // 2 * 2), slice(low.shape[-1] // 2 * 2))
        low, normal = low[even], normal[even]
        last, first = network.stages(low)
        scores.append([psnr(picture, normal) for picture in (low, first, network.illumination(first), last)])
    means = np.mean(scores, axis=0)
    for stage, mean in zip(STAGES, means, strict=True):
        yield Measure("psnr", "PSNR of the picture after a stage, on validation pairs", float(mean), "dB", stage)
    yield Measure("gain", "Gain of the last stage over the first", float(means[3] - means[1]), "dB", "", GAIN)
