"""Pictures through Ray Data: a pool of processes with a model each, results beside a manifest, and what was killed goes on."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lle.cluster.manifest import FOLDER, JOB, Line, Manifest, begin, read_lines
from lle.cluster.model import PackedModel
from lle.cluster.place import Place, pictures, under
from lle.cluster.session import require, session
from lle.cluster.worker import Task, Worker
from lle.errors import DataError, LleError
from lle.infer.containers import is_video
from lle.infer.files import Output

LOG = logging.getLogger(__name__)

GROUP = 32
"""Pictures that a process gets at once, at most."""
GROUPS_EACH = 8
"""Groups for each process, at least: with fewer, one would wait for another at the end."""
RETRIES = 1
"""Further attempts at a group whose process was killed. Not 0: Ray would then give up what waits for a process that starts again."""
TOLD = 10
"""Failures that the message names; the manifest has all."""


@dataclass
class Done:
    """What came of a run.

    Attributes:
        written: number of results.
        found: results that were there already.
        failed: number of pictures without a result.
        failures: the first of them, each with the reason.
    """

    written: int = 0
    found: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Counts a line of the manifest."""
        if line.status == "failed":
            self.failed += 1
            if len(self.failures) < TOLD:
                reason = line.error or "no reason is known"
                self.failures.append(reason if line.source in reason else f"{line.source}: {reason}")
        else:
            self.written += line.status == "written"
            self.found += line.status == "found"

    def require_whole(self, place: Place) -> None:
        """Raises if there are pictures without a result.

        Raises:
            DataError: names the first of them.
        """
        if self.failed:
            head = f"{self.failed} pictures could not be enhanced; the other {self.written + self.found} are in {place.address}."
            more = [f"  and {self.failed - TOLD} more, in {FOLDER} there"] if self.failed > TOLD else []
            raise DataError("\n".join([head, *(f"  {failure}" for failure in self.failures), *more]))


def plan(inputs: Sequence[str], place: Place, suffix: str) -> list[Task]:
    """Pairs every input picture with its result.

    Args:
        inputs: paths and addresses of pictures and of folders.
        place: of the results.
        suffix: ending of the results, such as `.png`.

    Raises:
        DataError: an input is missing, holds no picture or is a video; two results would have one name, or replace an input.
    """
    tasks: dict[str, Task] = {}
    for source in inputs:
        if is_video(Path(source)) and not Path(source).is_dir():
            raise DataError(f"{source} is a video, which one process enhances from end to end: leave --engine out.")
        found, left_out = pictures(source)
        if left_out:
            LOG.warning("%s: left out: %s", source, left_out)
        for address, name in found:
            # Results of an earlier run in a folder inside of the input are no inputs.
            if place.covers(address) and not place.covers(Place(source).join("x")):
                continue
            task = Task(address, under(name, suffix))
            other = tasks.setdefault(task.target, task)
            if other.source != task.source:
                raise DataError(f"{other.source} and {address} would both become {task.target}. Enhance them into different folders.")
    if own := [task.source for task in tasks.values() if place.is_source(task.target, task.source)]:
        raise DataError(f"the results would replace the input {', '.join(own[:3])}. Choose another output folder.")
    return list(tasks.values())


def enhance(
    model: PackedModel,
    inputs: Sequence[str],
    place: Place,
    output: Output,
    workers: int | None = None,
    force: bool = False,
    skip_existing: bool = False,
    on_line: Callable[[int, int, Line], None] | None = None,
) -> Done:
    """Enhances pictures on a Ray cluster; the bytes are those of one process with as many threads.

    What was begun with the same model and output goes on: pictures whose result is there are left out.

    Args:
        model: loaded once in each process.
        inputs: paths and addresses of pictures and of folders. Paths must be there on every machine.
        place: of the results, and of `_manifest` (see `lle.cluster.manifest`).
        output: how results are written.
        workers: processes; None takes as many as the cluster has room for.
        force: replaces results that were there before.
        skip_existing: leaves out what has a result by whatever run.
        on_line: called after each picture with the number done, the number of all, and its line of the manifest.

    Returns:
        What came of it; failures of single pictures are in it, and do not end the run.

    Raises:
        DataError: see `plan`; or results exist that are of no such run.
        LleError: ray is missing, the cluster failed, or the results there are made with something else.
    """
    tasks = plan(inputs, place, output.format)
    there = set(place.names())
    present = there & {task.target for task in tasks}
    if present and not (force or skip_existing) and JOB not in there:
        some = ", ".join(sorted(present)[:3])
        raise DataError(f"{some} exist already in {place.address}. Use --force to replace them, --skip-existing to leave them.")
    require("ray")  # before anything is written
    begin(place, {"model": {"name": model.name, "digest": model.digest}, "output": _plain(output)}, force)
    known = read_lines(place) if present and not force else {}
    done, left = Done(), []
    with Manifest(place) as manifest:
        for task in tasks:
            if task.target in present and not force:
                done.found += 1
                # A run that was killed had no time to say what it had written.
                if (line := known.get(task.target)) is None or line.status == "failed":
                    manifest.add(Line(source=task.source, target=task.target, status="found"))
            else:
                left.append(Task(task.source, task.target, task.target in present))
        if done.found:
            LOG.info("%d of %d results are there already", done.found, len(tasks))
        if left:
            with session() as ray:
                for line in _all_lines(model, left, output, place, _room(ray, model, workers)):
                    manifest.add(line)
                    done.add(line)
                    if on_line is not None:
                        on_line(done.written + done.found + done.failed, len(tasks), line)
    return done


