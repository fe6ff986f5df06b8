"""Mean intersection over union: what a segmentation agrees with the truth on, class by class, pooled over all pictures."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lle.errors import LleError
from lle.metrics.bootstrap import LEVEL, RESAMPLES, Interval, draws

IGNORE = 255
"""Value of a truth that belongs to no class."""
COLUMNS = ("tp", "fp", "fn")
"""What `counts` counts; in the tables of single pictures a column is called `<class>_<one of these>`."""


def counts(truth: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """Counts the pixels of one picture.

    Args:
        truth: H x W class indices, 255 where a pixel is not judged.
        predicted: H x W class indices.
        classes: number of classes.

    Returns:
        classes x 3: true positives, false positives and false negatives of each class.

    Raises:
        ValueError: the sizes differ, or an index is of no class.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"the truth is {truth.shape}, the prediction {predicted.shape}")
    judged = truth != IGNORE
    pairs = truth[judged].astype(np.int64) * classes + predicted[judged]
    if pairs.size and (max(truth[judged].max(), predicted[judged].max()) >= classes):
        raise ValueError(f"a class index is above {classes - 1}")
    confusion = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    right = np.diagonal(confusion)
    return np.stack([right, confusion.sum(0) - right, confusion.sum(1) - right], axis=1)


def iou(pooled: NDArray) -> NDArray[np.float64]:
    """Intersection over union TP / (TP + FP + FN) of each class, pooled over pictures.

    Args:
        pooled: ... x classes x 3, see `counts`, summed over pictures.

    Returns:
        ... x classes, in [0, 1]; NaN for a class without a pixel in the truth, whatever was predicted: every method is then
        averaged over the same classes.
    """
    right, false, missed = np.moveaxis(np.asarray(pooled, dtype=np.float64), -1, 0)
    present = right + missed > 0
    return np.where(present, right / np.where(present, right + false + missed, 1), np.nan)


def mean_iou(pooled: NDArray, listed: Sequence[int] | None = None) -> NDArray[np.float64]:
    """Mean of `iou` over the classes that occur in the truth.

    Args:
        pooled: ... x classes x 3.
        listed: indices of the classes to average over; None takes all.

    Returns:
        The means, one for each leading index; NaN where no class occurs.
    """
    values = iou(pooled)[..., slice(None) if listed is None else list(listed)]
    number = (~np.isnan(values)).sum(-1)
    return np.where(number > 0, np.nansum(values, -1) / np.maximum(number, 1), np.nan)


def bootstrap_mean_iou(
    pictures: NDArray, listed: Sequence[int] | None = None, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Interval:
    """Mean IoU with a percentile bootstrap interval over pictures; the same arguments give the same interval.

    Args:
        pictures: N x classes x 3, see `counts`.
        listed: see `mean_iou`.
        seed: of the draws.
        resamples: number of draws.
        level: share of the draws inside the interval.
    """
    if len(pictures) == 1:
        return Interval(float(mean_iou(pictures.sum(0), listed)), None, None, 1)
    drawn = _resampled(pictures, listed, seed, resamples)
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(mean_iou(pictures.sum(0), listed)), float(low), float(high), len(pictures))


def paired_mean_iou(
    first: NDArray,
    second: NDArray,
    listed: Sequence[int] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Mean IoU of the first minus that of the second on the same pictures, both drawn alike in every resample.

    Raises:
        ValueError: the two were not measured on equally many pictures and classes.
    """
    if first.shape != second.shape:
        raise ValueError(f"the methods have {first.shape} and {second.shape} counts; they must be measured on the same pictures")
    difference = float(mean_iou(first.sum(0), listed) - mean_iou(second.sum(0), listed))
    if len(first) == 1:
        return Interval(difference, None, None, 1)
    change = _resampled(first, listed, seed, resamples) - _resampled(second, listed, seed, resamples)
    low, high = np.nanquantile(change, [(1 - level) / 2, (1 + level) / 2])
    return Interval(difference, float(low), float(high), len(first))


def _resampled(pictures: NDArray, listed: Sequence[int] | None, seed: int, resamples: int) -> NDArray[np.float64]:
    number, classes = pictures.shape[:2]
    pooled = draws(number, resamples, seed) @ pictures.reshape(number, -1).astype(np.float64)
    return mean_iou(pooled.reshape(resamples, classes, 3), listed)


def read_counts(path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Reads the counts of every picture back.

    Args:
        path: `reports/segment/<dataset>/<method>.csv`.

    Returns:
        Names of the pictures, names of the classes, and counts: pictures x classes x 3.

    Raises:
        LleError: the file is not such a table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        names = [key.removesuffix("_tp") for key in rows[0] if key.endswith("_tp")]
        values = [[[int(row[f"{name}_{column}"]) for column in COLUMNS] for name in names] for row in rows]
        return [row["image"] for row in rows], names, np.array(values, np.int64)
    except (OSError, LookupError, ValueError) as error:
        raise LleError(f"{path} cannot be read: {error}. Run `lle segment {path.stem} {path.parent.name}` again.") from error
