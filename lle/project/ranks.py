"""Training in several processes that run the same command: the first of them writes the results, the others work for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.loggers import Logger

_RANKS = ("LOCAL_RANK", "NODE_RANK", "RANK", "SLURM_PROCID")
"""Environment variables in which Lightning, torchrun and SLURM number the processes, from 0."""


def is_first() -> bool:
    """Says whether this process is the first of a training, or the only one."""
    return all(os.environ.get(name, "0") == "0" for name in _RANKS)


@contextmanager
def results(models: Path, reports: Path) -> Iterator[tuple[Path, Path | None]]:
    """Yields where this process puts its model and its curves: two that write into one folder would destroy each other's files."""
    if is_first():
        yield models, reports
        return
    with tempfile.TemporaryDirectory(prefix="lle-rank-") as folder:
        yield Path(folder), None


class Together(Logger):
    """Holds the processes at the end of a training, so that none removes the checkpoint which another is about to read."""

    @property
    def name(self) -> str:
        """What it is called."""
        return "together"

    @property
    def version(self) -> str:
        """It has none."""
        return ""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs nothing."""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Logs nothing."""

    def finalize(self, status: str) -> None:
        """Waits for the other processes, if there are some; not after a failure, for they may be gone."""
        if status == "success" and torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.barrier()
