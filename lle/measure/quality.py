"""Measures one method on one data set: a table by picture, means with intervals, a few sample pictures.

Nothing in the files depends on the clock, on the order in which threads end or on where the data lies, so the same outputs
give the same bytes.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lle.data.images import read_rgb, write_webp
from lle.data.pairs import Prepared, Row
from lle.errors import DataError, LleError
from lle.files import significant
from lle.infer.memory import give_back
from lle.metrics.bootstrap import LEVEL, RESAMPLES, bootstrap_mean
from lle.metrics.metric import Metric, Sample
from lle.metrics.protocol import PROTOCOL, Image, to_uint8
from lle.metrics.registry import select
from lle.results.quality import INPUT, Evaluation, LitFrames, PerImage

SAMPLE_SIDE = 480
"""Pixels of the longer side of a sample picture."""
SAMPLE_QUALITY = 85
MIN_SCENES = 10
"""With fewer scenes an interval over scenes means nothing, and single pictures are drawn instead."""

Enhance = Callable[[Image], NDArray]


def bootstrap_groups(scenes: Sequence[str]) -> Sequence[str] | None:
    """Returns which pictures a bootstrap draws together: those of a scene, or None for single ones where scenes are too few.

    Pictures of one single scene are drawn together: there is no interval then.
    """
    return scenes if len(set(scenes)) >= MIN_SCENES or len(set(scenes)) == 1 else None


def _rows(data: Prepared, split: str) -> list[tuple[Row, Path]]:
    """Returns the rows with an input, and that input."""
    rows = [(row, row.low) for row in data.rows(split) if row.low is not None]
    if not rows:
        raise DataError(f"data set '{data.name}' has no picture to enhance in its split '{split}', only references.")
    return rows


def as_picture(method: str, name: str, output: NDArray, low: Image) -> Image:
    """Returns what a method made of a picture as uint8.

    Raises:
        LleError: it has another shape than the input, or values that are no numbers.
    """
    if output.shape != low.shape:
        raise LleError(f"{method} made a picture of shape {output.shape} from '{name}', whose shape is {low.shape}.")
    if output.dtype == np.uint8:
        return output
    if not np.isfinite(output).all():
        raise LleError(f"{method} made NaN or infinite values from '{name}'. Train it again with a lower learning rate or other seed.")
    return to_uint8(output)


def _metric_values(sample: Sample, metrics: Sequence[Metric], name: str) -> tuple[dict[str, float], dict[str, str]]:
    """Returns the values of one picture, and why the other metrics have none."""
    values, reasons = {}, {}
    for metric in metrics:
        try:
            value = significant(metric.measure(sample))
        # How metrics, and the libraries below them, say that they are not defined for such a picture: a tiny, a flat or a black one.
        except (ValueError, RuntimeError, ArithmeticError, AssertionError, LookupError) as error:
            told = (str(error).strip().splitlines() or [type(error).__name__])[0]
            reasons[metric.name] = f"not defined for '{name}': {told}"
            continue
        if np.isfinite(value):
            values[metric.name] = value
        else:
            reasons[metric.name] = f"not a finite number for '{name}'"
    return values, reasons


def write_samples(folder: Path, pictures: Mapping[str, Image]) -> None:
    """Writes the pictures as WebP and removes those of an earlier evaluation."""
    for name, picture in pictures.items():
        write_webp(folder / f"{name}.webp", picture, SAMPLE_SIDE, SAMPLE_QUALITY)
    for old in folder.glob("*.webp"):
        if old.stem not in pictures:
            old.unlink()


def _sample_names(names: Sequence[str], count: int) -> list[str]:
    """Returns names spread evenly over the manifest, the same for every method."""
    return [names[i] for i in dict.fromkeys(np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int).tolist())]


def _unavailable(metrics: Sequence[Metric], paired: bool) -> dict[str, str]:
    """Returns the reason for each metric that has no value here."""
    reasons = {}
    for metric in metrics:
        reason = metric.missing()
        if metric.needs_reference and not paired:
            reason = "this data set has no normal-light references; it can be judged by no-reference metrics only"
        if reason is not None:
            reasons[metric.name] = reason
    return reasons


def _measured_pictures(
    method: str, enhance: Enhance, rows: Sequence[tuple[Row, Path]], metrics: Sequence[Metric], dataset: str, workers: int
) -> Iterator[tuple[Row, Sample, dict[str, float], dict[str, str]]]:
    """Yields each picture with its values, in order; measures some while the method works on the next."""
    waiting: deque[tuple[Row, Sample, Future[tuple[dict[str, float], dict[str, str]]]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for row, path in rows:
            low = read_rgb(path)
            reference = None if row.normal is None else read_rgb(row.normal)
            if reference is not None and reference.shape != low.shape:
                sizes = " and ".join(f"{image.shape[1]}x{image.shape[0]}" for image in (low, reference))
                raise DataError(f"'{row.image}' of data set '{dataset}' and its reference {row.normal} differ in size: {sizes}.")
            output = low if method == INPUT else as_picture(method, row.image, enhance(low.copy()), low)
            sample = Sample(output, low, reference)
            waiting.append((row, sample, pool.submit(_metric_values, sample, metrics, row.image)))
            # Few pictures are held at a time, however large the data set is.
            if len(waiting) > 2 * workers:
                done = waiting.popleft()
                yield done[0], done[1], *done[2].result()
        for done in waiting:
            yield done[0], done[1], *done[2].result()


def evaluate(
    method: str,
    enhance: Enhance,
    prepared: Prepared,
    *,
    split: str = "test",
    out: Path = Path("reports"),
    metrics: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    samples: int = 3,
    trained_on: str | None = None,
    resamples: int = RESAMPLES,
    confidence: float = LEVEL,
    seed: int = 0,
    workers: int | None = None,
    lit: LitFrames | None = None,
) -> Evaluation:
    """Measures a method on a split of a data set and writes the results.

    Args:
        method: its name in the tables; `input` measures the untouched input, `enhance` is not called then, and the samples of
            the references are written too.
        enhance: from a picture, H x W x 3 uint8 RGB, to the enhanced one: uint8, or floats in [0, 1], which are rounded.
        prepared: the data set.
        split: which part of it.
        out: folder of the results: `metrics/<dataset>/<method>.json` and `.csv`, `samples/<dataset>/<method>/*.webp`.
        metrics: names of the metrics; None measures all.
        provenance: see `lle.provenance`; the data set's digest is filled in where it is None.
        samples: number of sample pictures.
        trained_on: name of the training data, None for what was not trained.
        resamples: bootstrap draws behind each interval.
        confidence: share of the draws inside the interval.
        seed: of the draws.
        workers: threads that measure; None takes two where there are two cores.
        lit: what the method makes of lit pictures, see `lle.measure.lit`; written beside the metrics.

    Returns:
        What was written.

    Raises:
        DataError: a picture is missing or unreadable, or the split is empty; the message names it.
        LleError: the method gave a picture of another size, or NaN; the message names the picture.
    """
    rows = _rows(prepared, split)
    chosen = select(metrics)
    paired = all(row.normal is not None for row, _ in rows)
    missing = _unavailable(chosen, paired)
    measured = [metric for metric in chosen if metric.name not in missing]
    shown = _sample_names([row.image for row, _ in rows], samples)
    outputs: dict[str, Image] = {}
    references: dict[str, Image] = {}
    lines: list[dict[str, Any]] = []
    if workers is None:
        workers = min(2, os.cpu_count() or 1)
    for row, sample, values, reasons in _measured_pictures(method, enhance, rows, measured, prepared.name, workers):
        height, width = sample.low.shape[:2]
        cells = {metric.name: values.get(metric.name) for metric in measured}
        lines.append({"image": row.image, "scene": row.scene, "width": width, "height": height, **cells})
        for name, reason in reasons.items():
            missing.setdefault(name, reason)
        if row.image in shown:
            outputs[row.image] = sample.output
            if sample.reference is not None:
                references[row.image] = sample.reference
        give_back()

    scenes = [row.scene for row, _ in rows]
    groups = bootstrap_groups(scenes)
    unit = "pictures" if groups is None else "scenes"
    summary: dict[str, Any] = {name: {"mean": None, "missing": reason} for name, reason in missing.items()}
    for metric in measured:
        # A mean over some of the pictures only could not be compared with another method's.
        if metric.name not in missing:
            column = [line[metric.name] for line in lines]
            interval = bootstrap_mean(column, groups, seed, resamples, confidence)
            summary[metric.name] = {key: value if key == "n" else significant(value) for key, value in asdict(interval).items()}
    origin = dict(provenance or {})
    if origin.get("data_digest") is None:
        origin["data_digest"] = prepared.digest
    result = {
        "schema": Evaluation.SCHEMA,
        "method": method,
        "dataset": prepared.name,
        "split": split,
        "images": len(lines),
        "scenes": len(set(scenes)),
        "trained_on": trained_on,
        "protocol": {
            **PROTOCOL.as_dict(),
            "interval": f"{confidence:.0%} percentile bootstrap over {unit}",
        },
        "metrics": summary,
        **({} if lit is None else {"lit": lit.plain()}),
        "provenance": origin,
    }
    folder = Path(out) / "samples" / prepared.name
    write_samples(folder / method, outputs)
    if method == INPUT and paired:
        write_samples(folder / "normal", references)
    PerImage.write(PerImage.path(out, prepared.name, method), lines)
    return Evaluation.written(result, Evaluation.path(out, prepared.name, method))
