"""How fast methods are on the backends of this machine, from bytes to bytes, and which of these is the fastest for a model."""

from __future__ import annotations

import copy
import hashlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lle import registry
from lle.config.schema import BaseParams, method_settings
from lle.engine.method import Method
from lle.engine.model_io import load_model
from lle.errors import LleError, first_line
from lle.export.formats import ENDINGS
from lle.export.parity import pictures
from lle.export.run import Calibration, export
from lle.files import digest, significant, write_text
from lle.infer.backends import open_backend
from lle.infer.description import Format, Precision
from lle.infer.enhancer import Enhancer
from lle.infer.shipped import locate
from lle.keys import method_code
from lle.measure import energy, yardstick
from lle.measure.callers import WARM_UPS, Run, torch_threads, two_streams
from lle.measure.cost import FEWEST_RUNS, RUNS, peak_memory
from lle.metrics.psnr import psnr
from lle.provenance import hardware, provenance
from lle.results.backends import Backends, BackendTime, MethodTimes, Tuned

SIZE = (400, 600)
REFERENCE = "sci"
"""Method whose time is the unit: ratios can be compared between machines, milliseconds cannot."""

UNTRAINED = "there are no trained weights, and what int8 loses without them would say nothing"


@dataclass(frozen=True)
class Way:
    """A backend at a precision.

    Attributes:
        backend: its name in results.
        precision: in which it computes.
        format: of the file that it runs; None for a method in torch.
        layout: of a method in torch.
    """

    backend: str
    precision: Precision = "fp32"
    format: Format | None = None
    layout: torch.memory_format = torch.contiguous_format


EAGER = Way("torch")
CHANNELS_LAST = Way("torch channels_last", layout=torch.channels_last)
WAYS = (
    EAGER,
    CHANNELS_LAST,
    Way("torchscript", format="torchscript"),
    Way("onnxruntime", format="onnx"),
    Way("openvino", format="openvino"),
    Way("openvino", "fp16", "openvino"),
    Way("openvino", "bf16", "openvino"),
    Way("openvino", "int8", "openvino"),
)
"""What is measured. In half precision, processors compute through OpenVINO in single; TorchScript and ONNX Runtime are slower in it."""


def measure(
    params: BaseParams,
    methods: Sequence[str],
    reports: Path = Path("reports"),
    models: Path = Path("build/models"),
    seconds: float = 2.0,
    calibration: Calibration | None = None,
    on_done: Callable[[str, MethodTimes], None] | None = None,
    keep: Path | None = None,
) -> Backends:
    """Measures methods on every backend at 400 x 600, one picture at a time, and writes `benchmarks/backends.json`.

    Args:
        params: all settings.
        methods: ids, or `id:preset`; SCI is added, since its times are the unit.
        reports: receives the file.
        models: trained models; a method that has none is measured with weights of the package, or untrained: its time is the same.
        seconds: longest time for the timed runs of one backend.
        calibration: pictures for int8, in which only trained methods are measured; None leaves int8 out.
        on_done: called after each method.
        keep: folder for the exported files, which a later run of the same code and models takes from there; None keeps none.
    """
    threads = params.profile.threads or os.cpu_count() or 1
    found: dict[str, MethodTimes] = {}
    with torch_threads(threads), tempfile.TemporaryDirectory(prefix="lle-backends-") as scratch:
        work = yardstick.measure()
        reference: list[Runner] = []
        for name in dict.fromkeys((REFERENCE, *methods)):
            trained, method = method_of(params, name, models)
            usable = calibration if trained else None
            folder = _kept(keep or Path(scratch), method, name, usable)
            runners = list(runners_of(method.eval(), name, threads, folder, usable, again=False))
            if usable is not calibration:
                runners += [Runner(way, None, missing=UNTRAINED) for way in WAYS if way.precision == "int8"]
            reference = reference or runners
            found[name] = MethodTimes(trained=trained, times=timed(runners, seconds, reference, threads))
            # After each method: what was measured stays when the rest is interrupted.
            record = Backends.of(
                {
                    "size": f"{SIZE[0]}x{SIZE[1]}",
                    "threads": threads,
                    "methods": {done: row.plain() for done, row in found.items()},
                    "yardstick_ms": significant(work),
                    "provenance": provenance(seed=None, data_digest=None, command=params.command("benchmark", "backends", *methods)),
                }
            )
            record.write(Backends.path(reports))
            if on_done is not None:
                on_done(name, found[name])
    return record


