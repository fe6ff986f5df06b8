"""The trainer: same weights whatever happens on the way, and clear errors."""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from lle.config.base import MethodConfig
from lle.config.schema import TrainConfig
from lle.engine.method import Frozen, Method, Phase, Stream, Update
from lle.engine.resume import CHECKPOINT
from lle.engine.trainer import fit
from lle.errors import DataError, TrainingError


class Pictures:
    """Twelve small random pairs."""

    def __init__(self, count: int = 12, side: int = 40) -> None:
        rng = np.random.default_rng(0)
        self.pixels = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
        self.rows = [SimpleNamespace(low=Path("low"), normal=Path("normal")) for _ in range(count)]

    def low(self, index: int) -> np.ndarray:
        return self.pixels[index] // 4

    def normal(self, index: int) -> np.ndarray:
        return self.pixels[index]


class Plain(Method):
    """One convolution with noise in its loss, so that the seeds of an iteration matter."""

    stream = "paired"

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.network = nn.Conv2d(3, 3, 3, padding=1)
        self.seen: list[int] = []

    def forward(self, low):
        return self.network(low)

    def loss(self, batch):
        self.seen += batch["index"].tolist()
        noisy = batch["low"] + 0.01 * torch.randn_like(batch["low"])
        return {"l1": (self(noisy) - batch["normal"]).abs().mean()}


class Alternating(Method):
    """Two losses in turn on a shared module, in two phases, with a helper that must not be trained."""

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.shared = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.one, self.two = nn.Conv2d(4, 3, 1), nn.Conv2d(4, 3, 1)
        self.network = self.shared
        self.register_buffer("started", torch.zeros(2))
        self.teacher = Frozen(self._teacher)

    def forward(self, low):
        return self.one(self.shared(low))

    @staticmethod
    def _teacher():
        teacher = nn.Conv2d(3, 3, 1)
        nn.init.constant_(teacher.weight, 0.3)
        nn.init.zeros_(teacher.bias)
        return teacher

    def first(self, batch):
        return {"a": (self.one(self.shared(batch["low"])) - batch["normal"]).abs().mean()}

    def second(self, batch):
        return {"b": (self.two(self.shared(batch["normal"])) - self.teacher(batch["normal"])).square().mean()}

    def phases(self):
        streams = {"pairs": Stream("paired", batch_size=2), "normals": Stream("normal", batch_size=4, resize=16)}
        both = (Update("one", self.first, (self.shared, self.one), "pairs"), Update("two", self.second, (self.shared, self.two), "normals"))
        alone = (Update("two", self.second, (self.two,), "normals", lr=0.1),)
        return (Phase("together", both, 6, streams), Phase("alone", alone, 5, {"normals": streams["normals"]}))

    def on_phase_start(self, phase):
        self.started[["together", "alone"].index(phase.name)] += 1


CONFIG = MethodConfig(iterations=10, batch_size=4, crop=16, lr=1e-2)
TRAIN = TrainConfig(data="x", accelerator="cpu", threads=1, log_every=2, checkpoint_every=3, validate_every=5)


def run(cls, scratch: Path, config: MethodConfig = CONFIG, train: TrainConfig = TRAIN, seed: int = 0, validation=()):
    torch.manual_seed(seed)
    method = cls(config)
    fitted = fit(method, train, seed, lambda _: Pictures(), validation, scratch)
    return method, fitted


def same(a: nn.Module, b: nn.Module) -> bool:
    mine, theirs = a.state_dict(), b.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(value, theirs[key]) for key, value in mine.items())


def test_two_runs_with_one_seed_are_bitwise_equal_and_another_seed_differs(tmp_path):
    first, fitted = run(Plain, tmp_path / "a")
    second, _ = run(Plain, tmp_path / "b")
    other, _ = run(Plain, tmp_path / "c", seed=1)
    assert same(first, second)
    assert not same(first, other)
    assert (fitted.iterations, fitted.images) == (10, 40)
    assert [row[0] for row in fitted.rows] == [2, 3, 4, 6, 8, 9, 10]
    assert 0 <= fitted.data_wait_share < 1


def test_no_sample_is_seen_twice_before_all_were_seen(tmp_path):
    method, _ = run(Plain, tmp_path)
    assert sorted(method.seen[:12]) == list(range(12))
    assert sorted(method.seen[12:24]) == list(range(12))


class StoppedError(RuntimeError):
    pass


@pytest.mark.parametrize("cls", [Plain, Alternating])
@pytest.mark.parametrize("stop", [2, 4, 8])
def test_interrupted_run_ends_with_the_weights_and_log_of_an_uninterrupted_one(tmp_path, monkeypatch, cls, stop):
    config = CONFIG.model_copy(update={"ema": 0.8, "schedule": "cosine", "warmup": 2})
    whole, log = run(cls, tmp_path / "whole", config)
    calls = iter(range(100))
    original = torch.optim.Adam.step

    def step(self, *args, **kwargs):
        if next(calls) == stop:
            raise StoppedError
        return original(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    with pytest.raises(StoppedError):
        run(cls, tmp_path / "parts", config)
    monkeypatch.undo()
    resumed, parts = run(cls, tmp_path / "parts", config)
    assert same(whole, resumed)
    assert log.rows == parts.rows


def _train_and_die(scratch: Path) -> None:
    original = Plain.loss

    def loss(self, batch):
        if len(self.seen) >= 28:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, batch)

    Plain.loss = loss
    run(Plain, scratch)


