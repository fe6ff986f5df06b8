"""How much memory one very large picture takes, from file to file, in a process of its own."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

from lle.errors import LleError
from lle.files import significant
from lle.provenance import provenance
from lle.results.benchmarks import Large, LargePicture

SIZE = (8000, 12000)
"""Height and width in pixels."""
_STATUS = Path("/proc/self/status")


def measure(models: Sequence[str], trained: Path, reports: Path = Path("reports"), size: tuple[int, int] = SIZE) -> Large:
    """Enhances one picture with every model and writes `benchmarks/large.json`.

    Args:
        models: ids of methods, model folders or exported files.
        trained: folder of trained models.
        reports: receives the file.
        size: height and width of the picture.

    Returns:
        What was written: the most memory that the process held, its imports included, or why a model refuses the picture.

    Raises:
        LleError: the system does not tell how much memory a process has had (all but Linux).
    """
    if not _STATUS.is_file():
        raise LleError(f"{_STATUS} is not there: the memory of a process can be read on Linux alone.")
    found = {}
    with tempfile.TemporaryDirectory(prefix="lle-large-") as place:
        picture = Path(place) / "picture.png"
        _write(picture, size)
        for model in models:
            found[Path(model).name] = _apart(model, trained, picture)
            picture.with_name("result.png").unlink(missing_ok=True)
    record = {
        "size": f"{size[0]}x{size[1]}",
        "methods": {name: one.plain() for name, one in found.items()},
        "provenance": provenance(seed=0, data_digest=None, command=f"lle benchmark large {' '.join(models)} --size {size[0]}x{size[1]}"),
    }
    result = Large.of(record)
    result.write(Large.path(reports))
    return result


def _write(path: Path, size: tuple[int, int]) -> None:
    """Writes a dark picture with structure; noise would only make the file larger."""
    coarse = np.random.default_rng(0).integers(0, 90, (max(2, size[0] // 100), max(2, size[1] // 100), 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def _apart(model: str, trained: Path, picture: Path) -> LargePicture:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_enhance, args=(model, trained, picture, there))
    begun = time.monotonic()
    process.start()
    there.close()
    try:
        peak, reason = here.recv()
    except EOFError:
        process.join()
        return LargePicture(peak_mb=None, seconds=None, missing=f"the process ended with exit code {process.exitcode}")
    finally:
        process.join()
    if reason is not None:
        return LargePicture(peak_mb=None, seconds=None, missing=reason)
    return LargePicture(peak_mb=peak, seconds=significant(round(time.monotonic() - begun, 1)))


def _enhance(model: str, trained: Path, picture: Path, connection: Connection) -> None:
    """Does what `lle enhance` does, and sends the most memory that this process has held, in MB, or why there is no result."""
    from lle.infer.files import enhance_paths
    from lle.infer.shipped import Enhancer

    try:
        enhance_paths(Enhancer.load(model, models=trained), [picture], picture.with_name("result.png"))
    except LleError as error:
        connection.send((None, str(error).splitlines()[-1].strip()))
    else:
        line = next(line for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        connection.send((round(int(line.split()[1]) * 1024 / 1e6, 1), None))
    connection.close()
