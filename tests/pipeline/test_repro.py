"""The real pipeline on a tiny configuration, in a copy of the checkout with a repository of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from lle import registry
from lle.tracking.stored import stored
from tests import warm

ROOT = Path(__file__).parents[2]
METHODS = ["gamma", "sci", "zero_dce", "distill"]
TRAINED = METHODS[1:]
LOADER: dict[str, str] = {}
"""Address of the loader of this module's stages, see `lle.launch`: dozens of them import torch."""

# Far above what a slow and busy machine takes.
pytestmark = pytest.mark.timeout(2400)


@pytest.fixture(scope="module")
def project(tmp_path_factory, empty_store) -> Path:
    """A copy of the tracked files with a small suite, committed, and a store without runs."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copyfile(empty_store, folder / "mlflow.db")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        written = Path(name).name in {"claims.yaml", "README.md"}
        results = name.startswith(("reports/", "tests/")) and not written
        if not results and name != "dvc.lock" and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    params["suite"] |= {"methods": METHODS, "datasets": ["demo"], "prepare": ["demo", "demo_seg"], "segment": []}
    params["train"] |= {"data": "demo", "threads": 1, "checkpoint_every": 5, "validate_every": 5, "validate_images": 2}
    params["suite"]["guided"] = []
    params["suite"]["mechanisms"] = []
    params["studies"] = {"pie_vs_zero_dce": params["studies"]["pie_vs_zero_dce"]}  # the keys of every run take their time
    scenario = {"title": "Small", "method": "sci", "cameras": 4}
    params["iovt"] = {"paper": {"method": "sci"}, "scenarios": {"small": scenario}}
    params["clip"] |= {"pictures": 16, "held_out": 16, "size": 32, "iterations": 1, "batch_size": 2}
    params["profile"] |= {"sizes": [[64, 64]], "threads": 1, "seconds": 0.2}
    params["data"]["demo"] |= {"train": 8, "val": 2, "test_full": 0, "test_crops": 1, "crop": [256, 256]}
    params["data"]["demo_seg"] |= {"train": 2, "val": 1, "test": 1}
    for name in (*TRAINED, "net_t"):
        params["methods"][name] |= {"iterations": 10, "batch_size": 2, "crop": 32}
    params["methods"]["zero_dce"]["width"] = params["methods"]["net_t"]["channels"] = 8
    params["methods"]["distill"] |= {"channels": 8, "teacher_channels": 8, "w_perceptual": 0.0}
    # Each DVC command parses the file several times.
    params["methods"] = {name: params["methods"][name] for name in (*METHODS, "net_t") if name in params["methods"]}
    params["zoo"] = {"unet": params["zoo"]["unet"]}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    subprocess.run(["lle", "pipeline", "write"], cwd=folder, env=environment(folder), check=True, capture_output=True)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _loader(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    address = tmp_path_factory.mktemp("loader") / "socket"
    with warm.new_loader(address, environment(project)):
        LOADER["LLE_LOADER"] = str(address)
        yield
        LOADER.clear()


def environment(folder: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # The stages run `lle`, which must be that of the copy.
    own = {"PATH": path, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return {**os.environ, **own, **LOADER, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}


def dvc(folder: Path, *arguments: str) -> str:
    done = warm.dvc(arguments, folder, environment(folder))
    assert done.returncode == 0, f"dvc {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def ran(output: str) -> set[str]:
    """Names the stages that ran (or would run)."""
    return {line.split("'")[1] for line in output.splitlines() if line.startswith(("Running stage '", "> Running"))}


@pytest.fixture(scope="module")
def first(project) -> str:
    return dvc(project, "repro")


def test_the_first_run_makes_everything(project, first):
    reports = {path.relative_to(project).as_posix() for path in (project / "reports").rglob("*") if path.is_file()}
    tables = {f"reports/metrics/demo/{name}.{kind}" for name in (*METHODS, "input") for kind in ("json", "csv")}
    expected = {
        *tables,
        *(f"reports/profile/{name}.json" for name in METHODS),
        "reports/clip/model.json",
        "reports/costs.json",
        *(f"reports/training/{name}.json" for name in (*METHODS, "net_t")),
        "reports/attention/demo/distill.json",
        "reports/throughput.json",
        "reports/index.html",
        "reports/leaderboard.md",
        "reports/pictures.html",
        "reports/simulation.html",
        "reports/simulation.json",
        "reports/studies.html",
        *(f"reports/papers/{name}.html" for name in ("clip_isp", "distill", "jcrnet", "pie", "sllen")),
    }
    assert expected <= reports
    kept = {"attention", "clip", "composite", "curves", "mechanism", "samples", "segment", "studies", "zoo", "claims.yaml"}
    assert {name.split("/")[1] for name in reports - expected} <= kept
    models = {
        path.relative_to(project / "build" / "models").as_posix() for path in (project / "build" / "models").rglob("*") if path.is_file()
    }
    assert models == {"gamma/method.json", "gamma/train.json"} | {
        f"{name}/{file}" for name in (*TRAINED, "net_t") for file in ("method.json", "model.safetensors", "train.json", "losses.csv")
    }
    assert {f"train@{name}" for name in METHODS} <= {run.name for run in stored(f"sqlite:///{project}/mlflow.db")}
    assert not list((project / "build" / "scratch").glob("*")), "a finished training leaves no resume checkpoint"
    board = (project / "reports" / "leaderboard.md").read_text(encoding="utf-8")
    assert all(name in board for name in ("Zero-DCE", "SCI", "Gamma"))


def test_a_second_run_does_nothing(project, first):
    assert ran(dvc(project, "repro")) == set()


@contextmanager
def put_back(project: Path, *names: str) -> Iterator[None]:
    """Puts files and folders back as they are now, with the keys and what DVC knows of them: making them again takes long."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {project / name: Path(folder, str(place)) for place, name in enumerate(("dvc.lock", "build/keys", *names))}
        for path, copy in kept.items():
            shutil.copytree(path, copy) if path.is_dir() else shutil.copy2(path, copy)
        try:
            yield
        finally:
            for path, copy in kept.items():
                if path.is_dir():
                    shutil.rmtree(path)
                path.unlink(missing_ok=True)
                shutil.copytree(copy, path) if copy.is_dir() else shutil.copy2(copy, path)


