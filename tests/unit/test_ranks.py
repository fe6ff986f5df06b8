"""Two processes through the documented commands: torchrun, which starts them again when one is killed, and the script for SLURM."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import yaml
from PIL import Image

from lle.files import read_json
from lle.project import Project
from tests import warm
from tests.conftest import ROOT

ITERATIONS, EVERY = 200, 10
SETTINGS = {
    "suite": {"methods": ["zero_dce"], "datasets": ["own"], "prepare": ["own"]},
    "train": {"data": "own", "accelerator": "cpu", "threads": 1, "validate_images": 0, "checkpoint_every": EVERY},
    "evaluate": {"resamples": 100, "samples": 1},
    "profile": {"sizes": [[32, 32]]},
    "data": {"own": {"kind": "folder", "source": "pictures"}},
    "methods": {"zero_dce": {"iterations": ITERATIONS, "batch_size": 2, "crop": 32, "width": 4}},
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prepared data set of a few pictures, and settings of a short training."""
    monkeypatch.chdir(tmp_path)
    for number in range(8):
        for folder, light in (("low", 0.2), ("normal", 1.0)):
            blocks = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
            path = tmp_path / "pictures" / folder / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((np.kron(blocks, np.ones((12, 12, 1))) * light).astype(np.uint8)).save(path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    Project().require_prepared("own")
    return tmp_path


def written(project: Path) -> int:
    """Returns when the resume checkpoint was written; 0 where there is none."""
    try:
        return max((path.stat().st_mtime_ns for path in project.glob("build/scratch/*/resume.pt")), default=0)
    except OSError:
        return 0


def iterations_done(project: Path) -> int:
    """Returns how far the resume checkpoint is; 0 where there is none, or it was replaced while it was read."""
    for path in project.glob("build/scratch/*/resume.pt"):
        try:
            return int(torch.load(path, weights_only=True)["progress"]["total"])
        except OSError:
            return 0
    return 0


def second_process(agent: psutil.Process) -> psutil.Process | None:
    """Returns the process of rank 1."""
    for process in agent.children(recursive=True):
        try:
            if process.environ().get("RANK") == "1":
                return process
        except psutil.Error:
            continue
    return None


def test_a_killed_process_is_started_again_and_goes_on_at_the_checkpoint(project: Path):
    pytest.importorskip("ray", reason="takes a minute, so it runs with the tests of clusters: pip install -e '.[ray]'")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "1", "--nproc-per-node", "2", "--max-restarts", "1"]
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "--no-python"]
    options = ["-S", "train.devices=2", "-S", "train.strategy=ddp"]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with (project / "log").open("w") as log:
        agent = subprocess.Popen(
            [*torchrun, *rendezvous, sys.executable, "-m", "lle.cli", "train", "zero_dce", "--no-live", *options],
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            killed_at, seen, read = 0, [], None
            while agent.poll() is None:
                time.sleep(0.02)
                if (newest := written(project)) == read:
                    continue
                read, done = newest, iterations_done(project)
                if done and not killed_at and (victim := second_process(psutil.Process(agent.pid))) is not None:
                    victim.send_signal(signal.SIGKILL)
                    killed_at = done
                if killed_at and done:
                    seen.append(done)
        finally:
            agent.kill()
            agent.wait()
    told = (project / "log").read_text(encoding="utf-8")
    assert agent.returncode == 0, told[-3000:]
    assert EVERY <= killed_at < ITERATIONS
    assert seen == sorted(seen), f"it began anew after {killed_at} iterations: {seen}"
    assert read_json(project / "build/models/zero_dce/train.json")["iterations"] == ITERATIONS
    assert [path.name for path in (project / "build/models").iterdir()] == ["zero_dce"]
    assert not list((project / "build/scratch").iterdir())


SRUN = """#!/bin/bash
# Stands in for SLURM's command: starts the tasks of two nodes, of one each, with the variables that SLURM sets.
for task in 0 1; do
  SLURM_PROCID=$task SLURM_NODEID=$task SLURM_LOCALID=0 "$@" > "log-$task" 2>&1 &
  tasks="$tasks $!"
done
for task in $tasks; do wait "$task" || exit 1; done
"""
SMALL = {
    "train unet": "train zero_dce --no-live -S methods.zero_dce.iterations=20",
    "accelerator=gpu": "accelerator=cpu",
    "devices=4": "devices=1",
    "#SBATCH --gres=gpu:4\n": "",
    "ntasks-per-node=4": "ntasks-per-node=1",
}


def test_the_script_for_slurm_trains_on_two_nodes(project: Path, tmp_path_factory: pytest.TempPathFactory):
    script = re.findall(r"```bash\n(.*?)```", (ROOT / "docs/several_gpus.md").read_text(encoding="utf-8"), re.DOTALL)[0]
    for documented, small in SMALL.items():
        assert documented in script
        script = script.replace(documented, small)
    asked = dict(re.findall(r"^#SBATCH --(\S+)=(\S+)$", script, re.MULTILINE))
    (project / "job.sh").write_text(script, encoding="utf-8")
    tools = project / "bin"
    tools.mkdir()
    start = f"exec {sys.executable} -c 'from lle.launch import main; main()' \"$@\""
    for name, text in (("srun", SRUN), ("lle", f"#!/bin/bash\n{start}\n")):
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    slurm = {
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NAME": "job.sh",
        "SLURM_NNODES": asked["nodes"],
        "SLURM_NTASKS": str(int(asked["nodes"]) * int(asked["ntasks-per-node"])),
        "SLURM_NTASKS_PER_NODE": asked["ntasks-per-node"],
        "SLURM_JOB_NODELIST": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCH_CPP_LOG_LEVEL": "INFO",  # says to which port it connects
        "OMP_NUM_THREADS": "1",
        "PATH": os.pathsep.join([str(tools), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    # Both are copies of one process, which imports torch and Lightning once.
    loader = tmp_path_factory.mktemp("loader") / "socket"
    slurm["LLE_LOADER"] = str(loader)
    with warm.new_loader(loader, {**os.environ, **slurm}):
        done = subprocess.run(["bash", "job.sh"], cwd=project, env={**os.environ, **slurm}, check=False, timeout=240)
    told = "\n".join(path.read_text(encoding="utf-8")[-2000:] for path in sorted(project.glob("log-*")))
    assert done.returncode == 0, told
    assert str(port) in (project / "log-1").read_text(encoding="utf-8"), "the second process did not join the first"
    assert read_json(project / "build/models/zero_dce/train.json")["iterations"] == 20
    assert [path.name for path in (project / "build/models").iterdir()] == ["zero_dce"]
