"""How much a method flickers on clips whose motion is known exactly.

A clip is a window that moves over a dark picture by whole pixels, with fresh noise in every frame, as a camera's is: nothing else
changes, so every change of the result is flicker. Rendered clips of `lle render clips` have no exact motion.

The warping error is that of Lai et al. (Learning Blind Video Temporal Consistency, ECCV 2018), without its occlusions, of which a
moving window has none, and as a root mean square in levels of 255.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lle.data.images import read_rgb
from lle.data.pairs import Prepared
from lle.errors import DataError
from lle.files import significant
from lle.infer.enhancer import Enhancer
from lle.infer.frames import Frames
from lle.infer.smoothing import SECONDS
from lle.metrics.psnr import psnr
from lle.provenance import provenance
from lle.results.video import Flicker, Flickers

CLIPS, FRAMES = 6, 25
STEP = (1, 3)
"""Pixels down and right from frame to frame."""
NOISE = 1.5
"""Standard deviation of the noise that each frame adds, in levels of 255."""
RATE = 25
Clip = NDArray[np.uint8]
"""T x H x W x 3."""


def pan(picture: NDArray[np.uint8], frames: int = FRAMES, step: tuple[int, int] = STEP) -> Clip:
    """Returns a window that moves over a picture, frames x h x w x 3: pixel p + step of a frame is pixel p of the next one.

    Raises:
        DataError: the picture is too small for so many steps.
    """
    height, width = (side - (frames - 1) * by for side, by in zip(picture.shape[:2], step, strict=True))
    if min(height, width) < 32:
        raise DataError(
            f"a picture of {picture.shape[1]}x{picture.shape[0]} pixels is too small for {frames} steps of {step[1]}x{step[0]}. "
            "Name a set of larger pictures."
        )
    tops, lefts = (range(0, frames * by, by) if by else [0] * frames for by in step)
    return np.stack([picture[top : top + height, left : left + width] for top, left in zip(tops, lefts, strict=True)])


def warping_error(clip: Clip, step: tuple[int, int] = STEP) -> float:
    """Returns the root mean square difference of what two frames in a row both show, in levels of 255.

    Args:
        clip: T x H x W x 3, moved as by `pan`.
        step: pixels down and right from frame to frame.
    """
    down, right = step
    height, width = clip.shape[1:3]
    before = clip[:-1, down:, right:].astype(np.float32)
    after = clip[1:, : height - down, : width - right].astype(np.float32)
    return float(np.sqrt(np.mean((after - before) ** 2)))


def mean_sd(clip: Clip, step: tuple[int, int] = STEP) -> float:
    """Returns the standard deviation over time of the mean of what all frames show, in levels of 255.

    Args:
        clip: T x H x W x 3, moved as by `pan`.
        step: pixels down and right from frame to frame.
    """
    count, height, width = clip.shape[:3]
    kept = height - (count - 1) * step[0], width - (count - 1) * step[1]
    if min(kept) < 1:
        raise DataError("no part of the picture is in all frames: fewer frames or smaller steps are needed.")
    means = []
    for number, frame in enumerate(clip):
        top, left = ((count - 1 - number) * by for by in step)
        means.append(float(frame[top : top + kept[0], left : left + kept[1]].mean()))
    return float(np.std(means))


def measure(
    name: str,
    load: Callable[[], Enhancer] | None,
    prepared: Prepared,
    reports: Path = Path("reports"),
    clips: int = CLIPS,
    smooth: float = SECONDS,
    model: str | None = None,
) -> Flicker:
    """Measures the flicker of a method and writes `flicker/<method>.json`.

    Args:
        name: of the method, or `input`.
        load: makes the enhancer; None for `input`.
        prepared: a set of pairs; clips are made from test pictures, spread evenly over the split.
        reports: receives the file.
        clips: how many.
        smooth: time constant in seconds for methods that estimate parameters.
        model: as it was named; None takes the name.
    """
    rows = [row for row in prepared.rows("test") if row.low is not None and row.normal is not None]
    if not rows:
        raise DataError(f"the data set '{prepared.name}' has no pairs, against which enhanced clips could be compared.")
    chosen = [rows[index] for index in dict.fromkeys(np.linspace(0, len(rows) - 1, min(clips, len(rows))).round().astype(int).tolist())]
    pairs: list[tuple[Clip, Clip]] = []
    for number, row in enumerate(chosen):
        assert row.low is not None
        assert row.normal is not None
        noise = np.random.default_rng(number)
        still = pan(read_rgb(row.low))
        low = np.clip(np.rint(still + noise.normal(0, NOISE, still.shape)), 0, 255)
        pairs.append((low.astype(np.uint8), pan(read_rgb(row.normal))))
    alone, psnr_alone = _measured(load, pairs, 0.0)
    smoothed = psnr_smoothed = None
    if load is not None and Frames(load(), smooth=smooth).smooths:
        smoothed, psnr_smoothed = _measured(load, pairs, smooth)
    record = {
        "method": name,
        "dataset": prepared.name,
        "clips": len(pairs),
        "frames": FRAMES,
        "alone": alone.plain(),
        "smoothed": None if smoothed is None else smoothed.plain(),
        "smooth_seconds": smooth,
        "psnr_alone": psnr_alone,
        "psnr_smoothed": psnr_smoothed,
        "provenance": provenance(seed=0, data_digest=prepared.digest, command=f"lle flicker {model or name} {prepared.name}"),
    }
    found = Flicker.of(record)
    found.write(Flicker.path(reports, name))
    return found


def _measured(load: Callable[[], Enhancer] | None, pairs: Sequence[tuple[Clip, Clip]], smooth: float) -> tuple[Flickers, float]:
    warping, sd, quality = [], [], []
    for low, normal in pairs:
        clip = low
        if load is not None:
            frames = Frames(load(), smooth=smooth)
            clip = np.stack([frames(frame, number / RATE) for number, frame in enumerate(low)])
        warping.append(warping_error(clip))
        sd.append(mean_sd(clip))
        quality += [psnr(ours, theirs) for ours, theirs in zip(clip, normal, strict=True)]
    mean = {"warping": float(np.mean(warping)), "mean_sd": float(np.mean(sd))}
    return Flickers(**{key: significant(value) for key, value in mean.items()}), significant(float(np.mean(quality)))
