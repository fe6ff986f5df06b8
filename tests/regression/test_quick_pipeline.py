"""A quick pipeline, really trained and gated: it passes as it is, fails with faults planted in its code, and can be reproduced.

Two methods are trained on a small demo set, in a copy of the code with a repository of its own, and compared with the results in
`quick/`, which hold three seeds on two instruction sets (the study `spread`), so that the gate knows what another machine may
give. After a change that is meant to move these numbers, look at them and accept them:
`LLE_ACCEPT=1 python -m pytest tests/regression/test_quick_pipeline.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lle.files import read_json
from tests import warm

ROOT = Path(__file__).parents[2]
ACCEPTED = Path(__file__).with_name("quick")
METHODS = ("unet", "zero_dce")
STEPS = [
    "fetch demo",
    *(f"{step} {name}" for name in METHODS for step in ("train", "profile")),
    *(f"evaluate {name} demo" for name in METHODS),
]

pytestmark = pytest.mark.timeout(600)
LOADER: dict[str, str] = {}
"""Address of the loader of the `lle` commands below: reproducing alone starts three."""


@pytest.fixture(scope="module", autouse=True)
def _store(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One store for all trainings: they write to it while they run, and MLflow takes seconds to make its tables."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    shutil.copyfile(empty_store, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        yield


@pytest.fixture(scope="module", autouse=True)
def _loader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with warm.loader(tmp_path_factory.mktemp("loader") / "socket") as address:
        LOADER.update(address)
        yield
    LOADER.clear()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code with small settings, committed, and its results."""
    folder = tmp_path_factory.mktemp("quick") / "project"
    shutil.copytree(ROOT / "lle", folder / "lle", ignore=shutil.ignore_patterns("__pycache__"))
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["train"] |= {"data": "demo", "threads": 1, "validate_images": 0}
    params["profile"] |= {"sizes": [[64, 64]], "threads": 1, "seconds": 0.2}
    params["data"]["demo"] |= {"train": 8, "val": 2, "test_full": 0, "test_crops": 2, "crop": [256, 256]}
    # Long enough, and with a rate that falls to nothing, that three seeds agree to some tenths of a decibel.
    params["methods"]["unet"] |= {"iterations": 60, "batch_size": 4, "crop": 64, "lr": 0.002, "schedule": "cosine"}
    params["methods"]["zero_dce"] |= {"iterations": 80, "batch_size": 4, "crop": 48, "lr": 0.002, "schedule": "cosine"}
    params["suite"] |= {"methods": list(METHODS), "guided": [], "attention": [], "mechanisms": [], "segment": [], "datasets": ["demo"]}
    spread = {"title": "Spread", "datasets": ["demo"], "seeds": [0, 1, 2], "processors": ["native", "baseline"], "variants": "suite"}
    params["studies"] = {"spread": spread}
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
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", **LOADER}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def run(folder: Path, *steps: str) -> None:
    """Runs methods of `lle.Project` with the code of a folder."""
    warm.call(_steps, folder, *steps)


def _steps(*steps: str) -> None:
    import torch

    import lle

    torch.set_num_threads(1)
    for step in steps:
        name, *words = step.split()
        getattr(lle.Project(), name)(*words)


def test_it_is_as_good_as_what_was_accepted(project: Path, tmp_path: Path) -> None:
    if os.environ.get("LLE_ACCEPT"):
        run(project, "study spread")
        shutil.rmtree(ACCEPTED, ignore_errors=True)
        for name in ("metrics", "profile", "studies"):
            shutil.copytree(project / "reports" / name, ACCEPTED / name)
    files = ["--junit", str(tmp_path / "gate.xml"), "--markdown", str(tmp_path / "gate.md")]
    assert "The gate is open" in call(project, "lle", "gate", "--against", str(ACCEPTED), *files)
    suite = ElementTree.parse(tmp_path / "gate.xml").getroot()
    assert suite.attrib["failures"] == "0"
    subjects = {case.attrib["classname"] for case in suite}
    assert subjects == {*METHODS, *(f"demo.{name}" for name in METHODS)}
    assert (tmp_path / "gate.md").read_text(encoding="utf-8").startswith("### ✅")


def test_planted_faults_close_the_gate(project: Path, tmp_path: Path) -> None:
    """A loss that lost its sign, a metric that is off by a factor, and a network that does a part of its work twice."""
    broken = tmp_path / "broken"
    shutil.copytree(project, broken)

    def plant(name: str, before: str, after: str) -> None:
        path = broken / "lle" / name
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1
        path.write_text(text.replace(before, after), encoding="utf-8")

    plant("losses/zero_reference.py", '"exposure": config.exposure_weight', '"exposure": -config.exposure_weight')
    work = "x = block(F.max_pool2d(x, 2) if level else x)"
    plant("methods/unet/network.py", work, f"if not level:\n                block(x)\n            {work}")
    plant("metrics/psnr.py", "10 * np.log10", "9 * np.log10")
    run(broken, "train zero_dce", "evaluate zero_dce demo", "profile unet", "evaluate unet demo")
    text = call(broken, "lle", "gate", "--against", str(ACCEPTED), code=1)
    assert "The gate is CLOSED" in text
    failed = closed_by(text)
    assert {("demo/zero_dce", "psnr"), ("demo/zero_dce", "ssim"), ("demo/unet", "psnr"), ("unet", "MACs")} <= failed
    assert {subject for subject, _ in failed} == {"demo/zero_dce", "demo/unet", "unet"}
    assert {name for subject, name in failed if subject == "demo/unet"} <= {"psnr", "psnr_gt_mean"}


def closed_by(text: str) -> set[tuple[str, str]]:
    """Returns subject and first word of the measure of every failed check."""
    return {(words[1], words[2]) for line in text.splitlines() if line.startswith("FAIL") and (words := line.split())}


def test_a_result_is_made_again_from_what_it_records(project: Path) -> None:
    """Data, training and measurement, in a clean working tree, without help, to the last bit."""
    path = "reports/metrics/demo/unet.json"
    origin = read_json(project / path)["provenance"]
    assert origin["before"] == ["lle fetch demo", "lle train unet"]
    text = call(project, "lle", "reproduce", path)
    assert f"{path}: reproduced with lle fetch demo && lle train unet && lle evaluate unet demo" in text
    assert "provenance differs" not in text
    assert not list((project / ".git").glob("worktrees/*"))
