"""KinD: parameters, three phases."""

from __future__ import annotations

import pytest
import torch
from helpers import check_shapes, gmacs, parameter_count, train

from lle.engine.optim import learning_rate
from lle.methods.kind.network import consistency, relative_smoothness
from lle.registry import card, create


def test_size_and_cost():
    network = create("kind").network
    assert [parameter_count(m) for m in (network.decomposition, network.restoration, network.adjustment)] == [235876, 7760739, 19393]
    assert parameter_count(network) == card("kind").parameters == 8016008
    assert gmacs(network) == pytest.approx(card("kind").gmacs, rel=0.01)
    check_shapes(create("kind", {"width": 4}))


def test_consistency_forgives_flat_places_and_strong_edges():
    gradient = torch.tensor([0.0, 0.05, 1.0]).view(3, 1, 1, 1)
    flat, weak, strong = (float(consistency(g, g)) for g in gradient)
    assert flat == 0
    assert weak == pytest.approx(0.1 * 2.718281828**-1)
    assert strong < 1e-6


def test_relative_smoothness_divides_by_the_picture_edges():
    edge = torch.full((1, 1, 4, 4), -0.2)
    assert relative_smoothness(edge, torch.full_like(edge, 0.4)) == pytest.approx(0.5)
    assert relative_smoothness(edge, torch.zeros_like(edge)) == pytest.approx(20)


def test_restoration_has_crops_and_learning_rates_of_its_own():
    method = create("kind", {"preset": "paper"})
    decompose, restore, adjust = method.phases()
    stream = restore.streams["train"]
    assert (restore.iterations, stream.batch_size, stream.crop) == (116000, 4, 384)
    assert decompose.streams is adjust.streams is None
    late = {phase.name: learning_rate(method.config, phase, 900, 1000)(1e-4) for phase in method.phases()}
    assert late == pytest.approx({"decompose": 1e-4, "restore": 5e-5, "adjust": 1e-4})


def test_learns():
    torch.manual_seed(0)
    run = train(create("kind", {"width": 4}), 20, crop=32, lr=5e-3)
    assert not run.untouched
    for phase, update in run.losses:
        assert run.fell(phase, update, 0.97), (phase, update)