def method_of(params: BaseParams, name: str, models: Path) -> tuple[bool, Method]:
    """Returns whether a method is trained, and the method; `id:preset` is a method with the settings of a preset, untrained."""
    known, given, preset = name.partition(":")
    presets = registry.config_class(known).presets
    if given and preset not in presets:
        raise LleError(f"'{known}' has no preset '{preset}'; it has {', '.join(sorted(presets))}.")
    place, _ = (known, "") if given else locate(known, models)
    if isinstance(place, Path):
        return True, load_model(place)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(params.seed)
        return False, registry.create(known, {"preset": preset} if given else method_settings(params, known))


@dataclass(frozen=True)
class Runner:
    """A method on a backend, or why it does not run there.

    Attributes:
        way: the backend.
        run: None where it does not run.
        psnr: of its result against eager torch's, dB.
        memory_mb: that a call needs, 10^6 bytes.
        missing: why it does not run.
        open: loads it once more, for as many threads.
    """

    way: Way
    run: Run | None
    psnr: float | None = None
    memory_mb: float | None = None
    missing: str | None = None
    open: Callable[[int], Run] | None = None


def runners_of(
    method: Method,
    name: str,
    threads: int,
    folder: Path,
    calibration: Calibration | None = None,
    chosen: Sequence[Way] | None = None,
    again: bool = True,
) -> Iterator[Runner]:
    """Exports and loads one method for each backend.

    Args:
        method: in evaluation mode.
        name: its id.
        threads: of the processor.
        folder: receives the exported files.
        calibration: pictures for int8; None leaves int8 out.
        chosen: backends; None takes all.
        again: whether to export what is in the folder already.
    """
    picture = pictures((1, *SIZE))
    expected = Enhancer(method, name).enhance(picture[0])
    for way in WAYS if chosen is None else chosen:
        if way.precision == "int8" and calibration is None:
            continue
        try:
            load = _open(method, name, way, folder, calibration, again)
            run = load(threads)
            given = np.array(run(picture)[0])
        except LleError as error:
            yield Runner(way, None, missing=str(error))
            continue
        except Exception as error:  # of NNCF and the backends, whose errors have no common class: it costs one cell, not the table
            yield Runner(way, None, missing=f"{type(error).__name__}: {first_line(error)}")
            continue
        memory = peak_memory(lambda run=run: run(picture))  # type: ignore[misc]
        yield Runner(way, run, round(psnr(given, expected), 2), None if memory is None else round(memory, 1), open=load)


def timed(runners: Sequence[Runner], seconds: float, reference: Sequence[Runner] = (), threads: int | None = None) -> list[BackendTime]:
    """Times backends in turn, so that what else the machine does hits all alike.

    Args:
        runners: of one method, the first of them eager torch.
        seconds: for each backend, and at least `FEWEST_RUNS` rounds.
        reference: of the method whose time is the unit, called in the same rounds.
        threads: that two callers at once share; None leaves them out, and energy too.
    """
    picture = pictures((1, *SIZE))
    calls = {id(runner): runner.run for runner in (*runners, *reference) if runner.run is not None}
    spent: dict[int, list[float]] = {key: [] for key in calls}
    for run in WARM_UPS * list(calls.values()):
        run(picture)
    start = time.perf_counter()
    while True:
        for key, run in calls.items():
            begin = time.perf_counter()
            run(picture)
            spent[key].append(time.perf_counter() - begin)
        rounds = len(next(iter(spent.values())))
        if rounds >= FEWEST_RUNS and (rounds >= RUNS or time.perf_counter() - start > seconds * len(calls)):
            break
    median = {key: 1000 * statistics.median(values) for key, values in spent.items()}
    unit = {(runner.way.backend, runner.way.precision): median[id(runner)] for runner in reference if runner.run is not None}
    eager = median.get(id(runners[0]))
    joules = {} if threads is None else energy.joules({key: calls[key] for runner in runners if (key := id(runner)) in calls}, picture)
    found = []
    for runner in runners:
        way, ms = runner.way, median.get(id(runner))
        if ms is None:
            found.append(BackendTime(backend=way.backend, precision=way.precision, ms=None, missing=runner.missing))
            continue
        base = unit.get((way.backend, way.precision))
        found.append(
            BackendTime(
                backend=way.backend,
                precision=way.precision,
                ms=float(f"{ms:.4g}"),
                runs=len(spent[id(runner)]),
                ratio_to_sci=None if base is None else float(f"{ms / base:.3g}"),
                speed_up=None if eager is None else float(f"{eager / ms:.3g}"),
                memory_mb=runner.memory_mb,
                psnr=runner.psnr,
                two_streams_per_s=None if threads is None or runner.open is None else two_streams(runner.open, threads, picture, seconds),
                energy_j=joules.get(id(runner)),
            )
        )
    return found