def edited(project: Path, name: str, change: Callable[[str], str]) -> set[str]:
    """Returns the stages that would run after a file was changed, and puts it back."""
    path = project / name
    with put_back(project, name):
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
        # What the stage `keys` runs; DVC would only start it.
        subprocess.run(["lle", "pipeline", "keys"], cwd=project, env=environment(project), capture_output=True, check=True)
        stages = ran(dvc(project, "repro", "--dry"))
    assert "keys" in stages
    return stages


def test_editing_a_method_retrains_it_alone(project, first):
    stages = edited(project, "lle/methods/sci/network.py", lambda text: text.replace("return ", "return 1 * ", 1))
    assert {stage for stage in stages if stage.startswith(("train", "evaluate", "profile", "fetch"))} == {
        "train_sci",
        "evaluate@sci-demo",
        "profile@sci",
    }


def test_editing_a_docstring_retrains_nothing(project, first):
    stages = edited(project, "lle/methods/sci/network.py", lambda text: text.replace('"""', '"""Now documented otherwise. ', 1))
    assert not {stage for stage in stages if stage.startswith(("train", "evaluate", "profile", "fetch", "throughput"))}


def test_changing_one_parameter_retrains_that_method_alone(project, first):
    path = project / "params.yaml"
    before = path.read_text(encoding="utf-8")
    params = yaml.safe_load(before)
    params["methods"]["zero_dce"]["lr"] = 0.0005
    stages = edited(project, "params.yaml", lambda _: yaml.safe_dump(params, sort_keys=False))
    assert {stage for stage in stages if stage.startswith("train_")} == {"train_zero_dce"}


