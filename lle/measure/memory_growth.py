"""Memory of `lle enhance` and `lle evaluate` over many pictures of many sizes: it must not grow."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lle.errors import LleError
from lle.measure import processes
from lle.provenance import provenance
from lle.results.benchmarks import Growth, MemoryGrowth

SIDES = (48, 400)
"""Shortest and longest side of the pictures, pixels: each size asks the allocator for other blocks."""
METHOD = "zero_dce"
WARM_UP = 60
"""Pictures before those that count, while the allocator, OpenCV and oneDNN fill what they keep."""
_STATM = Path("/proc/self/statm")


def measure(
    reports: Path = Path("reports"), pictures: int = 1000, seed: int = 0, sides: tuple[int, int] = SIDES, warm_up: int = WARM_UP
) -> MemoryGrowth:
    """Enhances and evaluates as many pictures, each command in a process of its own, and writes `benchmarks/memory.json`.

    Args:
        reports: receives the file.
        pictures: how many count; 20 or more.
        seed: of sizes and contents.
        sides: shortest and longest side of the pictures, pixels.
        warm_up: pictures before those that count.

    Returns:
        What was written: the resident memory of both commands early and late, and the difference.

    Raises:
        LleError: the system does not tell how much memory a process has (all but Linux), or the process ended early.
    """
    if not _STATM.is_file():
        raise LleError(f"{_STATM} is not there: the memory of a process can be read on Linux alone.")
    commands = {}
    with tempfile.TemporaryDirectory(prefix="lle-memory-") as folder:
        _make_pairs(Path(folder) / "pairs", pictures, seed, sides, warm_up)
        for name, command in {"enhance": _enhance, "evaluate": _evaluate}.items():
            commands[name] = growth(_apart(command, Path(folder))[warm_up:])
    record = {
        "pictures": pictures,
        "sides": list(sides),
        "method": METHOD,
        "commands": {name: one.plain() for name, one in commands.items()},
        "provenance": provenance(seed=seed, data_digest=None, command=f"lle benchmark memory --pictures {pictures}"),
    }
    found = MemoryGrowth.of(record)
    found.write(MemoryGrowth.path(reports))
    return found


def _windows(count: int) -> tuple[range, range]:
    """The pictures at which memory is compared: the second tenth and the last."""
    tenth = max(1, count // 10)
    return range(tenth, 2 * tenth), range(count - tenth, count)


def growth(values: Sequence[float]) -> Growth:
    """Compares values of resident memory, in MB, early and late."""
    early, late = (statistics.median(values[window.start : window.stop]) for window in _windows(len(values)))
    rounded = {"early_mb": early, "late_mb": late, "growth_mb": late - early, "peak_mb": max(values)}
    return Growth(**{name: round(value, 1) for name, value in rounded.items()})


def _make_pairs(folder: Path, pictures: int, seed: int, sides: tuple[int, int], warm_up: int) -> None:
    for side in ("low", "normal"):
        (folder / side).mkdir(parents=True)
    early, late = _windows(pictures)
    # The last have the sizes of the first that are compared, for a picture that is at work takes memory by its size.
    same = {warm_up + last: warm_up + first for last, first in zip(late, early, strict=True)}
    for number in range(warm_up + pictures):
        height, width = np.random.default_rng((seed, same.get(number, number))).integers(sides[0], sides[1] + 1, 2)
        rng = np.random.default_rng((seed, number, 1))
        coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        normal = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        low = Image.fromarray((np.asarray(normal) * 0.2 + rng.integers(0, 8, (height, width, 1))).astype(np.uint8))
        for side, picture in (("low", low), ("normal", normal)):
            picture.save(folder / side / f"{number}.jpg", quality=90)


def _apart(command: Callable[[Path], list[float]], folder: Path) -> list[float]:
    """Runs a command in a new process and returns what it noted."""
    context = processes.context()
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(command, folder, there))
    process.start()
    there.close()
    try:
        values: list[float] = here.recv()
    except EOFError as error:
        raise LleError(
            f"the process that measures {command.__name__.strip('_')} ended early, with exit code {process.exitcode}."
        ) from error
    finally:
        process.join()
    return values


def _run(command: Callable[[Path], list[float]], folder: Path, connection: Any) -> None:
    connection.send(command(folder))
    connection.close()


def resident() -> float:
    """Returns the resident memory of this process, in MB."""
    import resource

    return int(_STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6


def _enhancer() -> Any:
    import torch

    from lle import registry
    from lle.infer.enhancer import Enhancer

    torch.manual_seed(0)
    return Enhancer(registry.create(METHOD, None), METHOD)


def _enhance(folder: Path) -> list[float]:
    from lle.infer.files import enhance_paths

    values: list[float] = []
    enhance_paths(_enhancer(), [folder / "pairs" / "low"], folder / "out", on_progress=lambda *_: values.append(resident()))
    return values


def _evaluate(folder: Path) -> list[float]:
    from lle.config.data import FolderData
    from lle.data.prepare import prepare
    from lle.measure.quality import evaluate

    values: list[float] = []
    enhancer = _enhancer()

    def enhance(picture: np.ndarray) -> np.ndarray:
        values.append(resident())
        return np.asarray(enhancer.enhance(picture))

    settings = FolderData(kind="folder", source=folder / "pairs", split="test")
    prepared = prepare("many", settings, folder / "data")
    evaluate(METHOD, enhance, prepared, out=folder / "reports")
    return values