def _open(method: Method, name: str, way: Way, folder: Path, calibration: Calibration | None, again: bool) -> Callable[[int], Run]:
    """Returns what loads a method on a backend, for as many threads; files are written now."""
    if way.format is None:

        def load(_: int) -> Run:
            # A method may remember what it saw before, so every caller has its own.
            enhancer = Enhancer(copy.deepcopy(method).to(memory_format=way.layout), name)
            return lambda low: enhancer.enhance(low[0])[None]

        return load
    path = exported(folder, name, way)
    refused = path.with_name(f"{path.name}.refused")
    if again or not (path.is_file() or refused.is_file()):
        try:
            export(method, name, path, way.format, way.precision, calibration=calibration)
        except LleError as error:
            if not again:  # accuracy control takes minutes to find that too much is lost
                write_text(refused, str(error))
            raise
    if not path.is_file():
        raise LleError(refused.read_text(encoding="utf-8"))
    return lambda threads: open_backend(path, threads=threads).run


def exported(folder: Path, name: str, way: Way) -> Path:
    """Returns where the file of a way is kept."""
    assert way.format is not None
    return folder / f"{name.replace(':', '-')}-{way.precision}{ENDINGS[way.format]}"


def _kept(keep: Path, method: Method, name: str, calibration: Calibration | None) -> Path:
    """Returns the folder of a model's exported files, one a choice of pictures, and removes those of other states of model or code."""
    code = method_code(name.partition(":")[0], method.config, ["lle.export.run:export"])
    state = keep / name.replace(":", "-") / digest({"model": model_digest(method), "code": code})[:16]
    for other in set(state.parent.glob("*")) - {state}:
        shutil.rmtree(other)
    folder = state / "float"
    if calibration is not None:
        pairs = (*calibration.calibration, *calibration.validation)
        folder = state / digest([calibration.allowed_db, *(hashlib.sha256(pair.low.tobytes()).hexdigest() for pair in pairs)])[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tune(method: Method, name: str, folder: Path, seconds: float = 1.0) -> Tuned:
    """Finds the fastest way to run a model on this machine that gives what torch gives, and keeps it with its file in the folder.

    Args:
        method: with its weights.
        name: its id.
        folder: receives `<name>.json` and the exported files.
        seconds: longest time for the timed runs of one backend.
    """
    cores = os.cpu_count() or 1
    chosen = [way for way in WAYS if way.precision == "fp32"]
    times: list[tuple[int, Way, BackendTime]] = []
    for threads in sorted({1, cores}):
        with torch_threads(threads):
            runners = list(runners_of(method.eval(), name, threads, folder, chosen=chosen))
            measured = [time.model_copy(update={"threads": threads}) for time in timed(runners, seconds)]
            times += [(threads, way, time) for way, time in zip(chosen, measured, strict=True)]
    threads, way, best = min((entry for entry in times if entry[2].ms is not None), key=lambda entry: entry[2].ms or 0)
    record = Tuned.of(
        {
            "method": name,
            "model": model_digest(method),
            "cpu": str(hardware()["cpu"]),
            "size": f"{SIZE[0]}x{SIZE[1]}",
            "file": None if way.format is None else exported(folder, name, way).name,
            "backend": best.backend,
            "threads": threads,
            "times": [time.plain() for _, _, time in times],
        }
    )
    record.write(Tuned.path(folder, name))
    return record


def model_digest(method: Method) -> str:
    """Returns a digest of a model's settings and weights."""
    weights: dict[str, Any] = {
        key: hashlib.sha256(value.detach().cpu().contiguous().numpy().tobytes()).hexdigest() for key, value in method.state_dict().items()
    }
    return digest({"settings": method.config.model_dump(mode="json"), "weights": weights})
