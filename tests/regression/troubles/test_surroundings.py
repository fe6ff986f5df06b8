"""What happens around a command: signals, a second process, a git that is not there, little shared memory, a lost rank."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from lle import provenance
from lle.data import streams
from lle.engine.resume import alone
from lle.errors import TrainingError
from lle.project import Project
from tests.regression.troubles.command import Command, picture
from tests.unit.engine.test_fit import CONFIG, TRAIN, Plain, run

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("number", "word"), [(signal.SIGHUP, "hung up"), (signal.SIGTERM, "terminated")])
def test_every_command_ends_with_the_number_of_its_signal(
    command: Command, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, word: str
) -> None:
    monkeypatch.setattr(Project, "fetch", lambda *_: os.kill(os.getpid(), number))
    before = signal.signal(number, signal.SIG_DFL)
    try:
        ended = command("fetch", "own")
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert (ended.result.exit_code, ended.result.output) == (
        128 + number,
        f"{word}. No file is left half written: run the command again.\n",
    )


def test_nohup_is_heeded(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "fetch", lambda *_: os.kill(os.getpid(), signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        command("fetch", "own").succeeds()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_file_that_no_code_asked_about_is_a_sentence(command: Command) -> None:
    # `lle pipeline write` edits dvc.yaml, which is not there.
    command("pipeline", "write").fails("dvc.yaml: No such file or directory. Check the path")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "a file cannot be written: No space left on device. The disk is full: free space",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "x.csv"), "x.csv: No space left on device. The disk is full"),
        (MemoryError(), "not enough memory for this. Close other programs"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ..."), "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "not enough memory"),
    ],
)
def test_full_disks_and_lack_of_memory_are_sentences_wherever_they_are_met(
    command: Command, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Project, "fetch", fail)
    command("fetch", "own").fails(message)


LOCKED = """
import sys, time
from pathlib import Path
from lle.engine.resume import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(120)
"""


def test_one_process_trains_into_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "sci-0123"
    other = subprocess.Popen([sys.executable, "-c", LOCKED, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        monkeypatch.setattr("lle.engine.resume._PATIENCE", 0.1)
        with pytest.raises(TrainingError, match="another process is training with the same settings"), alone(folder):
            pass
        assert folder.is_dir(), "the other one's folder stays"
        # Lightning's ddp starts the command again for its other processes.
        monkeypatch.setenv("LOCAL_RANK", "1")
        with alone(folder):
            pass
        monkeypatch.delenv("LOCAL_RANK")
    finally:
        other.kill()
        other.wait()
    with alone(folder):  # a kill leaves no lock
        pass


def test_a_training_that_fails_before_its_first_checkpoint_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(TrainingError), alone(tmp_path / "a"):
        raise TrainingError("no")
    assert not (tmp_path / "a").exists()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "resume.pt").write_bytes(b"x")
    with pytest.raises(TrainingError), alone(tmp_path / "b"):
        raise TrainingError("no")
    assert (tmp_path / "b" / "resume.pt").is_file()


@pytest.mark.parametrize(("free", "workers"), [(64 << 10, 0), (1 << 30, 2), (None, 2)])
def test_little_shared_memory_costs_the_workers_and_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, free: int | None, workers: int
) -> None:
    monkeypatch.setattr(streams, "_shared_memory", lambda: free)
    dataset = [{"low": torch.zeros(3, 64, 64), "index": torch.tensor(0)}]
    with caplog.at_level(logging.WARNING):
        loader = streams.loader(dataset, streams.IterationSampler(8, 0, 3), workers=2)  # type: ignore[arg-type]
    assert loader.num_workers == workers
    assert ("the training process prepares the batches itself" in caplog.text) is (workers == 0)


class Lost(Plain):
    """Its second process ends in the middle, as the kernel ends one when memory runs out."""

    main: ClassVar[int] = 0

    def loss(self, batch):
        if int(os.environ.get("LOCAL_RANK", "0")) == 1 and len(self.seen) >= 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().loss(batch)


def test_a_lost_rank_is_a_sentence(tmp_path: Path) -> None:
    train = TRAIN.model_copy(update={"devices": 2, "strategy": "ddp_fork"})
    with pytest.raises(TrainingError, match="one of the training processes ended before the others"):
        run(Lost, tmp_path / "scratch", CONFIG, train)


def test_make_repro_says_at_once_that_a_zip_download_is_no_checkout(tmp_path: Path) -> None:
    shutil.copy2(ROOT / "Makefile", tmp_path)
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    for target in ("repro", "full"):
        done = subprocess.run(
            ["make", target, "PYTHON=/bin/false"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        assert "Error: this folder is no git checkout that you may use" in done.stderr
        assert "git init && git add -A && git commit -m start" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"Makefile"}


def test_a_checkout_of_another_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    with caplog.at_level(logging.WARNING):
        assert provenance.git_commit(tmp_path) is None
    assert f"git config --global --add safe.directory {tmp_path}" in caplog.text


def test_results_that_are_not_there_are_not_blamed_on_git(command: Command) -> None:
    assert "git is not installed" not in command("gate", "--against", "HEAD").fails("there are no results: the folder reports")


def test_another_archive_that_cannot_be_used_leaves_the_set_as_it_was(command: Command) -> None:
    lol = command.folder / "lol"
    for split, count in (("our485", 3), ("eval15", 2)):
        for number in range(count):
            for side in ("low", "high"):
                (lol / split / side).mkdir(parents=True, exist_ok=True)
                picture(seed=number + 10 * len(split) * (side == "low")).save(lol / split / side / f"{number}.png")
    shutil.make_archive("whole", "zip", lol)
    command("fetch", "lol_v1", "--from", "whole.zip").succeeds()
    before = {name: (command.folder / "build" / name).read_bytes() for name in command.files("build") if not name.endswith(".lock")}
    # Found only when the pictures are read: a pair of two sizes.
    picture((80, 60)).save(lol / "our485" / "low" / "1.png")
    shutil.make_archive("other", "zip", lol)
    command("fetch", "lol_v1", "--from", "other.zip").fails("pairs that do not fit")
    after = {name: (command.folder / "build" / name).read_bytes() for name in command.files("build") if not name.endswith(".lock")}
    assert after == before


def test_options_that_would_do_nothing_are_refused(command: Command) -> None:
    command("fetch", "own", "--from", "in").fails("--from is for sets of the catalog", "-S data.own.source=in")
    command("clip", "darkness", "nod").fails("there is no data set 'nod'")


@pytest.mark.parametrize("error", [RuntimeError("svd failed to converge\nlong advice"), ZeroDivisionError(), AssertionError("too small")])
def test_a_metric_that_fails_costs_its_cell_alone(command: Command, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    from lle.metrics import registry
    from lle.metrics.metric import Metric, Sample
    from lle.results.quality import Evaluation

    def measure(sample: Sample) -> float:
        raise error

    broken = Metric("broken", "Broken", "higher", False, "", "", "", measure)
    psnr = next(metric for metric in registry.select(None) if metric.name == "psnr")
    monkeypatch.setattr("lle.measure.quality.select", lambda _: (psnr, broken))
    for number in range(2):
        for side in ("low", "normal"):
            picture(seed=number + 5 * (side == "low")).save(command.folder / f"own/{side}/{number}.png")
    command("evaluate", "gamma", "own", "-S", "data.own.split=test").succeeds()
    cells = Evaluation.read(Path("reports/metrics/own/gamma.json")).metrics
    assert cells["psnr"].mean is not None
    assert (cells["broken"].mean, "not defined for '0'" in (cells["broken"].missing or "")) == (None, True)
    assert "\n" not in (cells["broken"].missing or "")
