"""The default pipeline with work side by side.

`dvc repro` runs one stage after the other, and the networks of the suite are too small to keep two cores busy. Here the stages are
grouped into jobs, and *lanes*, each with its share of the cores, take the jobs whose needs are met: `dvc repro` processes that run at
once. DVC itself takes care that they do not get into each other's way (`--wait-for-lock`). What waits for all methods runs afterwards
with all cores: segmentation, and stages that measure times, which must be alone. The report and the MLflow store come last.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lle.config.clip import DEMO
from lle.config.schema import BaseParams, method_settings
from lle.keys.stages import fetched, measures_zoo, suite_model, trained
from lle.launch import THREADS, TIMES, loader, note_time
from lle.project.half_written import mend
from lle.results.cost import PipelineTimes

TIMES_FILE = Path("build/pipeline_times.jsonl")
"""A line of JSON for each command of the last pipeline, and one for the whole; `lle benchmark pipeline` reads it."""
_SECONDS = {
    "fetch": 20.0,
    "clip": 220.0,
    "train": 80.0,
    "evaluate": 20.0,
    "judge": 100.0,
    "mechanism": 60.0,
    "attention": 5.0,
    "costs": 15.0,
    "zoo": 60.0,
}
"""Guesses by kind of command, for those that no earlier run has timed: they decide in which order jobs start, not what they make."""


@dataclass(frozen=True)
class Job:
    """Stages that one lane runs in one go.

    Attributes:
        stages: their names in dvc.yaml, in order.
        needs: names of the jobs that must have ended before.
        seconds: how long it is expected to take.
    """

    stages: tuple[str, ...]
    needs: frozenset[str]
    seconds: float


LAST = {"report": Job(("simulate", "report"), frozenset(), 10.0), "track": Job(("track",), frozenset(), 40.0)}
"""What only shows results."""


def jobs(params: BaseParams, reports: Path = Path("reports")) -> dict[str, Job]:
    """Groups the stages that can run side by side: those that do not wait for every method.

    Args:
        params: all settings.
        reports: where `lle benchmark pipeline` has noted how long each command takes.

    Returns:
        Jobs by name, each after those that it needs. A method is trained and evaluated in one job, after the models that it takes.
    """
    known = _known(reports)

    def job(commands: Mapping[str, Sequence[str]], *needs: str) -> Job:
        """Makes a job from the command of each stage."""
        seconds = sum(known.get(" ".join(words), _SECONDS[words[0]]) for words in commands.values())
        return Job(tuple(commands), frozenset(needs), seconds)

    found = {"data": job({f"fetch_{name}": ("fetch", name) for name in fetched(params)}), "clip": job({"clip": ("clip",)})}
    names = trained(params)
    inputs = {name: method_settings(params, name).inputs() for name in names}
    guided = {name for name, taken in inputs.items() if any(one.path == DEMO for one in taken)}
    for name in names:
        commands: dict[str, Sequence[str]] = {f"train_{name}": ("train", name)}
        if name in params.suite.methods:
            commands |= {f"evaluate@{name}-{dataset}": ("evaluate", name, dataset) for dataset in params.suite.datasets}
        if name in params.suite.mechanisms:
            commands[f"mechanism@{name}"] = ("mechanism", name)
        if name in params.suite.guided:
            commands[f"prompts@{name}"] = ("clip", "prompts", name)
        if name in params.suite.attention:
            commands |= {f"attention@{name}-{dataset}": ("attention", name, dataset) for dataset in params.suite.datasets}
        teachers = {teacher for one in inputs[name] if (teacher := suite_model(one)) in inputs}
        found[name] = job(commands, "data", *({"clip"} if name in guided else ()), *(teacher for teacher in teachers if teacher))
    found["input"] = job({f"evaluate_input@{dataset}": ("evaluate", "input", dataset) for dataset in params.suite.datasets}, "data")
    found["costs"] = job({"costs": ("costs",)})
    if measures_zoo(params):
        found["zoo"] = job({"zoo": ("zoo", "evaluate")}, "data")
    for dataset in params.suite.segment:
        found[f"judge {dataset}"] = job({f"judge@{dataset}": ("judge", dataset)}, "data")
    return found


def by_urgency(found: Mapping[str, Job]) -> list[str]:
    """Sorts jobs by the time from their start to the end of all that waits for them, the longest first."""
    after: dict[str, float] = {}
    for name in reversed(list(found)):  # whatever needs a job stands behind it
        after[name] = found[name].seconds + max((after[other] for other in after if name in found[other].needs), default=0.0)
    return sorted(found, key=lambda name: -after[name])


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
            if code and (mended := mend(root)):
                print(*mended, "The pipeline is run again.", flush=True)
                code = repro(params, lanes, dvc, root / "reports")
        except BaseException:
            dvc.stop()
            raise
    note_time(times, {"command": ["lle", "pipeline", "run"], "begun": begun, "seconds": time.perf_counter() - begun, "whole": True})
    return code


def repro(params: BaseParams, lanes: int, dvc: Callable[[Sequence[str], Mapping[str, str]], int], reports: Path = Path("reports")) -> int:
    """Runs the jobs in lanes, and then whatever is left.

    Args:
        params: all settings.
        lanes: how many stages run at once.
        dvc: runs one `dvc` command with additions to the environment and returns its exit code.
        reports: see `jobs`.

    Returns:
        See `run`.
    """
    if lanes == 1:
        return dvc(["repro"], {})
    if code := dvc(["repro", "keys"], {}):
        return code
    if dvc(["status", "--quiet"], {}) == 0:
        return 0
    # With nothing beside them: most of them measure times.
    alone = [
        *(f"segment@{dataset}" for dataset in params.suite.segment),
        *(f"profile@{name}" for name in params.suite.methods),
        "throughput",
    ]
    return (
        _side_by_side(jobs(params, reports), lanes, dvc)
        or dvc(["repro", "--single-item", *alone], {})
        or _side_by_side(LAST, lanes, dvc)
        or dvc(["repro"], {})
    )


def _side_by_side(found: Mapping[str, Job], lanes: int, dvc: Callable[[Sequence[str], Mapping[str, str]], int]) -> int:
    """Runs jobs in lanes and returns 0, or the first exit code that was not 0."""
    waiting, ended, codes = by_urgency(found), set[str](), list[int]()
    changed = threading.Condition()
    share = {THREADS: str(max(1, (os.cpu_count() or 1) // lanes))}

    def next_job() -> str | None:
        """Waits for a job whose needs are met; None when there is nothing left to start."""
        with changed:
            while waiting and not any(codes):
                for name in waiting:
                    if found[name].needs <= ended:
                        waiting.remove(name)
                        return name
                changed.wait()
            return None

    def follow() -> None:
        while (name := next_job()) is not None:
            code = 1
            try:
                # Only these stages: what they need is there, and DVC must not lock it for writing.
                code = dvc(["--wait-for-lock", "repro", "--single-item", *found[name].stages], share)
            finally:
                with changed:
                    codes.append(code)
                    ended.add(name)
                    changed.notify_all()

    threads = [threading.Thread(target=follow) for _ in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return next((code for code in codes if code), 0)


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
        # Between the start of a process and its entry above, `stop` would miss it.
        self._starts = threading.Lock()

    def __call__(self, words: Sequence[str], environment: Mapping[str, str]) -> int:
        """Runs one command and returns its exit code."""
        with self._starts:
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
        with self._starts:
            self._stopped = True
            for process in tuple(self._running):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)


def _known(reports: Path) -> dict[str, float]:
    """Returns the CPU seconds of each command of an earlier pipeline, without `lle`: a lane has about one core."""
    path = PipelineTimes.path(reports)
    if not path.is_file():
        return {}
    return {spent.command.removeprefix("lle "): spent.cpu_seconds for spent in PipelineTimes.read(path).commands}
