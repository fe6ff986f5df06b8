"""The one trainer: runs the phases of any method with Lightning, and survives interruptions.

Everything random in iteration t follows from the seed, the phase and t (see `lle.data.streams`), the learning rate
follows from t, and the resume checkpoint holds the rest. So a run that is killed and started again ends with the weights
of an uninterrupted one. What a step does is in `lle.engine.step`, what happens between two steps in `lle.engine.callbacks`.
"""

from __future__ import annotations

import logging
import re
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.callbacks import Checkpoint as LightningCheckpoint
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.exceptions import MisconfigurationException, SIGTERMException
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

from lle.config.schema import TrainConfig
from lle.data.streams import IterationSampler, Pictures
from lle.engine import callbacks as own
from lle.engine.interruption import Interrupted, Interruption
from lle.engine.method import Method, Phase
from lle.engine.optim import parameters_of
from lle.engine.resume import RunState, read_checkpoint
from lle.engine.step import mix
from lle.engine.trainee import PhaseData, Trainee
from lle.engine.training_log import TrainingLog
from lle.engine.validation import copy_parameters
from lle.errors import TrainingError

_LOST = re.compile(r"[Cc]onnection (closed|reset|refused)|gloo|NCCL|Broken pipe|[Tt]imed? ?out")
"""How the libraries below torch.distributed say that another process is gone."""


def fit(
    method: Method,
    train: TrainConfig,
    seed: int,
    pictures: Callable[[str | None], Pictures],
    validation: Sequence[tuple[np.ndarray, np.ndarray]],
    scratch: Path,
    prepare: Callable[[], None] = lambda: None,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
) -> TrainingLog:
    """Trains a method through all its phases, resuming from `scratch` where an earlier run stopped.

    Args:
        method: trained in place; holds the resulting weights at the end (averaged or best ones where its settings say so).
        train: the settings of all trainings.
        seed: of everything random.
        pictures: opens the training split of a data set by its name; None stands for `train.data`.
        validation: pairs low, normal of H x W x 3 uint8, on which PSNR is logged.
        scratch: folder of the resume checkpoint; delete it once the result is stored.
        prepare: called once before the first phase of a fresh run, when the method may still measure the data.
        callbacks: more of Lightning's; each phase is a `Trainer.fit` of its own with a `Trainee` as its module.
        loggers: get `loss/[phase/][update/]term`, `lr/<update>` and `images_per_s` every `log_every` iterations and `val/psnr` at each
            validation, at the total number of iterations, and `finalize` at the end. One that raises is dropped.

    Returns:
        What the run took, and its log.

    Raises:
        TrainingError: a loss or gradient is not finite, an update moves nothing, devices do not fit the batch, or the
            checkpoint cannot be written.
        Interrupted: SIGINT, SIGTERM or SIGHUP came; the checkpoint is written.
    """
    phases = method.phases()
    if not phases:
        return TrainingLog()
    _check(method, phases, train.devices * train.num_nodes)
    _silence()
    torch.set_num_threads(train.threads or torch.get_num_threads())
    guarded, done = own.Loggers(loggers), False
    run = _Run(method, train, seed, pictures, validation, scratch, callbacks, guarded)
    try:
        with Interruption(scratch) as interruption:
            state = _phases(run, phases, prepare, interruption)
        done = True
    finally:
        guarded.finalize("success" if done else "failed")
    if state.best is not None:
        method.load_state_dict(state.best)
    elif state.ema is not None:
        copy_parameters(method, state.ema)
    method.eval()
    progress = state.progress
    seconds = progress.seconds or 1.0
    shares = {name: spent / seconds for name, spent in progress.waits.items()}
    return TrainingLog(progress.total, progress.seconds, progress.images, progress.wait_seconds / seconds, progress.rows, shares)


@dataclass(frozen=True)
class _Run:
    """The arguments of `fit` that every phase needs."""

    method: Method
    train: TrainConfig
    seed: int
    pictures: Callable[[str | None], Pictures]
    validation: Sequence[tuple[np.ndarray, np.ndarray]]
    scratch: Path
    callbacks: Sequence[Callback]
    loggers: own.Loggers

    def length(self, phase: Phase) -> int:
        """Returns the iterations of a phase."""
        return phase.iterations if phase.iterations is not None else self.method.config.iterations


