"""The service at more than it can do, beside the same model in a loop."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from lle.errors import LleError
from lle.files import significant
from lle.launch import ADDRESS, keep_freed_memory
from lle.measure.service_load import MOST_BYTES, Answer, Load, make_pictures
from lle.provenance import provenance
from lle.results.benchmarks import Growth, ServiceLoad

KEY = "LLE_SERVE_KEYS"
LEAST_SHARE = 0.85
"""Of the loop's throughput that the service must reach."""
MOST_GROWTH = 0.05
"""Of its memory that the service may grow by."""
LONG = 60.0
"""Seconds from which throughput and memory are judged: below, start-up weighs too much."""
_PATIENCE = 120.0
_COMMAND = "from lle.launch import main; main()"
"""What the installed command `lle` runs; `python -m lle.cli` would leave out what it does about freed memory."""


def measure(
    model: str | Path,
    models: Path,
    reports: Path = Path("reports"),
    seconds: float = 600.0,
    load: float = 2.0,
    threads: int = 1,
    batch: int = 1,
    seed: int = 0,
) -> ServiceLoad:
    """Runs the model in a loop and then `lle serve` under load, each in a process of its own, and writes `benchmarks/serve.json`.

    Args:
        model: a method's id, a model folder or an exported file.
        models: the folder of trained models.
        reports: receives the file.
        seconds: length of the load.
        load: good pictures that come, as a multiple of those that the loop does.
        threads: of the model.
        batch: pictures of several requests in one call of the model.
        seed: of sizes, contents and moments.

    Raises:
        LleError: the model cannot be loaded, or the service does not start.
    """
    with tempfile.TemporaryDirectory(prefix="lle-load-") as name:
        folder = Path(name)
        pictures = make_pictures(folder / "pictures", seed)
        each = min(30.0, max(0.5, seconds / 20))
        loops = [_loop(model, models, folder, threads, each)]
        rate = load * loops[0] / _mean_megapixels(pictures)
        expected = [folder / "expected" / f"{path.stem}.png" for path in pictures]
        place = str(models / model) if (models / model / "method.json").is_file() else str(model)
        with _service(place, folder, threads, batch) as (process, address, key):
            clients = Load(address, key, pictures, expected, rate, seconds, seed)
            with _watched(process.pid) as resident:
                answers = clients.run()
            busy = _model_seconds(address) / max(one.at for one in answers)
            faults = [*_last(process, clients), *_told(folder / "log", key)]
        if seconds >= LONG:
            loops.append(_loop(model, models, folder, threads, each))
        found = _judged(answers, resident, loops, pictures, seconds, faults)
    record = {
        "busy": significant(busy),
        "model": str(model),
        "seconds": seconds,
        "threads": threads,
        "batch": batch,
        "load": load,
        **found,
        "provenance": provenance(seed=seed, data_digest=None, command=f"lle benchmark serve {model} --seconds {seconds:g} --load {load:g}"),
    }
    return ServiceLoad.written(record, ServiceLoad.path(reports))


def _judged(
    answers: Sequence[Answer],
    resident: Sequence[float],
    loops: Sequence[float],
    pictures: Sequence[Path],
    seconds: float,
    faults: list[str],
) -> dict[str, object]:
    """Returns what was found as plain data."""
    by_kind: dict[str, Counter[str]] = {}
    for one in answers:
        by_kind.setdefault(one.kind, Counter())[str(one.status or "none")] += 1
    good = [one for one in answers if one.status == 200]
    if not good:
        raise LleError(f"no picture was enhanced: {next((one.fault for one in answers if one.fault), 'the load was too short')}")
    late = [one.seconds for one in answers if one.status == 429]
    megapixels = [_megapixels(path) for path in pictures]
    counted = [megapixels[one.number] for one in good if 0.1 * seconds <= one.at <= seconds]
    throughput, loop = sum(counted) / (0.9 * seconds), float(np.mean(loops))
    memory = _growth(resident)
    faults = [*(one.fault for one in answers if one.fault is not None), *faults]
    different = sum(one.same is False for one in answers)
    faults += [f"{different} results are not those of lle enhance"] if different else []
    if seconds >= LONG:
        faults += [f"throughput: {throughput / loop:.1%} of the loop, below {LEAST_SHARE:.0%}"] if throughput < LEAST_SHARE * loop else []
        grown = memory.growth_mb > MOST_GROWTH * memory.early_mb
        faults += [f"memory grew by {memory.growth_mb:g} MB of {memory.early_mb:g}, above {MOST_GROWTH:.0%}"] if grown else []
    return {
        "answers": dict(sorted(Counter(str(one.status) for one in answers if one.status is not None).items())),
        "kinds": {kind: dict(sorted(counts.items())) for kind, counts in sorted(by_kind.items())},
        "different": different,
        "median_s": significant(float(np.median([one.seconds for one in good]))),
        "p99_s": significant(float(np.quantile([one.seconds for one in good], 0.99))),
        "refusal_median_s": significant(float(np.median(late))) if late else None,
        "loop": significant(loop),
        "throughput": significant(throughput),
        "share": significant(throughput / loop),
        "memory": memory.plain(),
        "faults": faults,
    }


