"""The shell steps of the workflows to copy, run with a folder as remote and stand-ins for `gh` and `curl`: a comment with pictures."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT

PICTURE = b"RIFF0000WEBPVP8 "
ROWS = ("demo-gamma", "demo-input", "mine_rendered-unet")


def steps(name: str) -> dict:
    return yaml.safe_load((ROOT / f"examples/ci/{name}.yml").read_text(encoding="utf-8"))


def stand_in(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def git(*words: str, cwd: Path) -> str:
    return subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with a remote, in which the gate has written its table, and samples of three methods."""
    git("init", "--quiet", "--bare", "remote.git", cwd=tmp_path)
    git("init", "--quiet", "work", cwd=tmp_path)
    folder = tmp_path / "work"
    git("remote", "add", "origin", str(tmp_path / "remote.git"), cwd=folder)
    (folder / "gate.md").write_text("### The gate is open\n", encoding="utf-8")
    for row in ROWS:
        for sample in ("a", "b"):
            path = folder / "reports/samples" / row.replace("-", "/") / f"{sample}.webp"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PICTURE + sample.encode())
    return folder


def run(script: str, work: Path, **more: str) -> None:
    env = {**os.environ, "PATH": f"{work.parent / 'bin'}{os.pathsep}{os.environ['PATH']}", **more}
    done = subprocess.run(["bash", "-e", "-c", script], cwd=work, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_github_comments_with_the_table_and_pictures_of_a_branch_of_its_own(work: Path, tmp_path: Path) -> None:
    step = steps("github")["jobs"]["gate"]["steps"][-1]
    more = {key: value for key, value in step["env"].items() if "${{" not in value}
    more |= {"GH_TOKEN": "x", "NUMBER": "7", "RUNNER_TEMP": str(tmp_path), "SAID": str(tmp_path / "said")}
    more |= {"GITHUB_RUN_ID": "12", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "me/it"}
    stand_in(tmp_path / "bin", "gh", 'echo "$@" > "$SAID"; cat gate.md >> "$SAID"')
    for _ in range(2):  # the second push of a pull request replaces the pictures
        run(step["run"], work, **more)
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert said.startswith("pr comment 7 ")
    assert "### The gate is open" in said
    commit = git("rev-parse", "refs/heads/gate-pictures-7", cwd=tmp_path / "remote.git").strip()
    for row in ROWS:
        assert f'src="https://github.com/me/it/raw/{commit}/pictures/{row}.webp"' in said
        shown = subprocess.run(
            ["git", "show", f"{commit}:pictures/{row}.webp"], cwd=tmp_path / "remote.git", capture_output=True, check=True
        )
        assert shown.stdout == PICTURE + b"a", "the first sample"
    assert git("ls-tree", "--name-only", commit, cwd=tmp_path / "remote.git").split() == ["pictures"], "nothing else is pushed"


def test_gitlab_comments_with_the_table_and_uploaded_pictures(work: Path, tmp_path: Path) -> None:
    (script,) = steps("gitlab")["gate"]["after_script"]
    answer = r'case "$*" in *uploads) echo "{\"markdown\": \"![](/uploads/$(echo "$*" | sed "s/.*samples.\([^ ]*\).*/\1/"))\"}";; esac'
    stand_in(tmp_path / "bin", "curl", f'echo "$@" >> "$SAID"; {answer}')
    more = {
        "GATE_TOKEN": "x",
        "SAID": str(tmp_path / "said"),
        "CI_API_V4_URL": "https://git",
        "CI_PROJECT_ID": "3",
        "CI_MERGE_REQUEST_IID": "5",
    }
    run(script, work, **more)
    calls = (tmp_path / "said").read_text(encoding="utf-8").splitlines()
    assert len(calls) == len(ROWS) + 1
    assert calls[-1].endswith("https://git/projects/3/merge_requests/5/notes")
    text = (work / "gate.md").read_text(encoding="utf-8")
    assert text.startswith("### The gate is open")
    assert re.findall(r"/uploads/(\S+)a\.webp", text) == [row.replace("-", "/") + "/" for row in ROWS]


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_nothing_is_said_where_the_gate_wrote_nothing(name: str, work: Path, tmp_path: Path) -> None:
    (work / "gate.md").unlink()
    for tool in ("gh", "curl"):
        stand_in(tmp_path / "bin", tool, "exit 1")
    found = steps(name)
    script = found["jobs"]["gate"]["steps"][-1]["run"] if name == "github" else found["gate"]["after_script"][0]
    run(script, work, GATE_TOKEN="x")
