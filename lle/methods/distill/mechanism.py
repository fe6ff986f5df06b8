"""Does the student look where its teacher looks? Numbers about a trained student, for `lle mechanism distill`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lle.engine.model_io import load_model
from lle.engine.probe import Measure, Probe
from lle.methods.distill.method import Distill
from lle.methods.net_t.network import NetT
from lle.nn.block_autoencoder import BlockAutoencoder, attention_maps

LEAST = 0.5
"""Least correlation, averaged over the blocks that the student imitates, with which the teacher counts as acting."""


def measure(probe: Probe) -> Iterator[Measure]:
    """Yields by block how far the student's attention to dark pictures is that of its teacher to lit ones.

    A student that learned without a teacher is compared with the one in `teacher_path`, which shows what agreement there is without.
    """
    method = probe.method
    assert isinstance(method, Distill)
    teacher = getattr(load_model(Path(method.config.teacher_path)), "network", None)
    student = method.network
    if not isinstance(student, BlockAutoencoder) or not isinstance(teacher, NetT):
        return
    found = [
        [_correlation(ours, theirs) for ours, theirs in zip(attention_maps(student, low), attention_maps(teacher, normal), strict=False)]
        for low, normal in probe.validation_pairs()
    ]
    means = np.mean(found, axis=0)
    for block, mean in enumerate(means, 1):
        yield Measure("attention", "Correlation of the attention maps of student and teacher", float(mean), "", f"block {block}")
    imitated = [float(means[block - 1]) for block in method.config.hint_blocks]
    yield Measure("agreement", "The same, mean of the blocks that are imitated", float(np.mean(imitated)), "", "", LEAST)


def _correlation(one: Tensor, other: Tensor) -> float:
    """Pearson's r of two maps; 0 where one of them is flat."""
    pairs = torch.stack([one.flatten(), other.flatten()])
    return float(torch.corrcoef(pairs)[0, 1].nan_to_num())
