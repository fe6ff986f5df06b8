"""Independent jobs on a cluster: one that fails or is killed costs no other, and studies give what they give in one process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lle import Project
from lle.cli import main
from lle.cluster import jobs as module
from lle.cluster.jobs import Executor, Job, RayJobs, SlurmJobs, run_all
from lle.errors import LleError
from lle.results.study import Study
from tests.conftest import ROOT

MADE = "tests.unit.cluster.made_jobs"


@pytest.fixture(params=["ray", "submitit"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Executor]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    if request.param == "ray":
        request.getfixturevalue("ray")
        return RayJobs
    pytest.importorskip("submitit", reason="submitit is not installed: pip install -e '.[ray]'")
    return lambda: SlurmJobs("local", tmp_path / "logs")


def test_jobs_are_independent(engine: Callable[[], Executor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    made = [
        Job("one", f"{MADE}:write", ("one", "MARK"), {"MARK": "set"}),
        Job("two", f"{MADE}:fail", ("this",)),
        Job("three", f"{MADE}:die_once", ("three",)),
        Job("four", f"{MADE}:write", ("four", "MARK"), folder=tmp_path / "elsewhere"),
    ]
    ended = {job.name: failure for job, failure in engine().run(made)}
    assert ended["one"] is None
    process, mark = (tmp_path / "one").read_text().split()
    assert mark == "set"
    assert int(process) != os.getpid()
    assert "MARK" not in os.environ
    assert ended["two"] == "this is no good."
    assert "jobs need the project on a shared file system" in str(ended["four"])
    if engine is RayJobs:
        assert ended["three"] is None
        assert (tmp_path / "three").read_text() == "done"
    else:
        assert "stderr" in str(ended["three"]) or "err" in str(ended["three"])


def test_failures_are_told_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "executor", lambda _: Here())
    made = [Job("two", f"{MADE}:fail", ("this",)), Job("one", f"{MADE}:write", (str(tmp_path / "one"), "HOME"))]
    running = run_all("ray", made, "the test")
    assert next(running)[0].name == "one"
    with pytest.raises(LleError, match=r"1 of 2 jobs of the test failed.*\n  two: this is no good\."):
        next(running)


class Here:
    """Runs jobs in this process."""

    def run(self, jobs):
        return ((job, job()) for job in jobs)


STUDY = {"title": "Two exponents", "datasets": ["demo"], "variants": {}, "contrasts": ["bright > dark"]}
STUDY["variants"] = {"dark": {"method": "gamma", "set": ["methods.gamma.gamma=1.0"]}, "bright": {"method": "gamma"}}


def test_a_study_and_evaluations_give_what_one_process_gives(ray: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("submitit", reason="submitit is not installed: pip install -e '.[ray]'")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    local = {"slurm": lambda: SlurmJobs("local", tmp_path / "logs"), "ray": RayJobs}
    monkeypatch.setattr(module, "executor", lambda engine: local[engine]())
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["suite"] = {"methods": ["gamma"], "datasets": ["demo"], "prepare": ["demo"]}
    params["train"] |= {"data": "demo", "threads": 1, "validate_images": 0}
    params["data"] = {"demo": {"kind": "demo", "lighting": "room", "train": 4, "val": 1, "test_full": 0, "test_crops": 2}}
    params |= {"judges": {}, "zoo": {}, "studies": {"exponents": STUDY}}
    found = {}
    for engine in (None, "slurm", "ray"):
        folder = tmp_path / str(engine)
        folder.mkdir()
        (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        monkeypatch.chdir(folder)
        chosen = [] if engine is None else ["--engine", engine]
        study = CliRunner().invoke(main, ["study", "exponents", *chosen])
        assert study.exit_code == 0, study.output
        evaluated = CliRunner().invoke(main, ["evaluate", "suite", "demo", *chosen])
        assert evaluated.exit_code == 0, evaluated.output
        if engine is not None:
            assert "exponents/bright/0" in study.output
        tables = {path.name: path.read_bytes() for path in (folder / "reports").rglob("*.csv")}
        assert [line for line in evaluated.output.splitlines() if line.endswith(":")] == ["input:", "gamma:"]
        # Of results that are read from files, metrics come in the files' order.
        shown = sorted(evaluated.output.splitlines())
        found[engine] = (Study.read(Study.path(folder / "reports", "exponents")).contrasts, tables, shown)
    assert {"exponents.csv", "gamma.csv", "input.csv"} <= set(found[None][1])
    assert found["slurm"] == found[None]
    assert found["ray"] == found[None]
    # What is done is not done again: there is nothing to start.
    monkeypatch.setattr(module, "executor", lambda _: pytest.fail("a job was started"))
    assert Project().study("exponents", "ray").contrasts == found[None][0]
