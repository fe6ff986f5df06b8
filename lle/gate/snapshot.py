"""What the gate looks at of a folder of results: values by picture, costs, shares of right answers, and the spread over runs."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lle.errors import LleError
from lle.files import read_json
from lle.metrics.registry import all_metrics

SEGMENTATION: Mapping[str, float] = {"iou": 0.01, "pixel_accuracy": 0.01}
"""Measures of a segmented picture, higher is better, and how much worse their mean may be."""
SHARES: Mapping[str, str] = {"clip/model.json": "retrieval_top1", "clip/darkness/*.json": "accuracy"}
"""Shares of right answers that the gate looks at, by the files that hold them."""
SPREAD = "studies/spread.json"
"""The study that trains and measures the suite with several seeds and instruction sets."""
ROUNDS = "benchmarks/latency.json"
"""The benchmark that times the suite again and again."""
MACHINE = ("accelerator", "cores", "cpu", "instructions")
"""What of a result's hardware must be equal for times to be compared."""

_KEYS = ("image", "scene", "width", "height")


@dataclass(frozen=True)
class Quality:
    """The per-picture values of a method on a data set.

    Attributes:
        data_digest: of the data set.
        images: the pictures' names.
        values: by metric, one value a picture; None where it has none.
        machine: the hardware, see `MACHINE`.
    """

    data_digest: str | None
    images: tuple[str, ...]
    values: Mapping[str, tuple[float | None, ...]]
    machine: Mapping[str, Any]


@dataclass(frozen=True)
class Timing:
    """A latency.

    Attributes:
        ms: median of the timed runs.
        threads: CPU threads.
        yardstick_ms: what the yardstick took beside it, None where it was not timed.
        others: share of the machine's cores that other programs took meanwhile, None where it is not known.
        machine: the hardware, see `MACHINE`.
    """

    ms: float
    threads: int
    yardstick_ms: float | None
    others: float | None
    machine: Mapping[str, Any]


@dataclass(frozen=True)
class Cost:
    """What a method costs; multiply-accumulates and latency by picture size."""

    parameters: int
    macs: Mapping[str, int | None]
    latency: Mapping[str, Timing]


