"""A DVC that was killed while it wrote its own files does not stop every later run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lle.config.load import load_params
from lle.project import lanes
from lle.project.half_written import mend
from tests.conftest import ROOT

pytest.importorskip("dvc", reason="needs the extra `suite`: pip install -e '.[suite]'")
GOOD = "schema: '2.0'\nstages:\n  one:\n    cmd: lle one\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder in which DVC has run, with a committed dvc.lock."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/tmp/rwlock").write_text('{"read": {}, "write": {}}')
    (tmp_path / "dvc.lock").write_text(GOOD)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "dvc.lock"], ["commit", "-qm", "start"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    return tmp_path


def test_whole_files_are_left_alone(project: Path) -> None:
    (project / "dvc.lock").write_text(GOOD + "  two:\n    cmd: lle two\n")
    assert mend(project) == []
    assert "two" in (project / "dvc.lock").read_text()
    assert mend(project / "nowhere") == []


@pytest.mark.parametrize("left", ["", GOOD[:30], GOOD + "  two:\n    c", "<<<<<<< ours\n" + GOOD])
def test_a_damaged_lock_file_is_set_aside_for_the_committed_one(project: Path, left: str) -> None:
    (project / "dvc.lock").write_text(left)
    (sentence,) = mend(project)
    assert (project / "dvc.lock").read_text() == GOOD
    assert (project / ".dvc/tmp/dvc.lock.damaged").read_text() == left
    assert "dvc.lock.damaged" in sentence
    assert "committed" in sentence


def test_without_a_committed_one_all_runs_again(project: Path) -> None:
    subprocess.run(["git", "rm", "-q", "--cached", "dvc.lock"], cwd=project, check=True)
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "gone"], cwd=project, check=True)
    (project / "dvc.lock").write_text("")
    assert "all stages run again" in mend(project)[0]
    assert not (project / "dvc.lock").exists()


def test_without_git_all_runs_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    (project / "dvc.lock").write_text("")
    assert "all stages run again" in mend(project)[0]
    assert (project / ".dvc/tmp/dvc.lock.damaged").exists()


def test_a_damaged_list_of_locks_is_removed(project: Path) -> None:
    (project / ".dvc/tmp/rwlock").write_text("")
    assert len(mend(project)) == 1
    assert not (project / ".dvc/tmp/rwlock").exists()
    assert (project / "dvc.lock").read_text() == GOOD


def test_what_another_dvc_writes_is_not_touched(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dvc.lock

    monkeypatch.setattr(dvc.lock, "DEFAULT_TIMEOUT", 0.01)
    (project / "dvc.lock").write_text("")
    with dvc.lock.Lock(str(project / ".dvc/tmp/lock")):
        assert mend(project) == []
    assert (project / "dvc.lock").read_text() == ""
    assert len(mend(project)) == 1


def test_the_pipeline_runs_once_more_after_mending(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []

    def fails_with_damage(*_: object) -> int:
        codes.append(255 if (project / "dvc.lock").read_text() != GOOD else 0)
        return codes[-1]

    monkeypatch.setattr(lanes, "repro", fails_with_damage)
    (project / "dvc.lock").write_text("")
    assert lanes.run(load_params(ROOT / "params.yaml"), 2, project) == 0
    assert codes == [255, 0]
    assert "The pipeline is run again" in capsys.readouterr().out
    monkeypatch.setattr(lanes, "repro", lambda *_: codes.append(1) or 1)
    assert lanes.run(load_params(ROOT / "params.yaml"), 2, project) == 1
    assert codes == [255, 0, 1], "a stage that fails is not tried again"