def test_killed_process_resumes_to_the_same_weights(tmp_path):
    whole, _ = run(Plain, tmp_path / "whole")
    process = multiprocessing.get_context("fork").Process(target=_train_and_die, args=(tmp_path / "killed",))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (tmp_path / "killed" / CHECKPOINT).exists()
    resumed, fitted = run(Plain, tmp_path / "killed")
    assert same(whole, resumed)
    assert fitted.iterations == 10
    assert len(resumed.seen) == 16, "iterations before the last checkpoint must not be trained again"


def test_updates_move_their_own_modules_alone_and_streams_alternate_one_to_one(tmp_path):
    torch.manual_seed(0)
    method = Alternating(CONFIG)
    before = {key: value.clone() for key, value in method.state_dict().items()}
    states = []
    method.on_phase_end = lambda phase: states.append({k: v.clone() for k, v in method.state_dict().items()})
    fitted = fit(method, TRAIN, 0, lambda _: Pictures(), (), tmp_path)
    moved = {key for key in before if not torch.equal(before[key], states[0][key])}
    assert {"shared.0.weight", "one.weight", "two.weight", "shared.1.running_mean"} <= moved
    later = {key for key in before if not torch.equal(states[0][key], states[1][key])}
    assert later == {"two.weight", "two.bias", "started"}, "what no update moves is frozen, running statistics included"
    assert method.started.tolist() == [1, 1]
    assert not any(key.startswith("teacher") for key in method.state_dict())
    assert {(row[1], row[2]) for row in fitted.rows} == {("together", "one"), ("together", "two"), ("alone", "two")}


class Mixed(Plain):
    """One update on two streams of different sizes: crops of the one, squeezed whole pictures of the other."""

    wait = 0.0

    def loss(self, batch):
        assert set(batch) == {"low", "normal", "index"}
        self.shapes = [tuple(batch[side].shape) for side in ("low", "normal")]
        return {"brightness": (self(batch["low"]).mean() - batch["normal"].mean()).square() * self.scale()}

    def measurements(self):
        return {"helper": self.wait}

    def scale(self):
        return 1.0

    def phases(self):
        streams = {"dark": Stream("low"), "bright": Stream("normal", batch_size=2, resize=24)}
        return (Phase("fit", (Update("fit", self.loss, (self.network,), ("dark", "bright")),), streams=streams),)


def test_an_update_may_read_several_streams(tmp_path):
    method, fitted = run(Mixed, tmp_path / "whole")
    assert method.shapes == [(4, 3, 16, 16), (2, 3, 24, 24)]
    assert fitted.images == 10 * 6
    first, second = (next(row for row in fitted.rows if row[0] == iteration)[4] for iteration in (2, 10))
    assert second < first


def test_streams_of_one_update_must_not_share_keys(tmp_path):
    class Clashing(Mixed):
        def phases(self):
            (phase,) = super().phases()
            return (dataclasses.replace(phase, streams={"dark": Stream("paired"), "bright": Stream("normal")}),)

    with pytest.raises(TrainingError, match="dark, bright of update 'fit' both hold normal"):
        run(Clashing, tmp_path)


def test_nan_names_the_rows_of_every_stream(tmp_path):
    class Broken(Mixed):
        def scale(self):
            return float("nan")

    with pytest.raises(TrainingError, match=r"rows \[.*\] of the training split on stream 'dark' and rows \[.*\] .* stream 'bright'"):
        run(Broken, tmp_path)


def test_time_spent_waiting_for_other_threads_is_summed_up(tmp_path):
    class Waiting(Mixed):
        wait = 0.5

    _, fitted = run(Waiting, tmp_path)
    assert fitted.wait_shares["helper"] == pytest.approx(10 * 0.5 / fitted.seconds)


def test_nan_names_the_batch_and_keeps_the_last_good_checkpoint(tmp_path):
    class Broken(Plain):
        def loss(self, batch):
            scale = float("nan") if len(self.seen) >= 20 else 1.0
            return {name: term * scale for name, term in super().loss(batch).items()}

    with pytest.raises(TrainingError, match=r"iteration 5 of phase 'fit', update 'fit' \(l1=nan\).*rows \[\d+, \d+, \d+, \d+\]"):
        run(Broken, tmp_path)
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert state["progress"]["iteration"] == 3
    assert all(value.isfinite().all() for value in state["method"].values())


