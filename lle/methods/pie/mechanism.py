"""Do PIE's constraints act? Numbers about a trained PIE, for `lle mechanism pie`."""

from __future__ import annotations

from collections.abc import Iterator

from lle.engine.probe import Measure, Probe

LEAST = 0.05
"""Least share of the gradient with which a constraint counts as acting."""
CONSTRAINTS = {
    "regions": ("Share of the regional brightness consistency in the gradient of the network", ("regions",)),
    "contrast": ("Share of the contrastive constraint, brightness and texture, in it", ("contrast", "nce", "gram")),
    "features": ("Share of the feature preservation, deep features, colour and smooth curves, in it", ("perceptual", "color", "tv")),
}
"""The paper's three constraints: a title, and their terms of the loss."""


def measure(probe: Probe) -> Iterator[Measure]:
    """Yields the share of each of the paper's three constraints in the gradient."""
    (phase,) = probe.method.phases()
    shares = probe.gradient_shares(phase.updates[0], probe.batches(phase.name))
    for key, (title, terms) in CONSTRAINTS.items():
        yield Measure(f"{key}_share", title, sum(shares.get(term, 0.0) for term in terms), "share", "", LEAST)
    for term, share in shares.items():
        yield Measure("term_share", "Share of a term in the gradient", share, "share", term)
