"""What runs in each process of the pool: a model that is loaded once, and pictures that come in small groups."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lle.cluster.manifest import Line
from lle.cluster.model import PackedModel
from lle.cluster.place import Place, read
from lle.errors import LleError
from lle.files import sha256
from lle.infer.files import Output, compared, enhance_plan
from lle.launch import keep_freed_memory

if TYPE_CHECKING:
    import pyarrow

TRANSFERS = 8
"""Files that are on their way from or to an object store at once."""


@dataclass(frozen=True)
class Task:
    """One picture.

    Attributes:
        source: its address.
        target: the result, relative to the folder of the results.
        replaces: whether a result was there before the run, and is to be replaced.
    """

    source: str
    target: str
    replaces: bool = False


class Worker:
    """Enhances groups of pictures; Ray makes one of it in each process of the pool.

    Args:
        model: that does the work.
        output: how results are written.
        place: of the results.
    """

    def __init__(self, model: PackedModel, output: Output, place: Place) -> None:
        import cv2

        keep_freed_memory()  # as `lle enhance` does
        self.output, self.place = output, place
        self.enhancer = model.load()
        cv2.setNumThreads(model.threads)
        self.name = f"{socket.gethostname()}:{os.getpid()}"

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        """Enhances a group of pictures.

        Args:
            table: a row a picture, with the fields of `Task`.

        Returns:
            A row a picture, with the fields of `Line`.
        """
        import pyarrow as pa

        tasks, lines = [Task(**row) for row in table.to_pylist()], dict[str, Line]()
        try:
            lines.update((line.target, line) for line in self.run(tasks))
        # A store or a disk that fails: its reason goes into the manifest, and not only into the log of this machine.
        except (LleError, OSError) as error:
            for task in tasks:
                failed = Line(source=task.source, target=task.target, status="failed", error=str(error), worker=self.name)
                lines.setdefault(task.target, failed)
        rows = [{name: getattr(line, name) for name in Line.model_fields} for line in lines.values()]
        numbers: dict[str, Any] = {"bytes": pa.int64(), "seconds": pa.float64(), "ended": pa.float64()}
        return pa.Table.from_pylist(rows, pa.schema([(name, numbers.get(name, pa.string())) for name in Line.model_fields]))

    def run(self, tasks: Sequence[Task]) -> Iterator[Line]:
        """Enhances pictures and yields what became of each; one that fails does not end it, and a finished one is left out."""
        with tempfile.TemporaryDirectory(prefix="lle-frames-") as folder, ThreadPoolExecutor(TRANSFERS) as pool:
            scratch = Path(folder)
            # An attempt at this group that was killed has finished some.
            there = pool.map(lambda task: not task.replaces and self.place.holds(task.target), tasks)
            left: list[Task] = []
            for task, present in zip(tasks, there, strict=True):
                if present:
                    yield Line(source=task.source, target=task.target, status="found", worker=self.name)
                else:
                    left.append(task)
            sources = list(pool.map(lambda numbered: _fetched(numbered[1].source, scratch / f"in-{numbered[0]}"), enumerate(left)))
            plan, by_source = [], {}
            for number, (task, source) in enumerate(zip(left, sources, strict=True)):
                if isinstance(source, str):
                    yield Line(source=task.source, target=task.target, status="failed", error=source, worker=self.name)
                    continue
                local = self.place.folder
                target = local / task.target if local is not None else scratch / f"out-{number}{Path(task.target).suffix}"
                plan.append((source, target))
                by_source[source] = task
            yield from self._enhanced(plan, by_source, pool)

    def _enhanced(self, plan: Sequence[tuple[Path, Path]], tasks: dict[Path, Task], pool: ThreadPoolExecutor) -> Iterator[Line]:
        waiting: list[Future[Line]] = []
        since = time.perf_counter()
        for source, target, failure in enhance_plan(self.enhancer, plan, self.output):
            task, now = tasks[source], time.perf_counter()
            if failure is not None:
                told = failure.replace(str(source), task.source)
                yield Line(source=task.source, target=task.target, status="failed", error=told, worker=self.name)
            else:
                waiting.append(pool.submit(self._kept, task, target, now - since))
            since = now
        for future in waiting:
            yield future.result()

    def _kept(self, task: Task, target: Path, seconds: float) -> Line:
        """Brings a result to its place, if it is not there, and describes it."""
        size, digest = target.stat().st_size, sha256(target)
        try:
            if self.place.folder is None:
                # The result goes last: where it is, everything is.
                if self.output.compare:
                    self.place.write(compared(Path(task.target)).as_posix(), compared(target).read_bytes())
                self.place.write(task.target, target.read_bytes())
                target.unlink()
        except LleError as error:
            return Line(source=task.source, target=task.target, status="failed", error=str(error), worker=self.name)
        return Line(
            source=task.source,
            target=task.target,
            status="written",
            bytes=size,
            sha256=digest,
            seconds=round(seconds, 4),
            ended=round(time.time(), 3),
            worker=self.name,
        )


def _fetched(source: str, folder: Path) -> Path | str:
    """Returns a file with the picture, under its own name, or why there is none."""
    if (here := Place(source).folder) is not None:
        return here
    path = folder / source.rpartition("/")[2]
    try:
        data = read(source)
    except FileNotFoundError:
        return f"{source} does not exist any more."
    except LleError as error:
        return str(error)
    folder.mkdir(parents=True)
    path.write_bytes(data)
    return path