@dataclass(frozen=True)
class Share:
    """A share of right answers: its name, its value, and the hardware, see `MACHINE`."""

    name: str
    value: float
    machine: Mapping[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """A folder of results.

    Attributes:
        quality: by `<data set>/<method>`, `zoo/<data set>/<name>` for weights of the package, or `segment/<data set>/<method>`.
        cost: by method.
        shares: by file, the one share that it holds.
        spread: means of a metric over the pictures, one a run of the study of the spread, by `<data set>/<method>` and metric.
        rounds: timings of one and the same model, by method and picture size.
    """

    quality: Mapping[str, Quality] = field(default_factory=dict)
    cost: Mapping[str, Cost] = field(default_factory=dict)
    shares: Mapping[str, Share] = field(default_factory=dict)
    spread: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    rounds: Mapping[str, Mapping[str, tuple[Timing, ...]]] = field(default_factory=dict)


def snapshot(reports: Path) -> Snapshot:
    """Reads a folder of results.

    Raises:
        LleError: a table is missing, or a file is damaged.
    """
    quality: dict[str, Quality] = {}
    for path in sorted(reports.glob("metrics/*/*.json")):
        images, values = per_picture(path.with_suffix(".csv"))
        quality[f"{path.parent.name}/{path.stem}"] = _quality(path, images, values)
    for path in sorted(reports.glob("zoo/metrics/*/*.json")):
        images, values = per_picture(path.with_suffix(".csv"))
        quality[f"zoo/{path.parent.name}/{path.stem}"] = _quality(path, images, values)
    for path in sorted(reports.glob("segment/*/*.json")):
        images, values = _segmented(path.with_suffix(".csv"))
        quality[f"segment/{path.parent.name}/{path.stem}"] = _quality(path, images, values)
    shares = {
        path.relative_to(reports).with_suffix("").as_posix(): Share(key, float(read_json(path)[key]), _machine(read_json(path)))
        for pattern, key in SHARES.items()
        for path in sorted(reports.glob(pattern))
    }
    cost = {path.stem: _cost(read_json(path)) for path in sorted(reports.glob("profile/*.json"))}
    return Snapshot(quality, cost, shares, _spread(reports / SPREAD), _rounds(reports / ROUNDS))


def per_picture(path: Path) -> tuple[tuple[str, ...], dict[str, tuple[float | None, ...]]]:
    """Reads a per-picture table: the pictures' names, and by metric with a direction its values."""
    rows = _rows(path)
    known = all_metrics()
    columns = [name for name in (rows[0] if rows else {}) if name not in _KEYS and name in known and known[name].direction != "none"]
    return tuple(row["image"] for row in rows), {name: tuple(_number(row[name]) for row in rows) for name in columns}


def _quality(path: Path, images: tuple[str, ...], values: Mapping[str, tuple[float | None, ...]]) -> Quality:
    record = read_json(path)
    return Quality(record.get("provenance", {}).get("data_digest"), images, values, _machine(record))


def _machine(record: Mapping[str, Any]) -> dict[str, Any]:
    hardware = record.get("provenance", {}).get("hardware") or {}
    return {key: hardware.get(key) for key in MACHINE}


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise LleError(f"{path} is missing, the per-image table of {path.with_suffix('.json').name}. Run dvc repro.")
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _segmented(path: Path) -> tuple[tuple[str, ...], dict[str, tuple[float | None, ...]]]:
    """Reads the counts of right and wrong pixels by class: the pictures' names, and by measure the values of every picture."""
    rows = _rows(path)
    names = [name.removesuffix("_tp") for name in (rows[0] if rows else {}) if name.endswith("_tp")]
    values: dict[str, list[float | None]] = {name: [] for name in SEGMENTATION}
    for row in rows:
        counts = [[int(row[f"{name}_{kind}"]) for kind in ("tp", "fp", "fn")] for name in names]
        found = [tp / (tp + fp + fn) for tp, fp, fn in counts if tp + fp + fn]
        known = sum(tp + fn for tp, _, fn in counts)
        values["iou"].append(math.fsum(found) / len(found) if found else None)
        values["pixel_accuracy"].append(sum(tp for tp, _, _ in counts) / known if known else None)
    return tuple(row["image"] for row in rows), {name: tuple(column) for name, column in values.items()}


def _cost(record: Mapping[str, Any]) -> Cost:
    return Cost(record["parameters"], record["macs"], _timings(record, _machine(record)))


def _timings(record: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, Timing]:
    return {
        size: Timing(timing["median"], timing["threads"], record.get("yardstick_ms"), timing.get("others"), machine)
        for size, timing in record["latency_ms"].items()
    }


def _rounds(path: Path) -> dict[str, dict[str, tuple[Timing, ...]]]:
    if not path.is_file():
        return {}
    record = read_json(path)
    found: dict[str, dict[str, tuple[Timing, ...]]] = {}
    for method, entries in record["methods"].items():
        timed = [_timings(entry, _machine(record)) for entry in entries]
        found[method] = {size: tuple(timings[size] for timings in timed) for size in timed[0]}
    return found


def _spread(path: Path) -> dict[str, dict[str, tuple[float, ...]]]:
    if not path.is_file():
        return {}
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    for variant in read_json(path)["variants"].values():
        for dataset, cells in variant["results"].items():
            means = {metric: tuple(float(run["mean"]) for run in cell.get("by_run", ())) for metric, cell in cells.items()}
            found[f"{dataset}/{variant['method']}"] = {metric: values for metric, values in means.items() if len(values) > 1}
    return found


def _number(cell: str) -> float | None:
    value = float(cell) if cell else math.nan
    return value if math.isfinite(value) else None
