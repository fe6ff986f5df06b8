"""The resume checkpoint: all that a killed training needs to go on bit for bit, and what is done with a damaged one.

Two generations lie in the folder, so that a file which a crash of the machine left half written costs a few iterations and no
more. A damaged file is set aside under another name, never deleted and never loaded in an unsafe way.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import math
import os
import pickle
import struct
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lle.engine.method import Method
from lle.errors import LleError, TrainingError
from lle.files import atomic_path

CHECKPOINT = "resume.pt"
PREVIOUS = "resume-previous.pt"

_PATIENCE = 10.0
"""Seconds."""

_log = logging.getLogger("lle.training")
DAMAGED = (
    *(RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError),
    *(pickle.UnpicklingError, struct.error, zipfile.BadZipFile),
)
"""What torch.load raises for files that are cut off, empty, zeroed or overwritten."""


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        phase: number of the phase, from 0.
        iteration: of the phase that comes next.
        total: iterations done in all phases.
        rows: the log so far, see `lle.engine.training_log.LOSS_COLUMNS`.
        best: highest PSNR on the validation split, dB.
        seconds: spent in training steps and waiting for data.
        wait_seconds: of these, waiting for data.
        waits: of these, waiting for other threads, by what for.
        images: trained on.
        pending: update, term, sum and number of values that are not in `rows` yet.
    """

    phase: int = 0
    iteration: int = 0
    total: int = 0
    rows: list[tuple[int, str, str, str, float]] = field(default_factory=list)
    best: float = -math.inf
    seconds: float = 0.0
    wait_seconds: float = 0.0
    waits: dict[str, float] = field(default_factory=dict)
    images: int = 0
    pending: list[tuple[str, str, float, int]] = field(default_factory=list)


@dataclass
class RunState:
    """The state of a run beside the method's own.

    Attributes:
        progress: where it stands.
        optimizers: states of the phase's optimisers; None before its first checkpoint.
        ema: averaged parameters, in the order of `method.parameters()`; None where none are kept.
        best: state dict of the highest PSNR; None where none is kept.
    """

    progress: Progress = field(default_factory=Progress)
    optimizers: list[dict[str, Any]] | None = None
    ema: list[Tensor] | None = None
    best: dict[str, Tensor] | None = None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps a second process from training into the same checkpoints while the block runs.

    The folder itself is locked, so nothing has to be removed after a kill. It is made at once: that it is there says that a training was
    begun and has not ended. Where no checkpoint came of it, an error takes it away again.

    Raises:
        TrainingError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Lightning's `ddp` starts this command again for its other processes, which are no second training.
    if any(os.environ.get(name, "0") != "0" for name in ("LOCAL_RANK", "NODE_RANK", "RANK", "SLURM_PROCID")):
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        try:
            yield
        except BaseException:
            with suppress(OSError):
                folder.rmdir()
            raise
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    # The loader processes of a training that was killed a moment ago hold its lock until they notice.
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return  # a file system without locks
            if time.monotonic() > end:
                raise TrainingError(
                    f"another process is training with the same settings, code and data (its checkpoints are in {folder}). Wait for it "
                    "to end; the same command then finds its model."
                ) from error
        time.sleep(0.2)


def write_checkpoint(folder: Path, method: Method, optimizers: Sequence[torch.optim.Optimizer], state: RunState) -> None:
    """Writes the checkpoint, whole or not at all; the one before it stays as the previous generation.

    Raises:
        TrainingError: the disk is full or the folder cannot be written; the last checkpoint is still there.
    """
    values = {
        "method": method.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "ema": state.ema,
        "best": state.best,
        "progress": vars(state.progress),
    }
    path = folder / CHECKPOINT
    try:
        with atomic_path(path) as temporary:
            torch.save(values, temporary)
            if path.exists():
                os.replace(path, folder / PREVIOUS)
    except (LleError, OSError, RuntimeError) as error:
        # torch reports a full disk as a RuntimeError about positions in its archive.
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in ("unexpected pos", "PytorchStreamWriter")):
            raise
        raise TrainingError(
            f"the resume checkpoint could not be written into {folder} ({str(error).splitlines()[0]}). The disk may be full: free space "
            "and run the same command again; it goes on from the last checkpoint there."
        ) from error


def read_checkpoint(folder: Path, method: Method) -> RunState | None:
    """Loads the newest checkpoint that is whole into the method.

    Returns:
        The run's state; None where there is no checkpoint, and the method is as it was.

    Raises:
        TrainingError: the folder cannot be read.
    """
    for name, otherwise in ((CHECKPOINT, f"{PREVIOUS} is used if it is there"), (PREVIOUS, "the training starts again")):
        path = folder / name
        if not path.exists():
            continue
        try:
            return _load(path, method)
        except OSError as error:
            raise TrainingError(f"cannot read the resume checkpoint {path}: {error.strerror or error}.") from error
        except DAMAGED as error:
            aside = path.with_name(f"{path.stem}-damaged.pt")
            os.replace(path, aside)
            _log.warning(
                "The resume checkpoint %s is damaged (%s); it now is %s, and %s.", path, type(error).__name__, aside.name, otherwise
            )
    return None


def _load(path: Path, method: Method) -> RunState:
    """Loads a checkpoint into the method; raises one of `DAMAGED` before anything was changed."""
    values = torch.load(path, map_location="cpu", weights_only=True)
    progress = Progress(**values["progress"])
    progress.rows = [(int(i), phase, update, term, value) for i, phase, update, term, value in progress.rows]
    state = RunState(progress, values["optimizers"], values["ema"], values["best"])
    own, saved = method.state_dict(), values["method"]
    if {key: value.shape for key, value in own.items()} != {key: value.shape for key, value in saved.items()}:
        raise ValueError("it holds another network")
    method.load_state_dict(saved)
    return state
