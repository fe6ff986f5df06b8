"""Kills a pipeline at random moments, runs it again, and compares what it leaves with an uninterrupted run, byte by byte.

The pipeline is that of this checkout with a suite of two small methods, in copies of the checkout with repositories of their own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

from lle.errors import LleError
from lle.files import sha256
from lle.provenance import provenance
from lle.results.benchmarks import Kill, KilledRun, Kills

STEADY = (
    *("build/data/*/**/*", "build/models/*/model.safetensors", "build/models/*/losses.csv", "build/models/*/method.json"),
    *("reports/metrics/**/*", "reports/samples/**/*", "reports/training/*", "reports/costs.json"),
)
"""Files that two runs make alike, byte by byte; the others hold measured times."""
_OWN = ("build/data", "build/models", "build/scratch", "build/cache", "reports")
"""Where a killed run may leave something behind."""
_CHANGES: Mapping[str, Mapping[str, Any]] = {
    "suite": {
        "methods": ["gamma", "zero_dce"], "datasets": ["demo"], "prepare": ["demo"],
        "segment": [], "attention": [], "guided": [], "mechanisms": [],
    },
    "train": {"data": "demo", "threads": 1, "checkpoint_every": 5, "validate_every": 10, "validate_images": 2},
    "clip": {"pictures": 16, "held_out": 16, "size": 32, "iterations": 1, "batch_size": 2},
    "profile": {"sizes": [[64, 64]], "threads": 1, "seconds": 0.2},
    "composite": {"method": "zero_dce", "others": ["gamma"], "datasets": []},
    "iovt": {"paper": {"method": "zero_dce"}, "scenarios": {"small": {"title": "Small", "method": "zero_dce", "cameras": 4}}},
}  # fmt: skip
_SET = {"train": 8, "val": 2, "test_full": 0, "test_crops": 1, "crop": [256, 256]}
_TRAINING = {"iterations": 60, "batch_size": 2, "crop": 32, "width": 8}
_LONGEST = 1800.0
"""Seconds after which a run counts as hung."""


def measure(reports: Path = Path("reports"), root: Path = Path(), times: int = 20, seed: int = 0, together: int = 1) -> Kills:
    """Kills as many times, with SIGKILL and SIGTERM in turn, and writes `benchmarks/kills.json`.

    SIGKILL hits the pipeline and all that it has started, as when a machine is switched off; SIGTERM the pipeline alone, which has to
    end the rest itself.

    Args:
        reports: receives the file.
        root: the checkout whose pipeline is killed.
        times: number of kills.
        seed: of the moments.
        together: kills of one run in a row, each after it was started again; more take less time, and see less of its end.

    Returns:
        What was written.

    Raises:
        LleError: git is missing, or the uninterrupted run fails.
    """
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="lle-kills-") as place:
        start, whole = Path(place) / "start", Path(place) / "whole"
        make_project(start, root)
        shutil.copytree(start, whole)
        begun = time.monotonic()
        _finish(whole, _pipeline(whole))
        seconds = time.monotonic() - begun
        expected, names = _digests(whole), _names(whole)
        runs = []
        for first in range(0, times, together):
            copy = Path(place) / "killed"
            shutil.copytree(start, copy)
            # Not in the last moments: the run must not have ended.
            kills = [
                _kill(copy, (signal.SIGKILL, signal.SIGTERM)[number % 2], float(rng.uniform(0.02, 0.9)) * seconds / together)
                for number in range(first, min(times, first + together))
            ]
            runs.append(_run_again(copy, kills, expected, names))
            shutil.rmtree(copy)
    record = {
        "seed": seed,
        "seconds": round(seconds, 1),
        "compared": len(expected),
        "runs": [run.plain() for run in runs],
        "provenance": provenance(
            seed=seed, data_digest=None, command=f"lle benchmark kills --times {times} --seed {seed} --together {together}"
        ),
    }
    found = Kills.of(record)
    found.write(Kills.path(reports))
    return found


def make_project(folder: Path, root: Path) -> None:
    """Copies the tracked files of a checkout, without results, makes its suite small, and commits it.

    Raises:
        LleError: git or `lle pipeline write` fails.
    """
    listed = _run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], root).stdout
    for name in filter(None, listed.split("\0")):
        written = Path(name).name in {"claims.yaml", "README.md"}
        results = name.startswith(("reports/", "tests/")) and not written
        if not results and name != "dvc.lock" and (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for section, values in _CHANGES.items():
        params[section] = {**(params.get(section) or {}), **values}
    params["data"]["demo"] |= _SET
    params["methods"]["zero_dce"] = {**(params["methods"].get("zero_dce") or {}), **_TRAINING}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    _run([sys.executable, "-m", "lle.cli", "pipeline", "write"], folder)
    git = ["git", "-c", "user.name=lle", "-c", "user.email=lle@localhost"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        _run([*git, *command], folder)


def _environment(folder: Path) -> dict[str, str]:
    # The stages run `lle`, which must be that of the copy, and no loader of a pipeline around this one.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    own = {"PATH": path, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    return {**{key: value for key, value in os.environ.items() if not key.startswith("LLE_")}, **own}


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(command, cwd=folder, env=_environment(folder.absolute()), capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LleError(f"{command[0]} is not installed, and the benchmark needs it.") from error
    if done.returncode:
        raise LleError(f"`{' '.join(command)}` failed in {folder}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done


def _pipeline(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "lle.cli", "pipeline", "run"]
    log = (folder.parent / f"{folder.name}.log").open("wb")
    with log:
        return subprocess.Popen(command, cwd=folder, env=_environment(folder), stdout=log, stderr=subprocess.STDOUT)


def _finish(folder: Path, process: subprocess.Popen[bytes]) -> None:
    try:
        code = process.wait(_LONGEST)
    except subprocess.TimeoutExpired:
        _end_all(process)
        code = -signal.SIGKILL
    if code:
        told = (folder.parent / f"{folder.name}.log").read_text(encoding="utf-8", errors="replace")[-800:]
        raise LleError(f"the pipeline of the benchmark ended with {code} without being killed: {told}")


def _kill(folder: Path, number: signal.Signals, moment: float) -> Kill:
    """Starts a run and kills it after `moment` seconds."""
    process = _pipeline(folder)
    time.sleep(moment)
    names = running(process)
    if number == signal.SIGKILL:
        _end_all(process)
    else:
        process.terminate()
    try:
        code = process.wait(_LONGEST / 10)
    except subprocess.TimeoutExpired:
        _end_all(process)
        code = process.wait()
    return Kill(signal=number.name, moment_s=round(moment, 1), running=names, exit_code=code)


def _run_again(folder: Path, kills: list[Kill], expected: Mapping[str, str], names: set[str]) -> KilledRun:
    """Runs a killed pipeline to its end and compares what it leaves."""
    again = _pipeline(folder)
    try:
        second = again.wait(_LONGEST)
    except subprocess.TimeoutExpired:
        _end_all(again)
        second = again.wait()
    found = _digests(folder)
    left = sorted(_names(folder) - names)
    # Of the default pipeline alone: those beside it were never run.
    status = subprocess.run(
        ["dvc", "status", "--quiet", "dvc.yaml"], cwd=folder, env=_environment(folder), capture_output=True, check=False
    )
    return KilledRun(
        kills=kills,
        exit_code=second,
        different=sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name)),
        left=[*left, *(["lock"] if status.returncode else [])],
    )


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and all that it has started, until nothing is left."""
    try:
        top = psutil.Process(process.pid)
        top.suspend()
        while children := [child for child in top.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]:
            for child in children:
                child.kill()
            psutil.wait_procs(children, timeout=5)
    except psutil.NoSuchProcess:
        pass
    process.kill()
    process.wait()


def running(process: subprocess.Popen[bytes]) -> str:
    """The commands of the stages that run. A shell gives its place to a single command, so `lle` itself is looked for."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            words = child.cmdline()
            place = next((place for place, word in enumerate(words[:3]) if Path(word).name == "lle"), None)
            if place is not None:
                found.append(" ".join(["lle", *words[place + 1 :]]))
    return ", ".join(dict.fromkeys(found))


def _digests(folder: Path) -> dict[str, str]:
    paths = {path for pattern in STEADY for path in folder.glob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix(): sha256(path) for path in paths}


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for own in _OWN for path in (folder / own).rglob("*")}
