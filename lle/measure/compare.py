"""Results of methods on one data set side by side, with the differences on the same pictures."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lle.errors import DataError, LleError
from lle.files import read_json
from lle.measure.quality import bootstrap_groups
from lle.metrics.bootstrap import LEVEL, paired_difference
from lle.metrics.metric import Metric
from lle.metrics.registry import all_metrics, select


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval, whose ends are None where the pictures are too few for one."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Score:
    """What one method reached in one metric.

    Attributes:
        metric: its name.
        method: the method's id.
        value: mean with interval, None where the metric has no value.
        difference: to the first method on the same pictures, None for that one and where one of both has no value.
    """

    metric: str
    method: str
    value: Estimate | None
    difference: Estimate | None


@dataclass(frozen=True)
class Comparison:
    """Results side by side; as a string, a table.

    Attributes:
        dataset: on which they were measured.
        images: number of test pictures.
        methods: in the given order; differences are to the first.
        scores: by metric, then by method.
    """

    dataset: str
    images: int
    methods: tuple[str, ...]
    scores: tuple[Score, ...]

    def __str__(self) -> str:
        lines = [f"{self.dataset}: {self.images} test pictures, means with {LEVEL:.0%} intervals"]
        if len(self.methods) > 1:
            lines[0] += f"; differences are to {self.methods[0]}, on the same pictures"
        cells = list(self._cells())
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
        return "\n".join(lines)

    def _cells(self) -> Iterator[tuple[str, ...]]:
        last = None
        for score in self.scores:
            label = "" if score.metric == last else f"{score.metric} {_arrow(all_metrics()[score.metric])}"
            last = score.metric
            yield label, score.method, *_text(score.value, ".4g"), *_text(score.difference, "+.3g", empty="")


def result_file(reports: Path, dataset: str, method: str) -> Path:
    """Returns the file with the means of a method on a data set; the values of its pictures are in the table beside it."""
    return reports / "metrics" / dataset / f"{method}.json"


def compare(methods: Sequence[str], dataset: str, reports: Path = Path("reports"), metrics: Sequence[str] = ()) -> Comparison:
    """Reads results and compares them picture by picture.

    Args:
        methods: ids, or `input`; differences are to the first.
        dataset: on which they were evaluated.
        reports: the results.
        metrics: names; none takes all that say which of two is better and have a value for one of the methods.

    Raises:
        LleError: a method was not evaluated on the data set.
        DataError: the methods were evaluated on different pictures.
        ConfigError: there is no such metric.
    """
    methods = tuple(dict.fromkeys(methods))
    absent = [method for method in methods if not result_file(reports, dataset, method).is_file()]
    if absent:
        commands = "; ".join(f"lle evaluate {method} {dataset}" for method in absent)
        raise LleError(f"not evaluated on {dataset}: {', '.join(absent)}. Evaluate with --run, or by hand: {commands}.")
    records = {method: read_json(result_file(reports, dataset, method)) for method in methods}
    tables = {method: _table(result_file(reports, dataset, method).with_suffix(".csv")) for method in methods}
    first = tables[methods[0]]
    for method in methods[1:]:
        if [line["image"] for line in tables[method]] != [line["image"] for line in first] or (
            records[method]["provenance"]["data_digest"] != records[methods[0]]["provenance"]["data_digest"]
        ):
            raise DataError(
                f"{methods[0]} and {method} were evaluated on different pictures of {dataset}. "
                f"Evaluate both again: lle evaluate {methods[0]} {dataset}; lle evaluate {method} {dataset}."
            )
    groups = bootstrap_groups([line["scene"] for line in first])
    chosen = [metric.name for metric in select(metrics or None) if metrics or metric.direction != "none"]
    scores: list[Score] = []
    for name in chosen:
        columns = {method: _column(tables[method], name) for method in methods}
        values = {method: _estimate(records[method]["metrics"].get(name)) for method in methods}
        if not metrics and not any(values.values()):
            continue
        for method in methods:
            own, other = columns[method], columns[methods[0]]
            difference = None
            if method != methods[0] and own is not None and other is not None:
                found = paired_difference(own, other, groups).difference
                difference = Estimate(found.mean, found.low, found.high)
            scores.append(Score(name, method, values[method], difference))
    return Comparison(dataset, len(first), methods, tuple(scores))


def _table(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except FileNotFoundError as error:
        raise LleError(f"{path}, the table of its pictures, does not exist. Evaluate the method again.") from error


def _column(table: Sequence[dict[str, str]], metric: str) -> list[float] | None:
    """Returns the values of all pictures, None if one of them has none."""
    cells = [line.get(metric) or "" for line in table]
    return [float(cell) for cell in cells] if all(cells) else None


def _estimate(cell: dict[str, Any] | None) -> Estimate | None:
    return None if cell is None or cell["mean"] is None else Estimate(cell["mean"], cell.get("low"), cell.get("high"))


def _text(estimate: Estimate | None, form: str, empty: str = "-") -> tuple[str, str]:
    if estimate is None:
        return empty, ""
    known = estimate.low is not None and estimate.high is not None
    return format(estimate.mean, form), f"[{estimate.low:{form}}, {estimate.high:{form}}]" if known else ""


def _arrow(metric: Metric) -> str:
    return {"higher": "↑", "lower": "↓", "none": ""}[metric.direction]
