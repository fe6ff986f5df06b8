"""The pipeline in lanes: everything runs once, after what it needs, with a share of the cores."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml

from lle.config.load import load_params
from lle.project import lanes
from lle.project.lanes import Dvc, Job, by_urgency, jobs, repro
from lle.provenance import provenance
from lle.results.cost import PipelineTimes

ROOT = Path(__file__).parents[2]
PARAMS = load_params(ROOT / "params.yaml")


def test_every_stage_is_in_one_job_after_what_it_takes():
    found = jobs(PARAMS)
    stages = [stage for job in found.values() for stage in job.stages]
    methods, sets = PARAMS.suite.methods, PARAMS.suite.datasets
    expected = {f"train_{name}" for name in [*methods, "net_t"]} | {f"evaluate@{name}-{one}" for name in methods for one in sets}
    expected |= {f"evaluate_input@{one}" for one in sets} | {f"fetch_{name}" for name in PARAMS.suite.prepare} | {"clip"}
    expected |= {f"judge@{one}" for one in PARAMS.suite.segment}
    expected |= {f"mechanism@{name}" for name in PARAMS.suite.mechanisms} | {f"prompts@{name}" for name in PARAMS.suite.guided}
    expected |= {f"attention@{name}-{one}" for name in PARAMS.suite.attention for one in sets} | {"costs", "zoo"}
    assert sorted(stages) == sorted(expected)
    assert found["distill"].needs == {"data", "net_t"}
    assert found["clip_isp"].needs == found["clip_lit"].needs == {"data", "clip"}
    assert not [name for name, job in found.items() if job.needs >= set(methods)], "the other lanes would have nothing to do"


@pytest.mark.parametrize("suite", [{}, {"methods": ["gamma"], "guided": [], "attention": [], "mechanisms": [], "segment": []}])
def test_what_shows_results_runs_after_all_that_makes_them(suite):
    params = PARAMS.model_copy(update={"suite": PARAMS.suite.model_copy(update=suite)})
    dvc = Noting()
    assert repro(params, 2, dvc) == 0
    calls = [call for call, _ in dvc.calls]
    shown = min(place for place, call in enumerate(calls) if {"report", "track"} & set(call))
    before = {word.partition("@")[0] for call in calls[:shown] for word in call}
    defined = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    empty = {name for name, stage in defined.items() if "matrix" in stage and not all(_values(params, stage["matrix"]))}
    trainings = {name for name in defined if name.startswith("train_")}
    needed = set(defined) - empty - {stage for job in lanes.LAST.values() for stage in job.stages} - trainings
    assert needed <= before
    assert {f"train_{name}" for name in params.suite.methods} <= before


def _values(params, matrix):
    for listed in matrix.values():
        section, _, key = listed.strip("${}").partition(".")
        yield getattr(getattr(params, section), key)


def test_what_most_waits_for_starts_first():
    found = {
        "data": Job(("a",), frozenset(), 1),
        "long": Job(("b",), frozenset({"data"}), 10),
        "teacher": Job(("c",), frozenset({"data"}), 2),
        "student": Job(("d",), frozenset({"data", "teacher"}), 9),
    }
    assert by_urgency(found) == ["data", "teacher", "long", "student"]


def test_the_stages_are_those_of_the_pipeline():
    defined = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert {stage.partition("@")[0] for job in [*jobs(PARAMS).values(), *lanes.LAST.values()] for stage in job.stages} <= set(defined)


def test_times_of_an_earlier_run_are_taken(tmp_path):
    seconds = {"train unet": 500.0, "evaluate unet demo": 7.0}
    PipelineTimes.of(
        {
            "schema": PipelineTimes.SCHEMA,
            "seconds": 1.0,
            "idle_seconds": 0.0,
            "kinds": {},
            "commands": [{"command": f"lle {name}", "seconds": 1.0, "cpu_seconds": spent} for name, spent in seconds.items()],
            "provenance": provenance(seed=None, data_digest=None, command="lle benchmark pipeline"),
        }
    ).write(PipelineTimes.path(tmp_path))
    assert jobs(PARAMS, tmp_path)["unet"].seconds - jobs(PARAMS, tmp_path / "none")["unet"].seconds > 300


class Noting:
    """Stands in for DVC: notes what it is asked, and fails or has nothing to do as it is told."""

    def __init__(self, fails: str = "", changed: bool = True) -> None:
        self.calls: list[tuple[list[str], dict[str, str]]] = []
        self.done: set[str] = set()
        self.fails, self.changed, self.lock = fails, changed, threading.Lock()

    def __call__(self, words, environment):
        words = list(words)
        with self.lock:
            self.calls.append((words, dict(environment)))
            if words[0] == "status":
                return int(self.changed)
            needs = [job.needs for job in jobs(PARAMS).values() if set(job.stages) <= set(words)]
            assert all(set(jobs(PARAMS)[one].stages) <= self.done for need in needs for one in need)
            self.done |= set(words)
            return 3 if self.fails in words else 0


def test_jobs_wait_for_their_needs_and_the_rest_comes_last():
    dvc = Noting()
    assert repro(PARAMS, 2, dvc) == 0
    words = [call for call, _ in dvc.calls]
    assert words[:2] == [["repro", "keys"], ["status", "--quiet"]]
    assert dvc.calls[-1] == (["repro"], {})
    timed = next(call for call in dvc.calls if f"profile@{PARAMS.suite.methods[0]}" in call[0])
    assert timed[1] == {}, "times are measured with all cores"
    shown = [place for place, call in enumerate(words) if {"report", "track"} & set(call)]
    assert shown == [len(words) - 3, len(words) - 2]
    assert words.index(timed[0]) == len(words) - 4
    assert all("LLE_THREADS" in environment for call, environment in dvc.calls if "--wait-for-lock" in call)
    assert {stage for job in jobs(PARAMS).values() for stage in job.stages} <= dvc.done


def test_nothing_is_started_where_nothing_changed():
    dvc = Noting(changed=False)
    assert repro(PARAMS, 2, dvc) == 0
    assert len(dvc.calls) == 2


@pytest.mark.parametrize("fails", ["clip", "fetch_demo", "train_unet"])
def test_a_failure_ends_the_run_with_its_code(fails):
    dvc = Noting(fails)
    assert repro(PARAMS, 2, dvc) == 3
    assert ["repro"] not in [call for call, _ in dvc.calls]


def test_one_lane_is_plain_dvc():
    dvc = Noting()
    assert repro(PARAMS, 1, dvc) == 0
    assert [call for call, _ in dvc.calls] == [["repro"]]


def test_what_runs_is_ended_with_all_that_it_started(tmp_path, monkeypatch):
    program = tmp_path / "dvc"
    program.write_text(f"#!/bin/sh\nsleep 60 & echo $! > {tmp_path}/child; wait\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    dvc, codes = Dvc(tmp_path, {}), []
    thread = threading.Thread(target=lambda: codes.append(dvc(["repro"], {})))
    thread.start()
    child = tmp_path / "child"
    deadline = time.monotonic() + 60
    while not (child.is_file() and child.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.01)
    dvc.stop()
    thread.join(60)
    assert codes == [-signal.SIGTERM]
    state = Path(f"/proc/{child.read_text().strip()}/stat")

    def runs():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return state.read_text().rpartition(")")[2].split()[0] != "Z"
        return False

    # Its signal was sent with that of its parent, which may be gone before it.
    while runs() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not runs()
    assert dvc(["repro"], {}) == -signal.SIGTERM, "no other is started"


def test_what_has_just_been_started_is_ended_too(tmp_path, monkeypatch):
    """The interruption comes when the process is there and nobody has noted it yet."""
    program = tmp_path / "dvc"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    there, start = threading.Event(), subprocess.Popen

    def started(*words, **options):
        process = start(*words, **options)
        there.set()
        time.sleep(0.3)
        return process

    monkeypatch.setattr(lanes.subprocess, "Popen", started)
    dvc, codes = Dvc(tmp_path, {}), []
    thread = threading.Thread(target=lambda: codes.append(dvc(["repro"], {})))
    thread.start()
    assert there.wait(30)
    dvc.stop()
    thread.join(30)
    assert codes == [-signal.SIGTERM]
