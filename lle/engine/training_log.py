"""What a training reports; apart from the trainer, because a method that is not trained needs no Lightning."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lle.files import write_text

LOSS_COLUMNS = ("iteration", "phase", "update", "term", "value")
VALIDATION = "val"
"""In the column `update`: a measurement on the validation split."""


@dataclass(frozen=True)
class TrainingLog:
    """What a training reports.

    Attributes:
        iterations: of all phases together.
        seconds: spent in training steps and waiting for data, on all runs together; validation and checkpoints excluded.
        images: pictures that were trained on.
        data_wait_share: share of `seconds` in which the training step waited for its batch.
        rows: the log, see `LOSS_COLUMNS`.
        wait_shares: shares of `seconds` in which the training step waited for other threads, by what it waited for.
    """

    iterations: int = 0
    seconds: float = 0.0
    images: int = 0
    data_wait_share: float = 0.0
    rows: list[tuple[int, str, str, str, float]] = field(default_factory=list)
    wait_shares: dict[str, float] = field(default_factory=dict)


def curve_name(phase: str, update: str, term: str, updates: Collection[tuple[str, str]]) -> str:
    """Returns the name under which a tracker keeps a curve: `loss/[phase/][update/]term`, or `val/term`.

    Args:
        phase: of the curve; left out where there is one only.
        update: of the curve; left out where every phase has one only.
        term: of the curve.
        updates: phase and update of all loss curves of the training.
    """
    if update == VALIDATION:
        # A validation curve runs on over all phases.
        return f"{VALIDATION}/{term}"
    phases = {name for name, _ in updates}
    return "/".join(["loss", *([phase] if len(phases) > 1 else []), *([update] if len(set(updates)) > len(phases) else []), term])


def write_losses(path: Path, rows: Sequence[tuple[int, str, str, str, float]]) -> None:
    """Writes a training's log as CSV, atomically."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(LOSS_COLUMNS)
    writer.writerows((*row[:4], f"{row[4]:.6g}") for row in rows)
    write_text(path, buffer.getvalue())