def _model_seconds(address: str) -> float:
    """Returns how long the model was at work, as the service's metrics tell."""
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        text = answer.read().decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("lle_model_seconds_sum"))


def _growth(values: Sequence[float]) -> Growth:
    tenth = max(1, len(values) // 10)
    early, late = float(np.median(values[tenth : 2 * tenth] or values)), float(np.median(values[-tenth:]))
    rounded = {"early_mb": early, "late_mb": late, "growth_mb": late - early, "peak_mb": max(values)}
    return Growth(**{name: round(value, 1) for name, value in rounded.items()})


def _megapixels(path: Path) -> float:
    from lle.data.images import size

    width, height = size(path)
    return width * height / 1e6


def _mean_megapixels(pictures: Sequence[Path]) -> float:
    return float(np.mean([_megapixels(path) for path in pictures]))


def _loop(model: str | Path, models: Path, folder: Path, threads: int, seconds: float) -> float:
    """Returns megapixels a second of the model in a loop, in a new process, which also writes what `lle enhance` makes."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_in_a_loop, model, models, folder, threads, seconds).result()


def _in_a_loop(model: str | Path, models: Path, folder: Path, threads: int, seconds: float) -> float:
    from lle.infer.enhancer import Enhancer
    from lle.infer.files import enhance_paths
    from lle.infer.pictures import read_photo

    keep_freed_memory()  # as `lle enhance` does
    enhancer = Enhancer.load(model, models=models, threads=threads)
    enhance_paths(enhancer, [folder / "pictures"], folder / "expected", force=True)
    pictures = [read_photo(path).colours for path in sorted((folder / "pictures").iterdir())]
    begun, done = time.perf_counter(), 0.0
    while time.perf_counter() - begun < seconds:
        for picture in pictures:
            enhancer.enhance(picture)
            done += picture.shape[0] * picture.shape[1] / 1e6
    return done / (time.perf_counter() - begun)


@contextmanager
def _service(model: str, folder: Path, threads: int, batch: int) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Has `lle serve` beside a block, and yields its process, address and key."""
    key = secrets.token_urlsafe(32)
    options = ["--port", "0", "--threads", str(threads), "--batch", str(batch), "--max-bytes", str(MOST_BYTES)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, "serve", model, *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**{name: value for name, value in os.environ.items() if name != ADDRESS}, KEY: key},
        )
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                process.wait()
                told = (folder / "log").read_text(encoding="utf-8").strip().splitlines()
                raise LleError(f"the service does not start: {told[-1] if told else f'exit code {process.returncode}'}")
            yield process, address, key
        finally:
            process.kill()
            process.wait()


@contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """Notes the resident memory of a process, MB, four times a second during a block."""
    values: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        process = psutil.Process(pid)
        while not ended.wait(0.25):
            try:
                values.append(process.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield values
    finally:
        ended.set()
        thread.join()


def _last(process: subprocess.Popen[str], clients: Load) -> Iterator[str]:
    """Asks the service to end while it works, and yields what it did wrong: it must answer what it took."""
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(clients.one, "good", len(clients.pictures) - 1) for _ in range(4)]
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        for answer in answers:
            if answer.result().status != 200:
                yield f"at the end: {answer.result().fault or answer.result().status}"
    try:
        code = process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        yield f"the service did not end within {_PATIENCE:g} s"
    else:
        if code != 128 + signal.SIGTERM:
            yield f"the service ended with {code}"


def _told(log: Path, key: str) -> Iterator[str]:
    """Yields what the log must not hold."""
    text = log.read_text(encoding="utf-8")
    if key in text:
        yield "the log holds the key"
    if "Traceback" in text or '"traceback"' in text:
        yield "the log holds a traceback"
