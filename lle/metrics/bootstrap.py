"""How sure a mean is: percentile bootstrap intervals, and tests of a difference between two methods on the same pictures."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000
LEVEL = 0.95
ONE = "no interval: one scene says nothing of others"


@dataclass(frozen=True)
class Interval:
    """A mean and the interval that holds it.

    Attributes:
        mean: mean of the values.
        low: lower end of the interval; None where all values are of one scene or picture, which says nothing of others.
        high: upper end; None likewise.
        n: number of values.
    """

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def reason(self) -> str | None:
        """Why there is no interval; None where there is one."""
        return ONE if self.low is None else None


@dataclass(frozen=True)
class Difference:
    """How two methods differ on the same pictures.

    Attributes:
        difference: mean of first minus second, with its interval.
        p_value: two-sided Wilcoxon signed-rank test of a median difference of 0; 1 where no value differs.
    """

    difference: Interval
    p_value: float


@functools.lru_cache(maxsize=8)
def draws(n: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """Returns how often each of n units is drawn in each resample: resamples x n."""
    generator = np.random.Generator(np.random.PCG64([seed, n]))
    return generator.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def bootstrap_mean(
    values: ArrayLike,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Returns the mean of a metric with a percentile bootstrap interval; the same arguments give the same interval.

    A single value or group has a mean and no interval.

    Args:
        values: one number a picture.
        groups: which pictures belong together, for example to one scene. Whole groups are then drawn, because pictures
            of a scene are no independent evidence. None draws single pictures.
        seed: of the draws.
        resamples: number of draws.
        level: share of the draws inside the interval.

    Raises:
        ValueError: there is no value, a value is not finite, or `groups` has another length.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or numbers.size == 0 or not np.isfinite(numbers).all():
        raise ValueError("a bootstrap needs a list of at least one finite number")
    sums, counts = numbers, np.ones(numbers.size)
    if groups is not None:
        if len(groups) != numbers.size:
            raise ValueError(f"{numbers.size} values but {len(groups)} groups")
        index = np.unique(np.asarray(groups), return_inverse=True)[1]
        sums, counts = (np.bincount(index, weights=weights).astype(np.float64) for weights in (numbers, counts))
    if sums.size == 1:
        return Interval(float(numbers.mean()), None, None, int(numbers.size))
    drawn = draws(sums.size, resamples, seed)
    means = (drawn @ sums) / (drawn @ counts)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(numbers.mean()), float(low), float(high), int(numbers.size))


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Difference:
    """Compares two methods picture by picture.

    Args:
        first: values of one method.
        second: values of the other one, on the same pictures in the same order.
        groups: see `bootstrap_mean`; the Wilcoxon test is then done on the groups' means.
        seed: of the draws.
        resamples: number of draws.
        level: share of the draws inside the interval.

    Raises:
        ValueError: the lists differ in length, are empty or hold a value that is not finite.
    """
    from scipy.stats import wilcoxon

    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"the methods have {a.size} and {b.size} values; they must be measured on the same pictures")
    change = a - b
    interval = bootstrap_mean(change, groups, seed, resamples, level)
    if groups is not None:
        index = np.unique(np.asarray(groups), return_inverse=True)[1]
        change = np.bincount(index, weights=change) / np.bincount(index)
    p_value = float(wilcoxon(change).pvalue) if np.any(change != 0) else 1.0
    return Difference(interval, p_value)
