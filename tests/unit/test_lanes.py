"""The pipeline in lanes: everything runs once, after what it needs, with a share of the cores."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
import yaml

from lle.config.load import load_params
from lle.project.lanes import Dvc, divide, repro

ROOT = Path(__file__).parents[2]
PARAMS = load_params(ROOT / "params.yaml")


def test_every_stage_is_in_one_lane_with_what_it_takes():
    first, lanes = divide(PARAMS, 2)
    stages = [stage for lane in lanes for stage in lane]
    methods, sets = PARAMS.suite.methods, PARAMS.suite.datasets
    expected = {f"train_{name}" for name in [*methods, "net_t"]} | {f"evaluate@{name}-{one}" for name in methods for one in sets}
    assert sorted(stages) == sorted(expected | {f"evaluate_input@{one}" for one in sets})
    home = {stage: number for number, lane in enumerate(lanes) for stage in lane}
    assert home["train_net_t"] == home["train_distill"]
    assert lanes[home["train_distill"]].index("train_net_t") < lanes[home["train_distill"]].index("train_distill")
    assert first == [[f"fetch_{name}" for name in PARAMS.suite.prepare], ["clip"]]
    assert home["train_clip_isp"] == home["train_clip_lit"] == 1
    assert all(home[stage] == home[f"train_{stage.split('@')[1].rsplit('-', 1)[0]}"] for stage in stages if stage.startswith("evaluate@"))


def test_the_stages_are_those_of_the_pipeline():
    defined = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    first, lanes = divide(PARAMS, 3)
    assert {stage.partition("@")[0] for lane in (*first, *lanes) for stage in lane} <= set(defined)


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
            if any(word.startswith(("train", "evaluate")) for word in words):
                assert {f"fetch_{name}" for name in PARAMS.suite.prepare} <= self.done, "data first"
            self.done |= set(words)
            return 3 if self.fails in words else 0


def test_lanes_wait_for_data_and_the_rest_comes_last():
    dvc = Noting()
    assert repro(PARAMS, 2, dvc) == 0
    words = [call for call, _ in dvc.calls]
    assert words[:2] == [["repro", "keys"], ["status", "--quiet"]]
    assert dvc.calls[-1] == (["repro"], {})
    assert all("LLE_THREADS" in environment for call, environment in dvc.calls if "--wait-for-lock" in call)
    assert {"train_unet", "clip", "evaluate_input@demo"} <= dvc.done


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
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"
    assert dvc(["repro"], {}) == -signal.SIGTERM, "no other is started"
