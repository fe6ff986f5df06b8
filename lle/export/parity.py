"""Whether an exported file gives what torch gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lle.errors import LleError, WeightsError
from lle.export.graph import Bytes
from lle.infer.description import Parity, Precision
from lle.metrics.psnr import psnr

SHAPES = ((1, 400, 600), (2, 96, 128), (1, 203, 331))
"""Pictures, height and width on which a file of open size is compared: a usual frame, a batch, odd sides."""
LARGEST = 1
"""Levels of 255 by which a pixel of an fp32 file may differ from torch's."""
PSNR = {"fp16": 45.0, "bf16": 32.0, "int8": 20.0}
"""PSNR in dB that files of less precision must reach against torch's fp32. For int8 the bound is that on validation pictures."""


def pictures(shape: tuple[int, int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Returns dark pictures with structure and noise, N x H x W x 3 uint8, the same each time."""
    count, height, width = shape
    rows, columns = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    smooth = 0.25 * rows + 0.2 * columns * np.array([1.0, 0.8, 0.6]) + 0.1 * np.sin(17 * rows) * np.cos(23 * columns)
    noise = np.random.default_rng(seed).normal(0, 0.02, (count, height, width, 3))
    return np.rint(255 * np.clip(smooth + noise, 0, 1)).astype(np.uint8)


def compare(
    run: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    reference: Bytes,
    size: tuple[int, int] | None,
    precision: Precision,
    shapes: Sequence[tuple[int, int, int]] = SHAPES,
) -> list[Parity]:
    """Compares an exported file with torch in fp32, on three shapes where its size is open, else on its own; dark and lit pictures.

    Bytes cannot say that a value was infinite or not a number: such a pixel would be black or white. So torch's values are looked at
    before they are rounded, and lit pictures, whose values are the largest, show what half precision cannot hold.

    Args:
        run: the file, N x H x W x 3 uint8 to the same.
        reference: the method in torch, fp32.
        size: height and width where they are fixed.
        precision: of the file, which sets the tolerance.
        shapes: pictures, height and width to compare on where the size is open.

    Raises:
        WeightsError: torch's values are not finite.
        LleError: they differ by more than the tolerance, or the file cannot be run at one of the shapes.
    """
    found = []
    for shape in shapes if size is None else ((1, *size),):
        # The ranges of int8 are those of dark pictures: what it loses is measured on validation pictures.
        dark = pictures(shape)
        lows = (dark,) if precision == "int8" else (dark, lighter(dark))
        found.append(min((_compared(run, reference, precision, low) for low in lows), key=lambda one: one.psnr))
    return found


def lighter(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns pictures three times as light, with parts that are white."""
    return np.minimum(3 * pictures.astype(np.uint16), 255).astype(np.uint8)


def _compared(
    run: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], reference: Bytes, precision: Precision, low: NDArray[np.uint8]
) -> Parity:
    with torch.inference_mode():
        values = reference.values(torch.from_numpy(low))
        if not bool(torch.isfinite(values).all()):
            raise WeightsError(
                "the method makes NaN or infinite values, which a file of bytes would show as black. Its weights are damaged or its "
                "training diverged: train it again with a lower learning rate, or import its weights again."
            )
        expected = reference.rounded(values).numpy()
    given = run(low)
    if given.shape != expected.shape or given.dtype != expected.dtype:
        raise LleError(f"the exported graph gives {given.shape} {given.dtype} for {expected.shape} {expected.dtype}.")
    largest = int(np.abs(given.astype(np.int16) - expected).max())
    value = psnr(given.reshape(-1, given.shape[2], 3), expected.reshape(-1, given.shape[2], 3))
    if largest > LARGEST if precision == "fp32" else value < PSNR[precision]:
        asked = f"at most {LARGEST} level" if precision == "fp32" else f"at least {PSNR[precision]:g} dB"
        raise LleError(
            f"the exported graph does not give what torch gives: {largest} levels and {value:.1f} dB apart at "
            f"{low.shape[1]}x{low.shape[2]}, where {asked} is asked for."
        )
    return Parity(shape=list(low.shape[:3]), largest=largest, psnr=round(value, 2))