def _phases(run: _Run, phases: Sequence[Phase], prepare: Callable[[], None], interruption: Interruption) -> RunState:
    """Runs all phases, from where the checkpoint stands; returns the state at the end."""
    method = run.method
    found = read_checkpoint(run.scratch, method)
    if found is None:
        prepare()
    state = found or RunState()
    for index, phase in enumerate(phases):
        iterations = run.length(phase)
        if index < state.progress.phase or iterations == 0:
            continue
        if index > state.progress.phase or state.progress.iteration == 0:
            # A checkpoint of this phase must not find the optimisers of the one before, whose modules may have changed.
            state.progress.phase, state.progress.iteration, state.optimizers = index, 0, None
            method.on_phase_start(phase)
        if state.progress.iteration < iterations:
            _run_phase(run, phases, phase, state, interruption)
            # Read back what was written: with several processes the trained copy may live in another one.
            found = read_checkpoint(run.scratch, method)
            if found is None or (found.progress.phase, found.progress.iteration) != (index, iterations):
                raise TrainingError(f"the checkpoint of phase '{phase.name}' in {run.scratch} cannot be read back: run the command again.")
            state = found
        method.on_phase_end(phase)
        state.progress.phase, state.progress.iteration, state.optimizers = index + 1, 0, None
    return state


def _run_phase(run: _Run, phases: Sequence[Phase], phase: Phase, state: RunState, interruption: Interruption) -> None:
    """Runs one phase, from where `state` stands to its end."""
    method, train, iterations = run.method, run.train, run.length(phase)
    seed = mix(run.seed, phase.name)
    data = PhaseData(method.streams(phase), run.pictures, method.config, train, seed, state.progress.iteration, iterations)
    try:
        trainer = _trainer(run, phases, state, interruption)
    except (MisconfigurationException, RuntimeError, ValueError, ImportError) as error:
        told = str(error).strip().splitlines()[0]
        raise TrainingError(
            f"train.accelerator={train.accelerator}, train.devices={train.devices} and train.strategy={train.strategy} cannot be used "
            f"here: {told} Set them to what this machine has, such as -S train.accelerator=cpu."
        ) from error
    try:
        trainer.fit(Trainee(method, phase, iterations, state.progress, seed), datamodule=data)
    except SIGTERMException as error:
        raise interruption.error(signal.SIGTERM) from error
    except Interrupted:
        # Lightning has stopped the processes it started for SIGTERM alone.
        if trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(signal.SIGTERM)
        raise
    except (RuntimeError, ProcessRaisedException, ProcessExitedException) as error:
        if isinstance(error, ProcessExitedException) or (trainer.world_size > 1 and _LOST.search(str(error))):
            raise TrainingError(
                "one of the training processes ended before the others (it was killed, or the machine ran out of memory), so the "
                f"training stopped. The same command goes on from the last checkpoint in {run.scratch}, if there is one."
            ) from error
        raise


def _trainer(run: _Run, phases: Sequence[Phase], state: RunState, interruption: Interruption) -> pl.Trainer:
    train = run.train
    return pl.Trainer(
        accelerator=train.accelerator,
        devices=train.devices,
        num_nodes=train.num_nodes,
        strategy=train.strategy,
        precision=train.precision,
        max_epochs=1,
        max_steps=-1,
        callbacks=_callbacks(run, phases, state, interruption),
        logger=False,
        enable_checkpointing=any(isinstance(callback, LightningCheckpoint) for callback in run.callbacks),
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        default_root_dir=str(run.scratch),
    )


def _callbacks(run: _Run, phases: Sequence[Phase], state: RunState, interruption: Interruption) -> list[Callback]:
    """Returns the callbacks of a phase, in the order in which they close an iteration."""
    train, decay = run.train, run.method.config.ema
    updates = [(phase.name, update.name) for phase in phases for update in phase.updates]
    clock = own.Clock(state)
    curves = own.Curves(state, run.loggers, updates, train.log_every, train.checkpoint_every)
    progress = RichProgressBar(refresh_rate=5) if sys.stderr.isatty() else own.ProgressLines(state, sum(map(run.length, phases)))
    return [
        clock,
        *([own.Average(state, decay)] if decay is not None else []),
        curves,
        own.Validation(state, run.loggers, run.validation, train.validate_every),
        progress,
        own.Checkpoint(state, curves, run.scratch, train.checkpoint_every, interruption),
        *run.callbacks,
        own.ClockRestart(clock),
    ]


def _check(method: Method, phases: Sequence[Phase], processes: int) -> None:
    method.check()
    names = [phase.name for phase in phases]
    if len(set(names)) != len(names):
        raise TrainingError(f"two phases share a name ({', '.join(names)}): the resume checkpoint could not tell them apart.")
    for phase in phases:
        streams = method.streams(phase)
        for stream in streams.values():
            # Here, because an error inside one of several processes is hard to read.
            IterationSampler(stream.batch_size or method.config.batch_size, 0, 1, world_size=processes)
        for update in phase.updates:
            if not parameters_of(update.moves):
                raise TrainingError(f"update '{update.name}' of phase '{phase.name}' moves no parameter.")
            for name in update.streams:
                if name not in streams:
                    raise TrainingError(f"update '{update.name}' reads stream '{name}', but phase '{phase.name}' has {sorted(streams)}.")


def _silence() -> None:
    """Keeps Lightning from advising on hardware and loaders: both are settings here."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
    warnings.filterwarnings("ignore", message=".*`training_step` returned `None`.*")
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
    warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\).*")