def test_the_full_suite_has_a_training_and_a_measurement_of_every_method(project, first):
    path = project / "params.yaml"
    with put_back(project, "params.yaml", "dvc.yaml", "pipelines/studies/dvc.yaml", "pipelines/plots/dvc.yaml", "build/models", "reports"):
        subprocess.run(["lle", "config", "full"], cwd=project, env=environment(project), capture_output=True, check=True)
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
        stages = set(dvc(project, "stage", "list", "--name-only").split())
        # A method that had no section: DVC checks while it runs that what a stage names is there.
        assert {"train_he", "evaluate@he-demo"} <= ran(dvc(project, "repro", "evaluate@he-demo"))
    ids = {name for name in registry.packages() if registry.card(name).enhances}
    added = ids - set(METHODS)
    assert params["suite"]["methods"][: len(METHODS)] == METHODS
    assert set(params["suite"]["methods"]) == ids <= set(params["methods"])
    assert {stage for name in added for stage in (f"train_{name}", f"evaluate@{name}-demo", f"profile@{name}")} <= stages


def test_another_teacher_retrains_its_student_alone(project, first):
    path = project / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params["methods"]["net_t"]["lr"] = 0.0005
    with put_back(project, "params.yaml", "build/models/net_t", "reports/training/net_t.json"):
        path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
        assert {"keys", "train_net_t"} <= ran(dvc(project, "repro", "train_net_t"))
        stages = ran(dvc(project, "repro", "--dry"))
    assert {stage for stage in stages if stage.startswith("train_")} == {"train_distill"}


def test_metrics_can_be_shown_and_a_changed_one_is_noticed(project, first):
    assert "psnr" in dvc(project, "metrics", "show")
    path = project / "reports" / "metrics" / "demo" / "sci.json"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace('"images": 3', '"images": 4'), encoding="utf-8")
    assert "evaluate@sci-demo" in dvc(project, "status")
    path.write_text(before, encoding="utf-8")


def test_a_clone_without_data_makes_the_same_report(project, first, tmp_path, monkeypatch):
    """What git holds is enough, and neither the clock nor the place of the clone can be seen in the pages."""
    clone = tmp_path / "clone"
    shutil.copytree(project, clone, ignore=shutil.ignore_patterns("build", "cache", "mlflow.db", "mlruns", "__pycache__"))
    entry = yaml.safe_load((clone / "dvc.lock").read_text(encoding="utf-8"))["stages"]["report"]
    outs = [clone / out["path"] for out in entry["outs"]]
    pages = {path.relative_to(clone): path.read_bytes() for out in outs for path in [out, *out.rglob("*")] if path.is_file()}
    assert len(pages) >= 2
    for out in outs:
        shutil.rmtree(out) if out.is_dir() else out.unlink()
    # The loader of this module has the code of the project, and would leave the stages of the clone to processes of their own.
    with warm.loader(tmp_path / "socket") as address:
        monkeypatch.setitem(LOADER, "LLE_LOADER", address["LLE_LOADER"])
        assert ran(dvc(clone, "repro", "--single-item", "keys", "report")) == {"keys", "report"}
    assert {name: (clone / name).read_bytes() for name in pages} == pages
    assert {path.name for path in (clone / "build").iterdir()} == {"keys"}


def test_a_killed_run_continues(project, first):
    shutil.rmtree(project / "build" / "models" / "zero_dce")
    shutil.rmtree(project / ".dvc" / "cache", ignore_errors=True)
    command = ["dvc", "repro", "--force", "--single-item", "train_zero_dce"]
    killed = subprocess.Popen(command, cwd=project, env=environment(project), start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((project / "build" / "scratch").glob("zero_dce-*/resume.pt")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    dvc(project, "repro", "train_zero_dce")
    assert (project / "build" / "models" / "zero_dce" / "model.safetensors").is_file()
