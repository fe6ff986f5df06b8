"""IAT: the authors' outputs, parameters, training."""

from __future__ import annotations

import pytest
import torch
from helpers import check_shapes, gmacs, parameter_count, train

from lle.registry import card, create


@pytest.mark.parametrize(("variant", "fed"), [("lol_v1", "input"), ("lol_v2", "fed"), ("exposure", "input")])
def test_agrees_with_the_authors(parity, variant, fed):
    vectors, weights = parity("iat", variant)
    method = create("iat", {"pre_norm": variant == "lol_v2"})
    method.import_weights(weights)
    out = method.enhance(vectors["input"])
    torch.testing.assert_close(out, vectors["output"], rtol=0, atol=1e-5)
    with torch.no_grad():
        factor, summand = method.network.local_net(vectors[fed])
        gamma, color = method.network.global_net(vectors[fed])
    for name, value in {"mul": factor, "add": summand, "gamma": gamma, "color": color}.items():
        if name in vectors:
            torch.testing.assert_close(value, vectors[name], rtol=0, atol=1e-5, msg=name)


def test_size_and_cost():
    method = create("iat")
    assert parameter_count(method.network) == card("iat").parameters == 91154
    assert gmacs(method.network) == pytest.approx(card("iat").gmacs, rel=0.05)
    check_shapes(method)


def test_starts_near_a_plain_curve():
    network = create("iat").network
    network.eval()
    gamma, color = network.global_net(torch.rand(1, 3, 32, 32))
    torch.testing.assert_close(gamma, torch.ones(1, 1), rtol=0, atol=1e-3)
    torch.testing.assert_close(color, torch.eye(3)[None], rtol=0, atol=1e-3)


@pytest.mark.parametrize("loss", ["l1", "smooth_l1_perceptual"])
def test_learns(loss):
    torch.manual_seed(0)
    run = train(create("iat", {"loss": loss}), 12 if loss == "l1" else 2, crop=32, lr=2e-3)
    assert not run.untouched
    assert loss != "l1" or run.fell("fit", "fit", 0.9)
