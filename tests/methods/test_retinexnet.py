"""RetinexNet: the PyTorch version's outputs, both variants' parameters, two phases."""

from __future__ import annotations

import pytest
import torch
from helpers import check_shapes, gmacs, parameter_count, train

from lle.engine.optim import learning_rate
from lle.errors import WeightsError
from lle.methods.retinexnet.method import smoothness
from lle.registry import card, create


def test_agrees_with_the_authors(parity):
    vectors, weights = parity("retinexnet")
    method = create("retinexnet")
    method.import_weights(weights)
    torch.testing.assert_close(method(vectors["input"]), vectors["output"], rtol=0, atol=1e-5)
    with torch.no_grad():
        reflectance, illumination = method.network.decomposition(vectors["input"])
        relit = method.network.relight(reflectance, illumination)
    torch.testing.assert_close(reflectance, vectors["R"], rtol=0, atol=1e-5)
    torch.testing.assert_close(illumination, vectors["L"], rtol=0, atol=1e-5)
    torch.testing.assert_close(relit, vectors["I_delta"], rtol=0, atol=1e-5)


def test_refuses_weights_of_the_other_variant(parity):
    _, weights = parity("retinexnet")
    with pytest.raises(WeightsError, match="do not fit"):
        create("retinexnet", {"fusion": "add"}).import_weights(weights)
    with pytest.raises(WeightsError, match="two files"):
        create("retinexnet").import_weights({"Decom": weights["Decom"]})


def test_size_and_cost():
    method = create("retinexnet")
    assert parameter_count(method.network) == card("retinexnet").parameters == 555205
    assert parameter_count(create("retinexnet", {"fusion": "add"}).network) == 444613
    assert gmacs(method.network) == pytest.approx(card("retinexnet").gmacs, rel=0.02)
    assert gmacs(create("retinexnet", {"fusion": "add", "padding": "zeros"}).network) == pytest.approx(67.9, rel=0.02)
    check_shapes(create("retinexnet", {"width": 8}))
    check_shapes(create("retinexnet", {"width": 8, "fusion": "add", "padding": "zeros"}))


def test_smoothness_forgives_edges_of_the_reflectance():
    step = torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1
    flat = torch.full((1, 3, 8, 8), 0.5)
    assert smoothness(flat[:, :1], flat) == 0
    # One column in eight has a gradient of 1.
    assert smoothness(step, flat) == pytest.approx(1 / 8)
    assert smoothness(step, step.expand(1, 3, 8, 8)) < 0.1 * smoothness(step, flat)


@pytest.mark.parametrize("fusion", ["concat", "add"])
def test_learns(fusion):
    torch.manual_seed(0)
    run = train(create("retinexnet", {"width": 8, "fusion": fusion}), 20, crop=32, lr=1e-2)
    assert not run.untouched
    assert run.fell("decompose", "decompose", 0.9)
    assert run.fell("relight", "relight", 0.9)


def test_the_paper_slows_down_after_a_fifth_of_either_phase():
    method = create("retinexnet", {"preset": "paper"})
    for phase in method.phases():
        rates = [learning_rate(method.config, phase, k, 9200)(1e-3) for k in (0, 1839, 1840, 9199)]
        assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4])
