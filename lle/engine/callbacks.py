"""What happens after every iteration, a callback each: clock, averaged weights, curves, validation, checkpoint, progress, stopping.

They run in the order in which `lle.engine.trainer` lists them; all but the first find `progress.iteration` counted up. Lightning has
callbacks for some of this, which do not serve here:

- `ModelCheckpoint` stores Lightning's loops. Here the batch, the seed and the learning rate follow from the iteration alone, so the
  state is small, loads with `weights_only=True` and resumes bit for bit within a phase; and averaged weights, the best weights and
  the log belong to one file that is whole or not there.
- `EMAWeightAveraging` and `WeightAveraging` average within one `fit`, keep their copy in Lightning's checkpoint, and pull in
  torchmetrics and torchvision; the average here runs on over all phases.
- `LearningRateMonitor` and schedulers want Lightning's own logger and optimiser steps. The learning rate is a function of the
  iteration (`lle.engine.optim.learning_rate`) and set in the step, so there is nothing to call back and no state to save.
- Validation of Lightning runs in its loop, with a loader and modes of its own; here it is a function call between two iterations.
- `RichProgressBar` serves on a terminal; `ProgressLines` is for everything else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from lle.engine.interruption import Interrupted, Interruption
from lle.engine.resume import RunState, write_checkpoint
from lle.engine.training_log import VALIDATION, curve_name
from lle.engine.validation import mean_psnr, swapped

if TYPE_CHECKING:
    from lle.engine.trainee import Trainee

_log = logging.getLogger("lle.training")
LINE_EVERY = 30.0
"""Seconds between two lines of progress."""


class Loggers:
    """Lightning loggers that must not stop a training: one that raises is dropped with a warning.

    Args:
        loggers: any of Lightning's; they are given to no `Trainer`, because its end of a phase would close them.
    """

    def __init__(self, loggers: Sequence[Logger]) -> None:
        self.loggers = list(loggers)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Logs numbers by name at a step, the number of iterations done in all phases."""
        self._each("log_metrics", dict(metrics), step)

    def finalize(self, status: str) -> None:
        """Closes them, with `success` or `failed`."""
        self._each("finalize", status)

    def _each(self, function: str, *arguments: Any) -> None:
        for logger in list(self.loggers):
            try:
                getattr(logger, function)(*arguments)
            # A tracker may raise anything, and a training of days must survive all of it but a stop from outside.
            except Exception as error:
                if isinstance(error, Interrupted):
                    raise
                self.loggers.remove(logger)
                _log.warning("%s failed (%s: %s); the training goes on without it.", type(logger).__name__, type(error).__name__, error)


class Clock(Callback):
    """Counts iterations and seconds, and sums up what the method measured."""

    def __init__(self, state: RunState) -> None:
        self.progress, self.since = state.progress, 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: Trainee) -> None:  # type: ignore[override]
        """Starts the clock."""
        self.since = time.perf_counter()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Trainee, batch: Any, batch_idx: int) -> None:  # type: ignore[override]
        """Adds the time since the last iteration ended to the time spent waiting for data."""
        now = time.perf_counter()
        self.progress.wait_seconds += now - self.since
        self.progress.seconds += now - self.since
        self.since = now

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Trainee, *_: Any) -> None:  # type: ignore[override]
        """Closes the iteration."""
        self.progress.seconds += time.perf_counter() - self.since
        self.progress.iteration += 1
        self.progress.total += 1
        for name, seconds in pl_module.method.measurements().items():
            self.progress.waits[name] = self.progress.waits.get(name, 0.0) + seconds


class ClockRestart(Callback):
    """Starts the clock again, so that what the callbacks before this one did counts as nobody's time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Trainee, *_: Any) -> None:  # type: ignore[override]
        """Called after all others."""
        self.clock.since = time.perf_counter()


class Average(Callback):
    """Keeps the exponential moving average of all parameters, with the setting `ema` as its decay."""

    def __init__(self, state: RunState, decay: float) -> None:
        self.state, self.decay = state, decay

    def on_train_start(self, trainer: pl.Trainer, pl_module: Trainee) -> None:  # type: ignore[override]
        """Begins with the parameters as they are, or goes on with an average."""
        values = [p.detach().clone() for p in pl_module.method.parameters()] if self.state.ema is None else self.state.ema
        self.state.ema = [value.to(pl_module.device) for value in values]

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Trainee, *_: Any) -> None:  # type: ignore[override]
        """Takes the new parameters in."""
        assert self.state.ema is not None
        torch._foreach_lerp_(self.state.ema, [p.detach() for p in pl_module.method.parameters()], 1 - self.decay)


class Curves(Callback):
    """Averages the terms over `log_every` iterations into the log, and tells the loggers.

    A checkpoint that is due closes the averages too, so that a resumed run writes the same log.
    """

    def __init__(self, state: RunState, loggers: Loggers, updates: Sequence[tuple[str, str]], every: int, saved_every: int) -> None:
        self.progress, self.loggers, self.updates = state.progress, loggers, updates
        self.every, self.saved_every = every, saved_every
        self.sums = {(update, term): torch.tensor(value) for update, term, value, _ in state.progress.pending}
        self.counts = {(update, term): count for update, term, _, count in state.progress.pending}
        self.before = (self.progress.images, self.progress.seconds)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Trainee, *_: Any) -> None:  # type: ignore[override]
        """Adds the iteration's terms, and logs where it is due."""
        for key, term in pl_module.terms.items():
            self.sums[key] = self.sums.get(key, torch.zeros((), device=term.device)) + term
            self.counts[key] = self.counts.get(key, 0) + 1
        if not (pl_module.due(self.every) or pl_module.due(self.saved_every)):
            return
        metrics, phase = {}, pl_module.phase.name
        for (update, name), value in self.sums.items():
            mean = float(value) / self.counts[update, name]
            self.progress.rows.append((self.progress.total, phase, update, name, mean))
            metrics[curve_name(phase, update, name, self.updates)] = mean
        self.sums.clear()
        self.counts.clear()
        for moved, optimizer in zip(pl_module.phase.updates, trainer.optimizers, strict=True):
            metrics[f"lr/{moved.name}"] = float(optimizer.param_groups[0]["lr"])
        images, seconds = self.progress.images - self.before[0], self.progress.seconds - self.before[1]
        self.before = (self.progress.images, self.progress.seconds)
        metrics["images_per_s"] = images / max(seconds, 1e-9)
        if trainer.is_global_zero:
            self.loggers.log(metrics, self.progress.total)

    def pending(self) -> list[tuple[str, str, float, int]]:
        """Returns what is averaged but not logged yet, for a checkpoint between two entries of the log."""
        return [(*key, float(value), self.counts[key]) for key, value in self.sums.items()]


