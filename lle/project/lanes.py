"""The default pipeline with trainings side by side.

`dvc repro` runs one stage after the other, and the networks of the suite are too small to keep two cores busy. Here methods are
divided between *lanes*: `dvc repro` processes that run at once, each with its share of the cores. DVC itself takes care that
they do not get into each other's way (`--wait-for-lock`). Stages that measure times run afterwards, alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lle.config.clip import DEMO
from lle.config.schema import BaseParams, method_settings
from lle.keys.stages import fetched, suite_model, trained
from lle.launch import THREADS, TIMES, loader, note_time
from lle.results.cost import Profile

TIMES_FILE = Path("build/pipeline_times.jsonl")
"""A line of JSON for each command of the last pipeline, and one for the whole; `lle benchmark pipeline` reads it."""
_SECONDS = {"fetch": 80.0, "clip": 160.0, "train": 60.0, "evaluate": 20.0}
"""Guesses, on two cores, where nothing is known: they decide how even the lanes are, not what they make."""


def divide(params: BaseParams, lanes: int, reports: Path = Path("reports")) -> tuple[list[list[str]], list[list[str]]]:
    """Divides the trainings and evaluations of the suite between lanes.

    Args:
        params: all settings.
        lanes: how many; 2 or more. The first prepares the data sets first, the second trains the CLIP.
        reports: where earlier results say how long a training took.

    Returns:
        By lane, the stages that prepare data or the CLIP, and those that need all data. A method and the models that it takes are in one
        lane, and methods that take the CLIP in the lane that trains it.
    """
    first: list[list[str]] = [[] for _ in range(lanes)]
    first[0] = [f"fetch_{name}" for name in fetched(params)]
    loads = [_SECONDS["fetch"]] + [0.0] * (lanes - 1)
    found: list[list[str]] = [[] for _ in range(lanes)]
    home: dict[str, int] = {}
    costs = {name: _seconds(name, params, reports) for name in trained(params)}
    inputs = {name: method_settings(params, name).inputs() for name in costs}
    guided = {name for name, found in inputs.items() if any(one.path == DEMO for one in found)}
    # Teachers go with their students; the longest group first, each to the lane that has least to do.
    groups: dict[str, list[str]] = {}
    for name in costs:
        teachers = [teacher for one in inputs[name] if (teacher := suite_model(one)) in groups]
        groups[name] = [*(one for teacher in teachers for one in groups.pop(teacher)), name]
    if guided:
        first[1].append("clip")
        loads[1] += _SECONDS["clip"]
    for members in sorted(groups.values(), key=lambda members: -sum(costs[one] for one in members)):
        lane = 1 if guided.intersection(members) else min(range(lanes), key=loads.__getitem__)
        loads[lane] += sum(costs[one] for one in members)
        home |= dict.fromkeys(members, lane)
    for name in costs:  # in the order of the suite
        found[home[name]].append(f"train_{name}")
        if name in params.suite.methods:
            found[home[name]] += [f"evaluate@{name}-{dataset}" for dataset in params.suite.datasets]
    found[0] += [f"evaluate_input@{dataset}" for dataset in params.suite.datasets]
    return first, found


def run(params: BaseParams, lanes: int, root: Path = Path()) -> int:
    """Runs `dvc repro` in lanes beside a loader (see `lle.launch`), and notes what every command spent in `TIMES_FILE`.

    Args:
        params: all settings.
        lanes: how many stages run at once; 1 is plain `dvc repro`.
        root: folder of the project.

    Returns:
        0, or the first exit code that was not 0; what had been started then went on to its end.
    """
    times, begun = (root / TIMES_FILE).absolute(), time.perf_counter()
    times.parent.mkdir(parents=True, exist_ok=True)
    times.unlink(missing_ok=True)
    with loader() as environment:
        dvc = Dvc(root, {**environment, TIMES: str(times)})
        try:
            code = repro(params, lanes, dvc, root / "reports")
        except BaseException:
            dvc.stop()
            raise
    note_time(times, {"command": ["lle", "pipeline", "run"], "begun": begun, "seconds": time.perf_counter() - begun, "whole": True})
    return code


def repro(params: BaseParams, lanes: int, dvc: Callable[[Sequence[str], Mapping[str, str]], int], reports: Path = Path("reports")) -> int:
    """Runs the stages in lanes, and then whatever is left.

    Args:
        params: all settings.
        lanes: how many stages run at once.
        dvc: runs one `dvc` command with additions to the environment and returns its exit code.
        reports: see `divide`.

    Returns:
        See `run`.
    """
    if lanes == 1:
        return dvc(["repro"], {})
    if code := dvc(["repro", "keys"], {}):
        return code
    if dvc(["status", "--quiet"], {}) == 0:
        return 0
    first, stages = divide(params, lanes, reports)
    share = {THREADS: str(max(1, (os.cpu_count() or 1) // lanes))}
    codes: list[int] = []
    prepared = threading.Event()

    def single(targets: Sequence[str]) -> None:
        """Runs some stages in this order, if nothing has failed so far; what they need is there, and DVC must not lock it for writing."""
        if targets and not any(codes):
            codes.append(dvc(["--wait-for-lock", "repro", "--single-item", *targets], share))

    def follow(lane: int) -> None:
        try:
            single(first[lane])
        finally:
            if lane == 0:
                prepared.set()
        prepared.wait()
        single(stages[lane])

    threads = [threading.Thread(target=follow, args=(lane,)) for lane in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return next((code for code in codes if code), None) or dvc(["repro"], {})


class Dvc:
    """Starts `dvc` in a folder.

    Args:
        root: the folder.
        environment: additions to the environment of every command.
    """

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root, self.environment = root, environment
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def __call__(self, words: Sequence[str], environment: Mapping[str, str]) -> int:
        """Runs one command and returns its exit code."""
        if self._stopped:
            return -signal.SIGTERM
        # A group of its own, which `stop` can end with all that it started.
        process = subprocess.Popen(
            ["dvc", *words], cwd=self.root, env={**os.environ, **self.environment, **environment}, start_new_session=True
        )
        self._running.add(process)
        code = process.wait()
        self._running.discard(process)
        return code

    def stop(self) -> None:
        """Ends the commands that run: their trainings leave a checkpoint. No other is started."""
        self._stopped = True
        for process in tuple(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)


def _seconds(name: str, params: BaseParams, reports: Path) -> float:
    path = Profile.path(reports, name)
    speed = Profile.read(path).train if path.is_file() else None
    known = speed.seconds if speed is not None else None
    evaluated = _SECONDS["evaluate"] * len(params.suite.datasets) if name in params.suite.methods else 0.0
    return evaluated + (_SECONDS["train"] if known is None else float(known))
