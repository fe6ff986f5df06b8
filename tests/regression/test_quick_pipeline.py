"""A quick pipeline, really trained and gated: it passes as it is, fails with faults planted in its code, and can be reproduced.

Two methods are trained from fixed seeds on a small demo set, in a copy of the code with a repository of its own, and compared
with `quick_baseline.json`, wide enough for other processors. After a change that is meant to move these numbers, look at them
and accept them: `LLE_ACCEPT=reason python -m pytest tests/regression/test_quick_pipeline.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

from lle.files import read_json

ROOT = Path(__file__).parents[2]
BASELINE = Path(__file__).with_name("quick_baseline.json")
# A forward pass of a fraction of a millisecond is timed: on a busy machine it has taken eight times as long.
WIDE = ["--latency", "40", *(f"--tolerance={text}" for text in ("psnr=0.4", "psnr_gt_mean=0.4", "loe=8", "loe_100=40", "piqe=3"))]
METHODS = ("sci", "zero_dce")
STEPS = [
    "fetch demo",
    *(f"{step} {name}" for name in METHODS for step in ("train", "profile")),
    *(f"evaluate {name} demo" for name in METHODS),
]
# One process for many steps: starting torch takes longer than most of them.
PROGRAM = "import sys, lle\nfor step in sys.argv[1:]: name, *words = step.split(); getattr(lle.Project(), name)(*words)"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code with small settings, committed, and its results."""
    folder = tmp_path_factory.mktemp("quick") / "project"
    shutil.copytree(ROOT / "lle", folder / "lle", ignore=shutil.ignore_patterns("__pycache__"))
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["train"] |= {"data": "demo", "threads": 1, "validate_images": 0}
    params["profile"] |= {"sizes": [[64, 64]], "threads": 1, "seconds": 0.2}
    params["data"]["demo"] |= {"train": 8, "val": 2, "test_full": 0, "test_crops": 2, "crop": [256, 256]}
    params["methods"]["sci"] |= {"iterations": 60, "batch_size": 2, "crop": 48, "lr": 0.01}
    params["methods"]["zero_dce"] |= {"iterations": 40, "batch_size": 2, "crop": 48, "lr": 0.002}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    (folder / ".gitignore").write_text("/build/\n/reports/\n__pycache__/\n", encoding="utf-8")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    run(folder, *STEPS)
    return folder


def call(folder: Path, *words: str, code: int = 0) -> str:
    """Runs a program with the code of a folder and returns what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def run(folder: Path, *steps: str) -> None:
    call(folder, sys.executable, "-c", PROGRAM, *steps)


def test_it_is_as_good_as_what_was_accepted(project: Path, tmp_path: Path) -> None:
    if os.environ.get("LLE_ACCEPT"):
        call(project, "lle", "gate", "--accept", os.environ["LLE_ACCEPT"], "--portable", "--baseline", str(BASELINE))
    files = ["--junit", str(tmp_path / "gate.xml"), "--markdown", str(tmp_path / "gate.md")]
    assert "The gate is open" in call(project, "lle", "gate", "--baseline", str(BASELINE), *WIDE, *files)
    suite = ElementTree.parse(tmp_path / "gate.xml").getroot()
    assert suite.attrib["failures"] == "0"
    subjects = {case.attrib["classname"] for case in suite}
    assert subjects == {*METHODS, *(f"demo.{name}" for name in METHODS)}
    assert (tmp_path / "gate.md").read_text(encoding="utf-8").startswith("### ✅")


def test_planted_faults_close_the_gate(project: Path, tmp_path: Path) -> None:
    """A loss that lost its sign, a metric that is off by a factor, and a network that does a part of its work 4000 times."""
    broken = tmp_path / "broken"
    shutil.copytree(project, broken)

    def plant(name: str, before: str, after: str) -> None:
        path = broken / "lle" / name
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1
        path.write_text(text.replace(before, after), encoding="utf-8")

    plant("losses/zero_reference.py", '"exposure": config.exposure_weight', '"exposure": -config.exposure_weight')
    work = "features = self.in_conv(image)"
    plant("methods/sci/network.py", work, f"{work}\n        for _ in range(4000):\n            features = self.in_conv(image)")
    run(broken, "train zero_dce", "evaluate zero_dce demo", "profile sci")
    plant("metrics/psnr.py", "10 * np.log10", "9 * np.log10")
    run(broken, "evaluate sci demo")
    text = call(broken, "lle", "gate", "--baseline", str(BASELINE), *WIDE, code=1)
    failed = {tuple(line.split()[1:3]) for line in text.splitlines() if line.startswith("FAIL")}
    assert {("demo/zero_dce", "psnr"), ("demo/zero_dce", "ssim"), ("demo/sci", "psnr"), ("sci", "latency")} <= failed
    assert {subject for subject, _ in failed} == {"demo/zero_dce", "demo/sci", "sci"}
    assert {name for subject, name in failed if subject == "demo/sci"} <= {"psnr", "psnr_gt_mean"}
    assert "The gate is CLOSED" in text


def test_a_result_is_made_again_from_what_it_records(project: Path) -> None:
    """Data, training and measurement, in a clean working tree, without help, to the last bit."""
    path = "reports/metrics/demo/sci.json"
    origin = read_json(project / path)["provenance"]
    assert origin["before"] == ["lle fetch demo", "lle train sci"]
    text = call(project, "lle", "reproduce", path)
    assert f"{path}: reproduced with lle fetch demo && lle train sci && lle evaluate sci demo" in text
    assert "provenance differs" not in text
    assert not list((project / ".git").glob("worktrees/*"))