class Validation(Callback):
    """Measures PSNR on the validation split, with the averaged weights if there are any, and keeps the best weights."""

    def __init__(self, state: RunState, loggers: Loggers, pairs: Sequence[tuple[np.ndarray, np.ndarray]], every: int) -> None:
        self.state, self.loggers, self.validation, self.every = state, loggers, pairs, every

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Trainee, *_: Any) -> None:  # type: ignore[override]
        """Measures where it is due."""
        if not (self.validation and pl_module.due(self.every)):
            return
        method, progress = pl_module.method, self.state.progress
        with swapped(method, self.state.ema):
            score = mean_psnr(method, self.validation, pl_module.device)
            if method.config.keep == "best" and score > progress.best:
                progress.best = score
                self.state.best = {key: value.detach().cpu().clone() for key, value in method.state_dict().items()}
        progress.rows.append((progress.total, pl_module.phase.name, VALIDATION, "psnr", score))
        if trainer.is_global_zero:
            self.loggers.log({curve_name(pl_module.phase.name, VALIDATION, "psnr", ()): score}, progress.total)


class Checkpoint(Callback):
    """Writes the resume checkpoint, and stops there when a signal asks for it."""

    def __init__(self, state: RunState, curves: Curves, folder: Path, every: int, interruption: Interruption) -> None:
        self.state, self.curves, self.folder, self.every, self.interruption = state, curves, folder, every, interruption

    def on_train_start(self, trainer: pl.Trainer, pl_module: Trainee) -> None:  # type: ignore[override]
        """Gives the optimisers the state of the interrupted run; from here on a signal waits for the iteration's end."""
        if self.state.optimizers is not None:
            for optimizer, state in zip(trainer.optimizers, self.state.optimizers, strict=True):
                optimizer.load_state_dict(state)
        self.interruption.progress, self.interruption.deferred = self.state.progress, True

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Trainee, *_: Any) -> None:  # type: ignore[override]
        """Saves where it is due."""
        stop = self.interruption.received
        # Alone: the other processes may be in another iteration.
        if pl_module.due(self.every) or (stop is not None and trainer.world_size == 1):
            if trainer.is_global_zero:
                self.state.progress.pending = self.curves.pending()
                write_checkpoint(self.folder, pl_module.method, trainer.optimizers, self.state)
            trainer.strategy.barrier()
        if stop is not None:
            raise self.interruption.error(stop)

    def on_train_end(self, trainer: pl.Trainer, pl_module: Trainee) -> None:  # type: ignore[override]
        """Lets signals raise at once again."""
        self.interruption.deferred = False

    def on_exception(self, trainer: pl.Trainer, pl_module: Trainee, exception: BaseException) -> None:  # type: ignore[override]
        """Lets signals raise at once again."""
        self.interruption.deferred = False


class ProgressLines(Callback):
    """Writes a line every `LINE_EVERY` seconds through `logging`: phase, iteration of all, loss, images per second, time left.

    Args:
        state: of the run.
        total: iterations of all phases.
    """

    def __init__(self, state: RunState, total: int) -> None:
        self.progress, self.total = state.progress, total

    def on_train_start(self, trainer: pl.Trainer, pl_module: Trainee) -> None:  # type: ignore[override]
        """Takes the time."""
        self.began = self.written = time.monotonic()
        self.first = (self.progress.total, self.progress.images)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Trainee, *_: Any) -> None:  # type: ignore[override]
        """Writes a line where it is due."""
        now = time.monotonic()
        if now - self.written < LINE_EVERY or not trainer.is_global_zero:
            return
        self.written = now
        seconds, done = now - self.began, self.progress.total - self.first[0]
        loss = float(torch.stack([term.float() for term in pl_module.terms.values()]).sum()) if pl_module.terms else float("nan")
        _log.info(
            "%s: iteration %d of %d, loss %.4g, %.1f images/s, %s left",
            pl_module.phase.name,
            self.progress.total,
            self.total,
            loss,
            (self.progress.images - self.first[1]) / seconds,
            _duration((self.total - self.progress.total) * seconds / done),
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
