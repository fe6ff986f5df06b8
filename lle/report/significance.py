"""Which differences are established: paired tests between any two methods on a data set, and ranks over the data sets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lle.measure.quality import MIN_SCENES
from lle.metrics.bootstrap import Difference, paired_difference
from lle.report.columns import Column, metric
from lle.report.leaderboard import Table
from lle.results.quality import INPUT
from lle.results.read import Results

ALPHA = 0.05
"""Chance of one false claim in a whole table that the adjusted tests allow."""
RESAMPLES = 2000
"""Bootstrap resamples behind the interval of a difference."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values adjusted for the number of tests by Holm's step-down rule (Scand. J. Statist. 6, 1979), at most 1."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for step, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = highest
    return adjusted


@dataclass(frozen=True)
class Pair:
    """First method minus second.

    Attributes:
        difference: mean difference with its 95 % interval, and the p-value of one test.
        adjusted: p-value adjusted over the table.
        verdict: `better` or `worse` if the first one is, with `adjusted` below `ALPHA`; `open` otherwise.
    """

    difference: Difference
    adjusted: float
    verdict: str


@dataclass(frozen=True)
class Tests:
    """All pairs of one metric on one data set.

    Attributes:
        dataset: the data set.
        column: the metric.
        methods: in the order of the leaderboard.
        titles: names of the methods.
        pairs: by first and second method, both ways round.
        units: number of independent pieces of evidence: pictures, or scenes where there are enough.
        unit: `pictures` or `scenes`.
        scenes: number of photographed scenes; several pictures of one are no independent evidence.
        smallest: the smallest adjusted p-value that this number of pieces can give at all.
        left_out: methods whose pictures are not those of the others.
    """

    dataset: str
    column: Column
    methods: tuple[str, ...]
    titles: Mapping[str, str]
    pairs: Mapping[tuple[str, str], Pair]
    units: int
    unit: str
    scenes: int
    smallest: float
    left_out: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of tests."""
        return len(self.methods) * (len(self.methods) - 1) // 2


def _turned(difference: Difference) -> Difference:
    """Returns the difference the other way round."""
    interval = difference.difference
    low, high = interval.low, interval.high
    turned = type(interval)(-interval.mean, None if high is None else -high, None if low is None else -low, interval.n)
    return Difference(turned, difference.p_value)


def tests(results: Results, table: Table, key: str) -> Tests | None:
    """Compares all methods of a data set, the untouched input among them, by one metric.

    Returns:
        The tests, or None where fewer than two methods have the metric for the same pictures.
    """
    column = metric(key)
    tables = results.per_image.get(table.dataset, {})
    having = [row.method for row in table.rows if row.method in tables and tables[row.method].numbers(key)]
    if len(having) < 2 or column.better is None:
        return None
    images = tables[having[0]].images
    methods = tuple(method for method in having if tables[method].images == images)
    if len(methods) < 2:
        return None
    scenes = tables[methods[0]].scenes
    by_scene = len(set(scenes)) >= MIN_SCENES
    first_second = [(a, b) for i, a in enumerate(methods) for b in methods[i + 1 :]]
    found = [
        paired_difference(tables[a].numbers(key), tables[b].numbers(key), scenes if by_scene else None, resamples=RESAMPLES)
        for a, b in first_second
    ]
    sign = 1 if column.better == "higher" else -1
    pairs: dict[tuple[str, str], Pair] = {}
    for (a, b), difference, adjusted in zip(first_second, found, holm([d.p_value for d in found]), strict=True):
        gain = sign * difference.difference.mean
        verdict = "open" if adjusted >= ALPHA or gain == 0 else "better" if gain > 0 else "worse"
        pairs[a, b] = Pair(difference, adjusted, verdict)
        pairs[b, a] = Pair(_turned(difference), adjusted, {"better": "worse", "worse": "better", "open": "open"}[verdict])
    units = len(set(scenes)) if by_scene else len(images)
    return Tests(
        dataset=table.dataset,
        column=column,
        methods=methods,
        titles={method: results.title(method) for method in methods},
        pairs=pairs,
        units=units,
        unit="scenes" if by_scene else "pictures",
        scenes=len(set(scenes)),
        # All differences of one sign is the most extreme outcome of the signed-rank test: 2 of 2^n sign patterns.
        smallest=min(1.0, len(found) * 2.0 ** (1 - units)),
        left_out=tuple(results.title(method) for method in having if method not in methods),
    )


@dataclass(frozen=True)
class Ranks:
    """Ranks of the methods over the data sets.

    Attributes:
        column: the metric ranked by.
        datasets: the data sets that have it.
        ranks: by method, its rank on every data set; 1 is the best, equal means share their average rank.
        mean: by method, the mean of its ranks, best first.
        critical: difference of mean ranks that is significant at 5 % (Nemenyi; Demsar, JMLR 7, 2006, section 3.2.2).
        left_out: methods that were not evaluated on all of these sets.
    """

    column: Column
    datasets: tuple[str, ...]
    ranks: Mapping[str, tuple[float, ...]]
    mean: Mapping[str, float]
    critical: float
    left_out: tuple[str, ...]


def critical_difference(methods: int, datasets: int) -> float:
    """Returns Nemenyi's critical difference of mean ranks at 5 %."""
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(0.95, methods, math.inf)) / math.sqrt(2) * math.sqrt(methods * (methods + 1) / (6 * datasets))


def _shared_ranks(values: Mapping[str, float], higher: bool) -> dict[str, float]:
    order = sorted(values.values(), reverse=higher)
    return {method: order.index(value) + (order.count(value) + 1) / 2 for method, value in values.items()}


def ranks(results: Results, key: str) -> Ranks | None:
    """Ranks the methods on every data set that has a metric.

    Returns:
        The ranks, or None where fewer than two methods or two data sets are complete.
    """
    column = metric(key)
    means: dict[str, dict[str, float]] = {}
    for dataset, evaluations in results.evaluations.items():
        found = {m: e.metrics[key].mean for m, e in evaluations.items() if key in e.metrics and m != INPUT}
        values = {method: value for method, value in found.items() if value is not None}
        if values:
            means[dataset] = values
    everyone = sorted({method for values in means.values() for method in values})
    complete = [method for method in everyone if all(method in values for values in means.values())]
    if len(complete) < 2 or len(means) < 2 or column.better is None:
        return None
    ranked = [_shared_ranks({m: values[m] for m in complete}, column.better == "higher") for values in means.values()]
    by_method = {method: tuple(one[method] for one in ranked) for method in complete}
    mean = {method: sum(found) / len(found) for method, found in by_method.items()}
    order = sorted(complete, key=lambda method: (mean[method], method))
    return Ranks(
        column=column,
        datasets=tuple(means),
        ranks={method: by_method[method] for method in order},
        mean={method: mean[method] for method in order},
        critical=critical_difference(len(complete), len(means)),
        left_out=tuple(results.title(method) for method in everyone if method not in complete),
    )
