"""Does CLIP guide the network? Numbers about a trained CLIP-ISP, for `lle mechanism clip_isp`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from lle.engine.probe import LogRow, Measure, Probe
from lle.engine.validation import psnr
from lle.methods.clip_isp.method import HISTORY, ClipIsp

SHARE = 0.2
"""Least share of L_ehc in the gradient: with six terms at work, more than an equal part."""
ROUNDS = 3
"""Refinements in which every hinge of eq. 5 is to act."""


def measure(probe: Probe) -> Iterator[Measure]:
    """Yields the share of L_ehc at the end of every enhancement that is kept, which hinges acted, the order of r, and PSNR by round."""
    method = probe.method
    assert isinstance(method, ClipIsp)
    phases = [phase for phase in method.phases() if phase.name.startswith("enhance_")]
    kept = method.rounds()
    for phase, (guide, network) in zip(phases[-len(kept) :], kept, strict=True):
        with _as_of(method, guide, network):
            shares = probe.gradient_shares(phase.updates[0], probe.batches(phase.name))
        yield Measure("clip_share", "Share of L_ehc in the gradient of the network", shares["clip"], "share", phase.name, SHARE)
    acting = rounds_with_all_hinges(probe.log)
    yield Measure("hinges", "Refinements in which all six hinges of eq. 5 act", len(acting), "", "", ROUNDS)
    ranks, outputs = _ranks(method, probe)
    rising = [worse < better for worse, better in itertools.pairwise(ranks.values())]
    title = "Neighbours among input, I_en0 to I_en3, I_en and normal light whose mean r rises"
    yield Measure("order", title, sum(rising) / len(rising), "share", "", 1.0)
    for name, rank in ranks.items():
        yield Measure("r", "Mean r, how normally lit the prompts find it", rank, "share", name)
    for phase, value in zip(phases[-len(kept) :], outputs, strict=True):
        yield Measure("psnr", "PSNR of the result on validation pairs", value, "dB", phase.name)


def rounds_with_all_hinges(log: Sequence[LogRow]) -> list[str]:
    """Returns the refinements in whose log every hinge S0 to S5 was above 0 at some time."""
    acted: dict[str, set[str]] = {}
    for _, phase, update, term, value in log:
        if update == "refine" and value > 0:
            acted.setdefault(phase, set()).add(term)
    return [phase for phase, terms in acted.items() if {f"S{number}" for number in range(2 + HISTORY)} <= terms]


@torch.no_grad()
def _ranks(method: ClipIsp, probe: Probe) -> tuple[dict[str, float], list[float]]:
    """Mean r of everything that eq. 5 ranks, from the input to normal light, and the PSNR of the result of every round."""
    networks = [network for _, network in method.rounds()]
    found: dict[str, list[float]] = {}
    scores: list[list[float]] = []
    for low, normal in probe.validation_pairs():
        between = {f"I_en{number}": picture for number, picture in enumerate(method.between(low))}
        for name, picture in {"input": low, **between, "I_en": method(low), "normal": normal}.items():
            found.setdefault(name, []).append(float(method.normality(picture)))
        scores.append([psnr(network(low), normal) for network in networks])
    return {name: float(np.mean(values)) for name, values in found.items()}, np.mean(scores, axis=0).tolist()


@contextmanager
def _as_of(method: ClipIsp, guide: Tensor, network: nn.Module) -> Iterator[None]:
    """Puts the prompts and the network of a round in their places for the length of a block."""
    now = {key: value.clone() for key, value in method.state_dict().items()}
    try:
        with torch.no_grad():
            method.prompts.embedding.copy_(guide)
        method.network.load_state_dict(network.state_dict())
        yield
    finally:
        method.load_state_dict(now)
