"""What a trained method can be asked about the idea it was made for: each number says that a part of it acts, or that it does not.

A method declares its numbers in `lle/methods/<id>/mechanism.py`, apart from `method.py`, so that a further one retrains nothing:

    def measure(probe: Probe) -> Iterable[Measure]

`lle mechanism METHOD` computes them on validation pictures, which no training and no test sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lle.data.streams import IterationSampler, Pictures, StreamDataset, loader, rows_with
from lle.engine.method import Batch, Method, Update
from lle.engine.optim import parameters_of
from lle.engine.step import mix, only
from lle.engine.validation import to_tensor

PAIRS = 8
"""Validation pairs that are looked at."""
LogRow = tuple[int, str, str, str, float]
"""A line of a training's log, see `lle.engine.training_log.LOSS_COLUMNS`."""


@dataclass(frozen=True)
class Measure:
    """One number about a method's mechanism.

    Attributes:
        key: names it within the method, such as `clip_share`.
        title: what it is, for the report.
        value: the number.
        unit: `share` (0 to 1), `dB`, `grey levels` (of 255), or `` for a count.
        place: phase, round, stage or part that it is of; `` for the whole method.
        least: the smallest value with which the part counts as acting, our choice; None for a number that only informs.
    """

    key: str
    title: str
    value: float
    unit: str = ""
    place: str = ""
    least: float | None = None


@dataclass(frozen=True)
class Probe:
    """A trained method, and what may be shown to it.

    Attributes:
        method: in evaluation mode; a measure that changes it puts it back.
        pictures: opens the validation split of a data set by its name; None stands for the data it was trained on.
        log: the log of its training.
        model: its folder.
        seed: of the crops.
    """

    method: Method
    pictures: Callable[[str | None], Pictures]
    log: Sequence[LogRow]
    model: Path
    seed: int = 0

    def batches(self, phase: str, count: int = 4) -> list[Mapping[str, Batch]]:
        """Returns validation batches as a phase would see them: for each of `count` iterations, a batch by stream."""
        found = next(one for one in self.method.phases() if one.name == phase)
        config, columns = self.method.config, {}
        for name, stream in self.method.streams(found).items():
            dataset = StreamDataset(stream, self.pictures(stream.data), stream.crop or config.crop, mix(self.seed, phase), name)
            columns[name] = list(loader(dataset, IterationSampler(stream.batch_size or config.batch_size, 0, count), 0))
        return [{name: batches[i] for name, batches in columns.items()} for i in range(count)]

    def validation_pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields up to `PAIRS` pairs of the validation split, evenly spread: low and normal, each 1 x 3 x H x W in [0, 1]."""
        pictures = self.pictures(None)
        rows = rows_with(pictures, "low", "normal")
        for place in np.linspace(0, len(rows) - 1, min(PAIRS, len(rows))).astype(int):
            row = rows[place]
            yield to_tensor(pictures.low(row)), to_tensor(pictures.normal(row))

    def gradient_shares(self, update: Update, batches: Iterable[Mapping[str, Batch]]) -> dict[str, float]:
        """Returns by term its share of the gradient of what an update moves.

        The share of a term is the norm of its own gradient over the sum of the norms of all terms' gradients, each averaged over
        the batches. Where a training has come to rest the gradients of its terms cancel each other, and so their sum would say
        nothing; which of them hold the balance, the norms say.

        Args:
            update: one of a phase of the method, whose loss is asked as the method is now.
            batches: by stream, see `batches`.
        """
        moved = parameters_of(update.moves)
        norms: dict[str, list[float]] = {}
        for number, batch in enumerate(batches):
            torch.manual_seed(mix(self.seed, update.name, number))
            with only(self.method, moved), torch.enable_grad():
                for term, loss in update.loss(update.batch(batch)).items():
                    norms.setdefault(term, []).append(_gradient_norm(loss, moved))
        means = {term: float(np.mean(found)) for term, found in norms.items()}
        whole = sum(means.values())
        return {term: mean / whole if whole else 0.0 for term, mean in means.items()}


def _gradient_norm(loss: Tensor, moved: Sequence[torch.nn.Parameter]) -> float:
    if not loss.requires_grad:
        return 0.0
    found = torch.autograd.grad(loss, list(moved), retain_graph=True, allow_unused=True)
    return float(torch.stack([gradient.square().sum() for gradient in found if gradient is not None]).sum().sqrt())
