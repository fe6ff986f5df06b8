"""Does the segmentation reach SLLEN's pictures? Numbers about a trained SLLEN, for `lle mechanism sllen`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lle.data.streams import rows_with
from lle.engine.probe import PAIRS, Measure, Probe
from lle.engine.step import only
from lle.engine.validation import to_tensor
from lle.methods.sllen.method import Sllen
from lle.methods.sllen.network import Network
from lle.metrics.segmentation import counts, iou

CHANGE = 1.0
"""Least mean change of the picture, in grey levels, with which a part counts as acting."""
MIOU = 0.5
"""Least mean intersection over union with which SSaN counts as having learned to segment."""
Cut = Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor]


def _passed(_: nn.Module, inputs: tuple[Any, ...], __: Tensor) -> Tensor:
    """A block adds nothing: F_l leaves it as it came."""
    first: Tensor = inputs[0]
    return first


def _nothing(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> Tensor:
    return torch.zeros_like(output)


CUTS: Mapping[str, tuple[str, Cut]] = {
    "HSBAB": ("hsbab", _passed),
    "RSAEB": ("rsaeb", _passed),
    "fused feature": ("ffb", _nothing),
}
"""What is cut: the attribute of the network, and what it gives then. Without RSAEB the intermediate feature (IEF) reaches nothing."""


def measure(probe: Probe) -> Iterator[Measure]:
    """Yields how far the picture changes where a part is cut, how well SSaN segments, and what moves the shared encoder."""
    method = probe.method
    assert isinstance(method, Sllen)
    yield from _changes(probe, method.network)
    if method.network.segmenter is None:
        return
    yield Measure("miou", "Mean IoU of SSaN on validation pictures as they are", _miou(probe, method), "share", "", MIOU)
    if method.config.alternate:
        for task, share in _encoder_shares(probe, method).items():
            yield Measure("encoder_share", "Share of a task in the gradient of the shared encoder", share, "share", task)


@torch.no_grad()
def _changes(probe: Probe, network: Network) -> Iterator[Measure]:
    pictures = [low for low, _ in probe.validation_pairs()]
    whole = [network(low).clamp(0, 1) for low in pictures]
    for place, (name, cut) in CUTS.items():
        block = getattr(network, name)
        if block is None:
            continue
        with block.register_forward_hook(cut):
            changed = [(network(low).clamp(0, 1) - kept).abs().mean() for low, kept in zip(pictures, whole, strict=True)]
        title = "Mean change of the picture without a part"
        yield Measure("change", title, 255 * float(torch.stack(changed).mean()), "grey levels", place, CHANGE)


@torch.no_grad()
def _miou(probe: Probe, method: Sllen) -> float:
    config = method.config
    pictures = probe.pictures(config.segmentation)
    rows = rows_with(pictures, "normal", "mask")
    pooled = []
    for place in np.linspace(0, len(rows) - 1, min(PAIRS, len(rows))).astype(int):
        row = rows[place]
        found = method.network.segment(to_tensor(pictures.normal(row))).argmax(1)[0].numpy().astype(np.uint8)
        pooled.append(counts(pictures.mask(row), found, config.classes))
    return float(np.nanmean(iou(np.sum(pooled, axis=0))))


def _encoder_shares(probe: Probe, method: Sllen) -> dict[str, float]:
    """The norm of each task's gradient over the sum of both, averaged over validation batches."""
    (phase,) = method.phases()
    moved = list(method.network.encoder.parameters())
    norms: dict[str, list[float]] = {update.name: [] for update in phase.updates}
    for batch in probe.batches(phase.name):
        for update in phase.updates:
            with only(method, moved), torch.enable_grad():
                loss = torch.stack(list(update.loss(update.batch(batch)).values())).sum()
                found = torch.autograd.grad(loss, moved)
            norms[update.name].append(float(torch.stack([gradient.square().sum() for gradient in found]).sum().sqrt()))
    means = {task: float(np.mean(values)) for task, values in norms.items()}
    return {task: mean / (sum(means.values()) or 1.0) for task, mean in means.items()}
