"""Each command on a page is run: here, by the test that `commands.yaml` names, or by nobody, if it is marked and listed there."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from lle.cli import main
from tests import warm
from tests.docs.pages import KINDS, PAGES, ROOT, blocks, commands

INDEX = yaml.safe_load(Path(__file__).with_name("commands.yaml").read_text(encoding="utf-8"))
LISTED = commands()
HERE = ("README.md", "docs/enhance.md", "docs/experiments.md", "docs/index.md", "docs/own_data.md", "docs/rate.md")
"""Pages whose unmarked `lle` commands are run here, in their order."""
TINY = {"iterations": 2, "batch_size": 2, "crop": 32}
SETTINGS = {
    "suite": {"methods": ["gamma"], "datasets": ["own"], "prepare": ["own"]},
    "train": {"data": "own", "accelerator": "cpu", "threads": 1, "validate_images": 0},
    "evaluate": {"resamples": 100, "samples": 1},
    "profile": {"sizes": [[32, 32]]},
    "data": {"own": {"kind": "folder", "source": "pictures"}, "mymine": {"kind": "folder", "source": "pictures"}},
    "methods": {"sci": TINY, "zero_dce": {**TINY, "width": 4}, "unet": TINY},
}


def test_marked_commands_are_those_listed() -> None:
    """A command gets a mark only by an entry here: what no test runs is known."""
    marked = {kind: sorted({listed.text for listed in LISTED if kind in listed.marks}) for kind in KINDS}
    assert marked == INDEX["marked"]


def test_every_other_command_is_run() -> None:
    run = (
        {listed.text for listed in LISTED if listed.page in HERE and listed.text.startswith("lle ")}
        | set(INDEX["elsewhere"])
        | set(INDEX["dvc"])
    )
    left = [f"{listed.page}: {listed.text}" for listed in LISTED if not listed.marks and listed.text not in run]
    assert not left, "neither run by a test nor marked"
    texts = Counter(listed.text for listed in LISTED)
    assert not [text for text in (*INDEX["elsewhere"], *INDEX["dvc"]) if text not in texts], "on no page any more"


def test_no_command_hides_in_a_block_of_another_kind() -> None:
    """A block names its language; shell commands stand in `sh` alone, but for a file of SLURM's."""
    for path in PAGES:
        fences = re.findall(r"^```(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)[::2]
        assert set(fences) <= {"sh", "python", "yaml", "bash"}, path
        assert fences.count("bash") <= (path.name == "several_gpus.md"), path


@pytest.mark.parametrize("text", INDEX["elsewhere"])
def test_tests_elsewhere_exist(text: str) -> None:
    file, _, name = INDEX["elsewhere"][text].partition("::")
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def photograph(seed: int, light: float) -> Image.Image:
    blocks_ = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray((np.kron(blocks_, np.ones((12, 12, 1))) * light).astype(np.uint8))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photograph, a folder of two, and eight pairs."""
    monkeypatch.chdir(tmp_path)
    for name in ("folder", "pictures/low", "pictures/normal"):
        Path(name).mkdir(parents=True)
    for seed in range(8):
        photograph(seed, 0.2).save(f"pictures/low/{seed}.png")
        photograph(seed, 1.0).save(f"pictures/normal/{seed}.png")
    photograph(0, 0.2).save("photo.jpg")
    for seed in range(2):
        photograph(seed, 0.2).save(f"folder/{seed}.png")
    return tmp_path


def run(*words: str) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, f"lle {shlex.join(words)}: {result.output} {result.exception}"
    return result.output


@pytest.mark.parametrize("page", HERE)
def test_a_page_runs(page: str, folder: Path) -> None:
    settings = yaml.safe_load(blocks(ROOT / page, "yaml")[0]) if page == "docs/index.md" else SETTINGS
    if page == "docs/index.md":
        # As the page says, but for the length of the training.
        settings["methods"]["unet"] |= TINY
        settings["train"]["threads"] = 1
    (folder / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    if page == "docs/enhance.md":
        run("train", "sci", "--no-live")
        run("train", "zero_dce", "--no-live")
    lines = [listed.text for listed in LISTED if listed.page == page and not listed.marks and listed.text.startswith("lle ")]
    lines = [line for line in lines if line not in INDEX["elsewhere"]]
    assert lines
    for line in lines:
        run(*shlex.split(line)[1:])
        made = re.search(r" -o (\w+)", line)
        if made:
            assert list(Path(made[1]).rglob("*.*")), line
            if "--skip-existing" not in line and line != lines[-1]:
                shutil.rmtree(made[1])


@pytest.mark.parametrize("text", INDEX["dvc"])
def test_dvc_reads_the_repository(text: str) -> None:
    if find_spec("dvc") is None:
        pytest.skip("the extra `suite` is not installed")
    history = subprocess.run(["git", "rev-parse", "--verify", "--quiet", "HEAD~1"], cwd=ROOT, capture_output=True, check=False)
    if history.returncode != 0:
        pytest.skip("dvc compares with a commit before, and there is none here")
    program, *words = shlex.split(text)
    assert program == "dvc"
    done = warm.dvc(words, ROOT, os.environ, timeout=120)
    assert done.returncode == 0, done.stderr