def test_best_weights_are_kept_by_validation(tmp_path):
    class Worse(Plain):
        """Gets worse after the first measurement: its loss is turned round."""

        def loss(self, batch):
            return {name: -term for name, term in super().loss(batch).items()}

    pairs = [(np.full((32, 32, 3), 40, np.uint8), np.full((32, 32, 3), 160, np.uint8))]
    best, fitted = run(Worse, tmp_path / "a", CONFIG.model_copy(update={"keep": "best"}), validation=pairs)
    last, _ = run(Worse, tmp_path / "b", validation=pairs)
    scores = [row[4] for row in fitted.rows if row[2] == "val"]
    assert len(scores) == 2
    assert scores[0] > scores[1]
    assert not same(best, last)


def test_gradient_norm_is_clipped(tmp_path):
    config = MethodConfig(iterations=1, batch_size=4, crop=16, lr=1.0, optimizer="sgd", betas=(0.0, 0.0), clip=1e-3)
    torch.manual_seed(0)
    before = Plain(config)
    after, _ = run(Plain, tmp_path, config)
    change = torch.cat([(p - q).flatten() for p, q in zip(before.parameters(), after.parameters(), strict=True)])
    assert change.norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_mixed_precision_computes_in_bfloat16_and_keeps_full_weights(tmp_path):
    seen = []

    class Watched(Plain):
        def forward(self, low):
            output = super().forward(low)
            seen.append(output.dtype)
            return output

    method, _ = run(Watched, tmp_path, train=TRAIN.model_copy(update={"precision": "bf16-mixed"}))
    assert set(seen) == {torch.bfloat16}
    assert {p.dtype for p in method.parameters()} == {torch.float32}


def test_averaged_weights_are_the_result_where_asked_for(tmp_path):
    last, _ = run(Plain, tmp_path / "last")
    mean, _ = run(Plain, tmp_path / "mean", CONFIG.model_copy(update={"ema": 0.9}))
    torch.manual_seed(0)
    start = Plain(CONFIG)
    far, near = (sum((p - q).abs().sum() for p, q in zip(m.parameters(), start.parameters(), strict=True)) for m in (last, mean))
    assert 0 < near < far


def test_learning_rate_warms_up_and_falls(tmp_path, monkeypatch):
    rates = []
    original = torch.optim.SGD.step

    def step(self, *args, **kwargs):
        rates.append(self.param_groups[0]["lr"])
        return original(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    run(Plain, tmp_path, CONFIG.model_copy(update={"optimizer": "sgd", "lr": 1.0, "warmup": 2, "schedule": "cosine", "lr_min": 0.1}))
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert all(a > b for a, b in itertools.pairwise(rates[2:]))
    assert rates[-1] > 0.1


def test_errors_say_what_to_do(tmp_path):
    class Idle(Plain):
        def updates(self):
            return (Update("fit", self.loss, (nn.ReLU(),)),)

    class Lost(Plain):
        def updates(self):
            return (Update("fit", self.loss, (self,), stream="nowhere"),)

    with pytest.raises(TrainingError, match="moves no parameter"):
        run(Idle, tmp_path / "idle")
    with pytest.raises(TrainingError, match=r"reads stream 'nowhere', but phase 'fit' has \['train'\]"):
        run(Lost, tmp_path / "lost")
    with pytest.raises(DataError, match=r"too small for crops of 96"):
        run(Plain, tmp_path / "small", CONFIG.model_copy(update={"crop": 96}))


class Ranked(Plain):
    """Records, for each process, what it saw."""

    folder: Path

    def loss(self, batch):
        with (self.folder / f"rank{torch.distributed.get_rank()}").open("a") as stream:
            stream.write(" ".join(map(str, batch["index"].tolist())) + "\n")
        with (self.folder / f"weights{torch.distributed.get_rank()}").open("a") as stream:
            stream.write(f"{[p.double().sum().item() for p in self.parameters()]}\n")
        return Plain.loss(self, batch)


def test_two_processes_agree_and_see_no_sample_twice(tmp_path):
    Ranked.folder = tmp_path
    train = TRAIN.model_copy(update={"devices": 2, "strategy": "ddp_fork"})
    method, _ = run(Ranked, tmp_path / "scratch", train=train)
    seen = [[int(i) for i in (tmp_path / f"rank{rank}").read_text().split()] for rank in (0, 1)]
    first_epoch = seen[0][:6] + seen[1][:6]
    assert sorted(first_epoch) == list(range(12))
    weights = [(tmp_path / f"weights{rank}").read_text().splitlines() for rank in (0, 1)]
    assert weights[0] == weights[1], "the processes must hold the same weights in every iteration"
    assert len(set(weights[0])) == 10
    torch.manual_seed(0)
    assert not same(method, Ranked(CONFIG)), "the main process must hold the trained weights"
    with pytest.raises(TrainingError, match="cannot be shared out among 2 devices"):
        run(Plain, tmp_path / "odd", CONFIG.model_copy(update={"batch_size": 3}), train)
