"""What others see of a training while it runs: loggers, callbacks, lines of progress."""

from __future__ import annotations

import logging

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from lle.engine import callbacks
from lle.engine.callbacks import _duration
from lle.engine.trainer import fit
from lle.engine.training_log import curve_name
from tests.unit.engine.test_fit import CONFIG, TRAIN, Alternating, Pictures, Plain


class Kept(Logger):
    """Keeps what it is told."""

    name, version = "kept", 0

    def __init__(self) -> None:
        super().__init__()
        self.metrics, self.status = [], []

    def log_metrics(self, metrics, step=None):
        self.metrics.append((step, metrics))

    def log_hyperparams(self, params):
        raise AssertionError

    def finalize(self, status):
        self.status.append(status)


class Failing(Kept):
    def log_metrics(self, metrics, step=None):
        super().log_metrics(metrics, step)
        raise ConnectionError("no server")


def train(cls, scratch, validation=(), **options):
    torch.manual_seed(0)
    method = cls(CONFIG)
    return method, fit(method, TRAIN, 0, lambda _: Pictures(), validation, scratch, **options)


def test_loggers_get_losses_rates_and_speed_while_the_training_runs(tmp_path):
    logger, pictures = Kept(), Pictures()
    _, log = train(Plain, tmp_path, [(pictures.low(0), pictures.normal(0))], loggers=[logger])
    assert logger.status == ["success"]
    losses = [(step, metrics["loss/l1"]) for step, metrics in logger.metrics if "loss/l1" in metrics]
    assert losses == [(row[0], row[4]) for row in log.rows if row[3] == "l1"]
    scores = [(step, metrics["val/psnr"]) for step, metrics in logger.metrics if "val/psnr" in metrics]
    assert scores == [(row[0], row[4]) for row in log.rows if row[2] == "val"] != []
    rates = [metrics for _, metrics in logger.metrics if "loss/l1" in metrics]
    assert {metrics["lr/fit"] for metrics in rates} == {1e-2}
    assert all(metrics["images_per_s"] > 0 for metrics in rates)


def test_steps_count_on_over_the_phases_whose_names_are_told(tmp_path):
    logger = Kept()
    train(Alternating, tmp_path, loggers=[logger])
    names = {name for _, metrics in logger.metrics for name in metrics}
    expected = {"loss/together/one/a", "loss/together/two/b", "loss/alone/two/b", "lr/one", "lr/two", "images_per_s"}
    assert names == expected
    assert [step for step, _ in logger.metrics] == [2, 3, 4, 6, 8, 9, 10, 11]


def test_curves_are_named_by_what_tells_them_apart():
    assert curve_name("fit", "fit", "l1", [("fit", "fit")]) == "loss/l1"
    assert curve_name("fit", "a", "l1", [("fit", "a"), ("fit", "b")]) == "loss/a/l1"
    assert curve_name("p", "a", "l1", [("p", "a"), ("q", "a")]) == "loss/p/l1"
    assert curve_name("p", "val", "psnr", [("p", "a"), ("q", "a")]) == "val/psnr"


def test_a_logger_that_raises_costs_one_warning(tmp_path, caplog):
    failing, kept = Failing(), Kept()
    with caplog.at_level(logging.WARNING, "lle.training"):
        _, log = train(Plain, tmp_path, loggers=[failing, kept])
    assert log.iterations == 10
    assert len(failing.metrics) == 1
    assert caplog.text.count("Failing failed (ConnectionError: no server)") == 1
    assert (failing.status, kept.status) == ([], ["success"])


def test_loggers_hear_of_a_failure(tmp_path):
    class Broken(Plain):
        def loss(self, batch):
            raise ZeroDivisionError

    logger = Kept()
    with pytest.raises(ZeroDivisionError):
        train(Broken, tmp_path, loggers=[logger])
    assert logger.status == ["failed"]


def test_callbacks_of_the_user_see_every_iteration_and_its_terms(tmp_path):
    class Watch(Callback):
        def __init__(self) -> None:
            self.seen = []

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            self.seen.append((pl_module.phase.name, pl_module.progress.total, set(pl_module.terms)))

    watch = Watch()
    train(Alternating, tmp_path, callbacks=[watch])
    assert [total for _, total, _ in watch.seen] == list(range(1, 12))
    assert watch.seen[0][::2] == ("together", {("one", "a"), ("two", "b")})
    assert watch.seen[-1][::2] == ("alone", {("two", "b")})


def test_lines_of_progress_say_how_long_it_takes(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(callbacks, "LINE_EVERY", 0.0)
    with caplog.at_level(logging.INFO, "lle.training"):
        train(Alternating, tmp_path)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 11
    assert lines[0].startswith("together: iteration 1 of 11, loss ")
    assert lines[-1].startswith("alone: iteration 11 of 11, loss ")
    assert lines[-1].endswith(" images/s, 0 s left")
    assert [_duration(seconds) for seconds in (4.4, 65, 3 * 3600 + 59)] == ["4 s", "1 min 05 s", "3 h 00 min"]
