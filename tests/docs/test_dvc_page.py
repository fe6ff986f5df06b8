"""What docs/dvc.md and docs/read_results.md say of artifacts, plots and tables, done with DVC in a small repository and in this one."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import warm
from tests.docs.pages import ROOT, blocks

pytest.importorskip("dvc", reason="the extra `suite` is not installed")
LISTED = yaml.safe_load((ROOT / "pipelines/zoo/dvc.yaml").read_text(encoding="utf-8"))["artifacts"]
PLOTS = yaml.safe_load((ROOT / "pipelines/plots/dvc.yaml").read_text(encoding="utf-8"))["plots"]
COMMANDS = [line.partition(" #")[0].strip() for block in blocks(ROOT / "docs/dvc.md", "sh") for line in block.splitlines()]


def python(*words: str, cwd: Path) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    ended = subprocess.run([sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, f"{words}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def dvc(*words: str, cwd: Path) -> str:
    ended = warm.dvc(words, cwd, {**os.environ, "DVC_NO_ANALYTICS": "1"}, timeout=120)
    assert ended.returncode == 0, f"{words}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed weights, curves and their lists, in a repository of their own."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("lle/zoo", "pipelines/zoo", "pipelines/plots", "reports/curves"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    for key, value in (("user.name", "a"), ("user.email", "a@b")):
        subprocess.run(["git", "config", key, value], cwd=folder, check=True)
    dvc("init", "--quiet", cwd=folder)
    subprocess.run([*git, "add", "--all"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "all"], cwd=folder, check=True)
    return folder


def done(words: str, folder: Path) -> None:
    """Runs the command of the page that begins so."""
    (line,) = [line for line in COMMANDS if line.startswith(words)]
    for part in line.split(" && "):
        program, *rest = shlex.split(part)
        if program == "dvc":
            dvc(*rest, cwd=folder)
        else:
            subprocess.run([program, *rest], cwd=folder, check=True, timeout=120)


def test_every_packed_model_is_an_artifact() -> None:
    packed = sorted(path.parent.name for path in (ROOT / "lle/zoo").glob("*/model.safetensors"))
    assert sorted(LISTED) == [name.replace("_", "-") for name in packed]
    for entry in LISTED.values():
        assert (ROOT / "pipelines/zoo" / entry["path"]).is_file()
        assert entry["type"] == "model"
        assert any(label.startswith("licence-") for label in entry["labels"])
    assert [name for name, entry in LISTED.items() if "default" in entry["labels"]] == ["lampnet"]


def test_weights_are_had_by_their_name(repository: Path) -> None:
    done("git tag", repository)
    done("dvc artifacts get", repository)
    assert (repository / "lampnet.safetensors").read_bytes() == (ROOT / "lle/zoo/lampnet/model.safetensors").read_bytes()


def test_the_plots_find_the_curves(repository: Path) -> None:
    """Every plot that `pipelines/plots` defines has its tables, and DVC reads a value for every point of them."""
    shown = json.loads(dvc("plots", "show", "--json", cwd=repository))
    assert "errors" not in shown
    names = [name for plot in PLOTS for name in plot]
    assert {key.rpartition("::")[2] for key in shown["data"]} == set(names)
    for plot in PLOTS:
        for name, definition in plot.items():
            for path, column in definition["y"].items():
                lines = (ROOT / "pipelines/plots" / path).read_text(encoding="utf-8").splitlines()
                assert lines[0] == f"iteration,{column}"
                assert len(lines) > 1, f"{name}: {path} has no point"
    done("mkdir -p build && dvc plots show", repository)
    assert (repository / "build/plots/index.html").is_file()


def test_the_table_of_a_paper_is_pulled_from_a_commit() -> None:
    text = python("-c", blocks(ROOT / "docs/read_results.md", "python")[0], cwd=ROOT)
    best = max(
        (json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "reports/metrics/mine_rendered").glob("*.json")),
        key=lambda result: result["metrics"]["psnr"]["mean"],
    )
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert rows[1].split(" & ")[0].replace(r"\_", "_") == best["method"]
    assert r"\begin{tabular}" in text
