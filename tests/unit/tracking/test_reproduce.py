"""A recorded command runs again at its commit, and nothing of the user's tree is touched."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from lle.errors import LleError
from lle.files import read_json, write_json
from lle.tracking.reproduce import reproduce

PROGRAM = """
import json, os, sys
from pathlib import Path
value = json.loads(Path("value.json").read_text())
metrics = {"psnr": {"mean": value}, "musiq": {"mean": None, "missing": "no weights"}}
made = {"method": "m", "dataset": "demo", "images": 1, "metrics": metrics, "provenance": {"versions": {"x": "2"}}}
out = Path("reports/metrics/demo"); out.mkdir(parents=True, exist_ok=True)
(out / "m.json").write_text(json.dumps(made))
print("tree on the path:", os.environ["PYTHONPATH"] == os.getcwd())
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "make.py").write_text(PROGRAM)
    (folder / "value.json").write_text("20.5")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    record(folder)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "results")
    (folder / "value.json").write_text("99")  # the tree moves on
    return folder


def record(folder: Path, value: float = 20.5, command: str | None = "python make.py", commit: str | None = None) -> Path:
    path = folder / "reports/metrics/demo/m.json"
    origin = {"command": command, "git": commit or git(folder, "rev-parse", "HEAD"), "versions": {"x": "1"}}
    metrics = {"psnr": {"mean": value}, "musiq": {"mean": None}}
    write_json(path, {"method": "m", "dataset": "demo", "images": 1, "metrics": metrics, "provenance": origin})
    return path


def test_the_same_number_again(repository: Path, tmp_path: Path) -> None:
    path = repository / "reports/metrics/demo/m.json"
    before = path.read_bytes()
    with (tmp_path / "out").open("w") as out:
        result = reproduce(path, repository, out=out)
    assert result.same
    assert result.exit_code == 0
    assert "tree on the path: True" in (tmp_path / "out").read_text()
    assert path.read_bytes() == before
    assert git(repository, "worktree", "list").count("\n") == 0
    assert "versions.x: 1 -> 2" in result.differences
    assert str(result).endswith("reports/metrics/demo/m.json: reproduced with python make.py")


def test_another_number_is_reported(repository: Path) -> None:
    path = repository / "reports/metrics/demo/m.json"
    recorded = read_json(path)
    recorded["metrics"]["psnr"]["mean"] = 20.4
    path.write_text(json.dumps(recorded))
    result = reproduce(path, repository, out=subprocess.DEVNULL)
    assert not result.same
    assert result.exit_code == 1
    assert "DIFFERS psnr   20.4 -> 20.5" in str(result)
    assert reproduce(path, repository, tolerance=0.01, out=subprocess.DEVNULL).same


def test_commands_before_it_run_in_the_same_tree(repository: Path) -> None:
    path = repository / "reports/metrics/demo/m.json"
    change = "python -c \"open('value.json', 'w').write('7')\""
    result = reproduce(path, repository, before=[change], out=subprocess.DEVNULL)
    assert {v.name: v.reproduced for v in result.values} == {"psnr": 7, "musiq": None}
    assert (repository / "value.json").read_text() == "99"


def test_the_recorded_commands_run_first_unless_others_are_named(repository: Path) -> None:
    path = record(repository, commit=git(repository, "rev-parse", "HEAD"))
    recorded = read_json(path)
    recorded["provenance"]["before"] = ["python -c \"open('value.json', 'w').write('20.5')\""]
    path.write_text(json.dumps(recorded))
    result = reproduce(path, repository, out=subprocess.DEVNULL)
    assert result.same
    assert result.commands == (*recorded["provenance"]["before"], "python make.py")
    change = "python -c \"open('value.json', 'w').write('7')\""
    assert reproduce(path, repository, before=[change], out=subprocess.DEVNULL).commands == (change, "python make.py")


def test_what_lies_beside_the_repository_is_seen(repository: Path) -> None:
    (repository.parent / "photos").mkdir()
    (repository.parent / "photos/value.json").write_text("3")
    path = record(repository, commit=git(repository, "rev-parse", "HEAD"))
    copy = "python -c \"import shutil; shutil.copy('../photos/value.json', 'value.json')\""
    result = reproduce(path, repository, before=[copy], out=subprocess.DEVNULL)
    assert {value.name: value.reproduced for value in result.values}["psnr"] == 3
    assert (repository.parent / "photos/value.json").is_file()


def test_a_file_without_metrics_is_refused(repository: Path) -> None:
    path = repository / "reports/profile/m.json"
    write_json(path, {"parameters": 1, "provenance": {"command": "python make.py", "git": "0" * 40}})
    with pytest.raises(LleError, match="no metrics"):
        reproduce(path, repository)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"command": None}, "names no command"),
        ({"commit": "0" * 40 + "-dirty"}, "uncommitted changes"),
        ({"commit": "0" * 40}, "git worktree failed"),
        ({"command": "python -c 'raise SystemExit(3)'"}, "exit code 3"),
        ({"command": "python -c pass"}, "did not write"),
        ({"command": "no-such-program-here"}, "is not installed"),
    ],
)
def test_what_stands_in_the_way_is_named(repository: Path, changes: dict[str, str | None], message: str) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    path = record(repository, **{"commit": commit, **changes})
    with pytest.raises(LleError, match=message):
        reproduce(path, repository, out=subprocess.DEVNULL)
    assert git(repository, "worktree", "list").count("\n") == 0


def test_a_file_from_elsewhere_is_refused(repository: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "m.json", {})
    with pytest.raises(LleError, match="does not lie in the repository"):
        reproduce(tmp_path / "m.json", repository)


def test_a_command_that_hangs_is_stopped(repository: Path) -> None:
    path = record(repository, command="python -c 'import time; time.sleep(60)'")
    with pytest.raises(LleError, match="longer than 1 s"):
        reproduce(path, repository, seconds=1, out=subprocess.DEVNULL)
