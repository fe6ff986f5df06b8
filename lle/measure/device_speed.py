"""How fast methods are on one device, such as a GPU, by precision, compiled or not, and number of pictures at once; bytes to bytes."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lle.config.schema import BaseParams
from lle.engine.method import Method
from lle.errors import LleError, first_line
from lle.export.graph import Bytes, prepared
from lle.export.parity import pictures
from lle.infer.description import Precision
from lle.measure.backends import REFERENCE, SIZE, method_of
from lle.measure.callers import Run
from lle.measure.cost import FEWEST_RUNS
from lle.metrics.psnr import psnr
from lle.provenance import provenance
from lle.results.backends import DeviceSpeeds, DeviceTime

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Way:
    """How a method is run on the device.

    Attributes:
        precision: in which it computes.
        compiled: by torch.compile.
    """

    precision: Precision
    compiled: bool = False


WAYS = tuple(Way(precision, compiled) for compiled in (False, True) for precision in DTYPES)
BATCHES = (1, 16)


def measure(
    params: BaseParams,
    methods: Sequence[str],
    device: str,
    reports: Path = Path("reports"),
    models: Path = Path("build/models"),
    batches: Sequence[int] = BATCHES,
    ways: Sequence[Way] = WAYS,
    seconds: float = 1.0,
    on_done: Callable[[str, DeviceTime], None] | None = None,
) -> DeviceSpeeds:
    """Measures methods at 400 x 600 and writes `benchmarks/device_<device>.json`.

    Args:
        params: all settings.
        methods: ids, or `id:preset`; SCI is added, since its times are the unit.
        device: of torch, such as `cuda`.
        reports: receives the file.
        models: trained models; a method that has none is measured untrained, for weights do not change its time.
        batches: pictures at once.
        ways: precisions, compiled or not.
        seconds: longest time for the timed runs of one cell.
        on_done: called after each cell.

    Raises:
        LleError: the device cannot be used.
    """
    chosen = _device(device)
    found: dict[str, list[DeviceTime]] = {}
    for name in dict.fromkeys((REFERENCE, *methods)):
        _, method = method_of(params, name, models)
        found[name] = []
        for way, batch in itertools.product(ways, batches):
            unit = next((one for one in found[REFERENCE] if (one.precision, one.compiled, one.batch) == (*_key(way), batch)), None)
            cell = _measured(method, way, batch, chosen, seconds)
            base = cell.ms if name == REFERENCE else None if unit is None else unit.ms
            if cell.ms is not None and base is not None:
                cell = cell.model_copy(update={"ratio_to_sci": float(f"{cell.ms / base:.3g}")})
            found[name].append(cell)
            if on_done is not None:
                on_done(name, cell)
        # After each method: what was measured stays when the rest is interrupted.
        record = DeviceSpeeds.of(
            {
                "device": torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else chosen.type,
                "size": f"{SIZE[0]}x{SIZE[1]}",
                "methods": {done: [time.plain() for time in times] for done, times in found.items()},
                "provenance": provenance(
                    seed=None, data_digest=None, command=params.command("benchmark", "device", *methods, "--device", device)
                ),
            }
        )
        record.write(DeviceSpeeds.path(reports, chosen.type))
    return record


def _key(way: Way) -> tuple[str, bool]:
    return way.precision, way.compiled


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        raise LleError(f"the device '{name}' cannot be used on this machine. Use `cpu`, or a machine that has one.") from error
    return device


def _measured(method: Method, way: Way, batch: int, device: torch.device, seconds: float) -> DeviceTime:
    low = pictures((batch, *SIZE))
    cell = DeviceTime(precision=way.precision, compiled=way.compiled, batch=batch, ms=None)
    try:
        expected = _runner(prepared(method), Way("fp32"), device)(low[:1])
        run = _runner(prepared(method, DTYPES[way.precision]), way, device)
        given = run(low)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        spent: list[float] = []
        begin = time.perf_counter()
        while len(spent) < FEWEST_RUNS or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            run(low)
            spent.append(time.perf_counter() - start)
    except Exception as error:  # of a compiler or a driver, whose errors have no common class: it costs one cell, not the table
        reason = str(error) if isinstance(error, LleError) else f"{type(error).__name__}: {first_line(error)}"
        return cell.model_copy(update={"missing": reason})
    ms = 1000 * statistics.median(spent) / batch
    memory = torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None
    found = {
        "ms": float(f"{ms:.4g}"),
        "runs": len(spent),
        "memory_mb": None if memory is None else round(memory, 1),
        "psnr": round(psnr(given[0], expected[0]), 2),
    }
    return cell.model_copy(update=found)


def _runner(graph: Bytes, way: Way, device: torch.device) -> Run:
    """Returns what runs a method on the device, copies to and from it included; the copy back waits for the result."""
    module: Callable[[torch.Tensor], torch.Tensor] = graph.to(device)
    if way.compiled:
        module = torch.compile(graph)

    def run(low: NDArray[np.uint8]) -> NDArray[np.uint8]:
        with torch.inference_mode():
            result: NDArray[np.uint8] = module(torch.from_numpy(low).to(device)).contiguous().cpu().numpy()
        return result

    return run
