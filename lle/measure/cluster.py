"""How fast pictures go through a Ray cluster of this machine, beside plain processes that share nothing."""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import fmean

import numpy as np

from lle.cluster.enhance import enhance
from lle.cluster.manifest import Line
from lle.cluster.model import PackedModel
from lle.cluster.place import Place
from lle.cluster.session import local
from lle.data.images import write_png
from lle.errors import LleError
from lle.files import significant
from lle.infer.files import Output, enhance_plan
from lle.launch import keep_freed_memory
from lle.measure.load import Others
from lle.provenance import provenance
from lle.results.cluster import RaySpeed

SIZE = (400, 600)
_PATIENCE = 600.0
"""Seconds until a process that waits for the others gives up."""


def measure(
    name: str,
    model: PackedModel,
    reports: Path = Path("reports"),
    pictures: int = 200,
    workers: int = 2,
    size: tuple[int, int] = SIZE,
) -> RaySpeed:
    """Enhances synthetic pictures with plain processes and on a local Ray cluster, one and several, and writes `benchmarks/ray.json`.

    Args:
        name: of the model, for the record.
        model: of one thread.
        reports: receives the file.
        pictures: number of pictures for each process.
        workers: processes.
        size: height and width of the pictures.

    Raises:
        LleError: ray is missing, or pictures failed.
    """
    with tempfile.TemporaryDirectory(prefix="lle-ray-") as place:
        folder = Path(place)
        _write(folder / "in", pictures * workers, size)
        # Plain processes before and after, so that a machine that becomes slower or faster meanwhile does not favour one of the two.
        alone, together = [rate(_plain(model, folder, pictures, 1))], []
        with Others() as others:
            together.append(rate(_plain(model, folder, pictures, workers)))
        begun = time.time()
        with local(workers):
            several = _on_ray(model, folder, pictures, workers)
            start = min(min(times) for times in several.values()) - begun
            one = _on_ray(model, folder, pictures, 1)
        alone.append(rate(_plain(model, folder, pictures, 1)))
        together.append(rate(_plain(model, folder, pictures, workers)))
    plain_alone, plain_together, ray_alone, ray_together = fmean(alone), fmean(together), rate(one), rate(several)
    record = {
        "model": name,
        "size": f"{size[0]}x{size[1]}",
        "pictures": pictures,
        "workers": workers,
        "alone": significant(plain_alone),
        "ray_alone": significant(ray_alone),
        "overhead_ms": significant(1000 * (1 / ray_alone - 1 / plain_alone)),
        "together": significant(plain_together),
        "ray_together": significant(ray_together),
        "share": significant(ray_together / plain_together),
        "scaling": significant(ray_together / ray_alone),
        "start_s": significant(start),
        "others": None if others.share is None else round(others.share, 3),
        "provenance": provenance(seed=0, data_digest=None, command=f"lle benchmark ray {name} --pictures {pictures} --workers {workers}"),
    }
    return RaySpeed.written(record, RaySpeed.path(reports))


def rate(ended: Mapping[str, Sequence[float]]) -> float:
    """Returns pictures a second of all processes together.

    Args:
        ended: by process, when it was done with each picture, in seconds; a process with a single picture counts for nothing.
    """
    return sum((len(times) - 1) / (max(times) - min(times)) for times in ended.values() if len(times) > 1)


def _write(folder: Path, count: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for number in range(count):
        light = np.linspace(5, 60 + number % 40, size[1])[None, :, None]
        write_png(folder / f"{number:05}.png", (light + rng.integers(0, 8, (*size, 3))).astype(np.uint8))


def _plain(model: PackedModel, folder: Path, pictures: int, processes: int) -> dict[str, list[float]]:
    """Returns when each of some processes was done with each picture; all begin when all have their model."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        ready = manager.Barrier(processes, None, _PATIENCE)
        with ProcessPoolExecutor(processes, context) as pool:
            parts = [pool.submit(_one, model, folder, number * pictures, pictures, ready) for number in range(processes)]
            return {str(number): part.result() for number, part in enumerate(parts)}


def _one(model: PackedModel, folder: Path, first: int, count: int, ready: threading.Barrier) -> list[float]:
    import cv2

    keep_freed_memory()  # as `lle enhance` does
    enhancer = model.load()
    cv2.setNumThreads(model.threads)
    plan = [(folder / "in" / f"{number:05}.png", folder / "plain" / f"{number:05}.png") for number in range(first, first + count)]
    ready.wait()
    return [_good(time.time(), failure) for _, _, failure in enhance_plan(enhancer, plan, Output())]


def _good(now: float, failure: str | None) -> float:
    if failure is not None:
        raise LleError(failure)
    return now


def _on_ray(model: PackedModel, folder: Path, pictures: int, workers: int) -> dict[str, list[float]]:
    """Returns when each process of Ray's was done with each picture."""
    lines: list[Line] = []
    inputs = [str(folder / "in" / f"{number:05}.png") for number in range(pictures * workers)]
    done = enhance(model, inputs, Place(str(folder / f"ray-{workers}")), Output(), workers, on_line=lambda _, __, line: lines.append(line))
    if done.failed:
        raise LleError(done.failures[0])
    return _by_worker(lines)


def _by_worker(lines: Iterable[Line]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for line in lines:
        if line.ended is not None:
            found.setdefault(line.worker or "", []).append(float(line.ended))
    return found