def _all_lines(model: PackedModel, tasks: Sequence[Task], output: Output, place: Place, count: int) -> Iterator[Line]:
    """Yields a line for every picture, also for those that end the process which takes them."""
    left = {task.target: task for task in tasks}
    group = max(1, min(GROUP, len(tasks) // (count * GROUPS_EACH)))
    # Of the groups that were given up, each picture gets a last try by itself, so that one does not take others with it.
    for size, ahead in ((group, 2), (1, 1)):
        if left:
            for line in _lines(model, list(left.values()), output, place, count, size, ahead):
                del left[line.target]
                yield line
    for task in left.values():
        error = (
            f"the process that took it ended each of {2 + 2 * RETRIES} times: it needs more memory than there is, or crashes a decoder. "
            "Look at this file alone."
        )
        yield Line(source=task.source, target=task.target, status="failed", error=error)


def _lines(model: PackedModel, tasks: Sequence[Task], output: Output, place: Place, count: int, group: int, ahead: int) -> Iterator[Line]:
    """Yields a line for every picture that was not given up; `ahead` groups at a time go to a process."""
    import ray.data
    from ray.data import ActorPoolStrategy, DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # A group that was given up is tried again picture by picture.
    context.max_errored_blocks = -1
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    # Ray 2.60 announces the end of this argument and has no other way to bound the attempts; the extra ends before that version.
    warnings.filterwarnings("ignore", message=".*ray_remote_args_fn.*")
    rows = ray.data.from_items([asdict(task) for task in tasks], override_num_blocks=math.ceil(len(tasks) / group))
    done = rows.map_batches(
        Worker,
        batch_size=group,
        batch_format="pyarrow",
        fn_constructor_args=(model, output, place),
        compute=ActorPoolStrategy(size=min(count, len(tasks)), max_tasks_in_flight_per_actor=ahead),
        ray_remote_args_fn=lambda: {"max_task_retries": RETRIES},
        **_needs(model),
    )
    for row in done.iter_rows():
        yield Line(**{name: value for name, value in row.items() if value is not None})


def _needs(model: PackedModel) -> dict[str, float]:
    """Returns what a process takes of the cluster."""
    return {"num_cpus": model.threads, "num_gpus": 1 if model.device.startswith("cuda") else 0}


def _room(ray: Any, model: PackedModel, workers: int | None) -> int:
    """Returns the number of processes.

    Raises:
        LleError: the cluster has no room for them: Ray would wait without end.
    """
    has = ray.cluster_resources()
    needs = {"CPU": model.threads, "GPU": 1 if model.device.startswith("cuda") else 0}
    most = min(int(has.get(name, 0) // amount) for name, amount in needs.items() if amount)
    if most < (workers or 1):
        given = ", ".join(f"{has.get(name, 0):g} {name}" for name in needs)
        asked = f"{workers or 1} processes of " + ", ".join(f"{amount} {name}" for name, amount in needs.items() if amount)
        raise LleError(f"the cluster has {given}, which is too little for {asked}. Ask for fewer --workers or --threads.")
    return workers or most


def _plain(output: Output) -> dict[str, Any]:
    """Returns how results are written as plain data."""
    gate = None if output.gate is None else {name: value for name, value in vars(output.gate).items() if not name.startswith("_")}
    return {**asdict(output), "gate": gate}
