"""Trainings that are stopped from outside, checkpoints that are damaged, disks that are full."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

from lle.engine import resume
from lle.engine.interruption import Interrupted, Interruption
from lle.engine.resume import CHECKPOINT, PREVIOUS
from lle.errors import TrainingError
from tests.unit.engine.test_fit import CONFIG, TRAIN, Plain, run, same


class Slow(Plain):
    folder: Path

    def loss(self, batch):
        (self.folder / "started").touch()
        time.sleep(0.05)
        return super().loss(batch)


def _train(folder: Path) -> None:
    """What a command does: an error becomes a message and an exit status other than 0."""
    Slow.folder = folder
    try:
        run(Slow, folder, CONFIG.model_copy(update={"iterations": 1000}))
    except TrainingError as error:
        (folder / "message").write_text(f"{type(error).__name__}: {error}")
        sys.exit(1)


def test_a_signal_ends_the_process_with_an_error_and_a_checkpoint(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=_train, args=(tmp_path,))
    process.start()
    while not (tmp_path / "started").exists() and process.is_alive():
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGTERM)
    process.join(60)
    assert process.exitcode == 1
    message = (tmp_path / "message").read_text()
    assert message.startswith("Interrupted: the training was stopped by SIGTERM after ")
    assert f"The checkpoint is in {tmp_path}: the same command goes on from there." in message
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["progress"]["total"] > 0


@pytest.fixture
def hangup_counts():
    """SIGHUP as a terminal leaves it: below `nohup` it is ignored, as it is meant to be."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangup_counts")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stopped_training_goes_on_to_the_same_weights_and_log(tmp_path, number):
    class Stopped(Plain):
        def loss(self, batch):
            if len(self.seen) == 4 * 4:
                os.kill(os.getpid(), number)
            return super().loss(batch)

    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    config = CONFIG.model_copy(update={"ema": 0.8})
    whole, log = run(Plain, tmp_path / "whole", config)
    with pytest.raises(Interrupted, match="after 5 iterations"):
        run(Stopped, tmp_path / "parts", config)
    assert {one: signal.getsignal(one) for one in before} == before
    resumed, parts = run(Plain, tmp_path / "parts", config)
    assert same(whole, resumed)
    assert log.rows == parts.rows
    assert resumed.seen == whole.seen[5 * 4 :]


def test_a_signal_outside_the_iterations_and_a_second_one_raise_at_once(tmp_path):
    with Interruption(tmp_path) as interruption:
        with pytest.raises(Interrupted, match="There is no checkpoint yet"):
            signal.raise_signal(signal.SIGTERM)
        interruption.deferred = True
        signal.raise_signal(signal.SIGTERM)
        assert interruption.received == signal.SIGTERM
        with pytest.raises(Interrupted, match="stopped by SIGINT"):
            signal.raise_signal(signal.SIGINT)


def test_a_signal_that_is_ignored_stays_so(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption(tmp_path):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def stop_after(monkeypatch, steps: int) -> None:
    calls, original = iter(range(1000)), torch.optim.Adam.step

    def step(self, *args, **kwargs):
        if next(calls) == steps:
            raise ZeroDivisionError
        return original(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", step)


DAMAGES = {
    "half": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "zeroed": lambda data: bytes(len(data)),
    "text": lambda data: b"not a checkpoint",
}


@pytest.mark.parametrize(("damage", "both"), [*((damage, False) for damage in DAMAGES), ("zeroed", True)])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_or_a_fresh_start_is_used(tmp_path, monkeypatch, caplog, damage, both):
    whole, log = run(Plain, tmp_path / "whole")
    folder = tmp_path / "parts"
    with monkeypatch.context() as patched:
        stop_after(patched, 7)
        with pytest.raises(ZeroDivisionError):
            run(Plain, folder)
    for name in (CHECKPOINT, PREVIOUS) if both else (CHECKPOINT,):
        (folder / name).write_bytes(DAMAGES[damage]((folder / name).read_bytes()))
    with caplog.at_level(logging.WARNING, "lle.training"):
        resumed, parts = run(Plain, folder)
    assert same(whole, resumed)
    assert log.rows == parts.rows
    assert len(resumed.seen) == 4 * (10 if both else 7)
    assert f"{folder / CHECKPOINT} is damaged" in caplog.text
    assert "weights_only" not in caplog.text
    assert (folder / "resume-damaged.pt").exists()
    assert (folder / "resume-previous-damaged.pt").exists() == both


def test_a_checkpoint_of_another_network_changes_nothing(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        stop_after(patched, 7)
        with pytest.raises(ZeroDivisionError):
            run(Plain, tmp_path / "parts")
    for name in (CHECKPOINT, PREVIOUS):
        state = torch.load(tmp_path / "parts" / name, weights_only=True)
        state["method"]["network.weight"] = torch.zeros(3, 3, 5, 5)
        torch.save(state, tmp_path / "parts" / name)
    assert same(run(Plain, tmp_path / "whole")[0], run(Plain, tmp_path / "parts")[0])


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("unexpected pos 1984 vs 1878")])
def test_a_full_disk_is_named_and_the_last_checkpoint_stays(tmp_path, monkeypatch, error):
    calls, original = iter(range(100)), torch.save

    def save(*args, **kwargs):
        if next(calls) == 1:
            raise error
        return original(*args, **kwargs)

    monkeypatch.setattr(resume.torch, "save", save)
    with pytest.raises(TrainingError, match=rf"could not be written into {tmp_path} .*free space"):
        run(Plain, tmp_path)
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["progress"]["iteration"] == 3
    monkeypatch.undo()
    assert len(run(Plain, tmp_path)[0].seen) == 4 * 7
    assert TRAIN.checkpoint_every == 3
