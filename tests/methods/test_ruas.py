"""RUAS: the authors' outputs, parameters, two optimisers."""

from __future__ import annotations

import pytest
import torch
from helpers import check_shapes, gmacs, parameter_count, train

from lle.engine.optim import optimizer_of
from lle.methods.ruas.network import brightest
from lle.registry import card, create


@pytest.mark.parametrize(("variant", "output"), [("lol", "denoised"), ("dark", "enhanced"), ("upe", "enhanced")])
def test_agrees_with_the_authors(parity, variant, output):
    vectors, weights = parity("ruas", variant)
    method = create("ruas", {"output": output})
    method.import_weights(weights)
    with torch.no_grad():
        torch.testing.assert_close(method(vectors["input"]), vectors["output"], rtol=0, atol=1e-5)
        stages = method.network.enhancer(vectors["input"])
        clean = method.network.denoiser(stages[-1][0])
    for value, name in ((stages[0][1], "t1"), (stages[2][1], "t3"), (stages[2][0], "u3"), (clean, "u_denoised")):
        torch.testing.assert_close(value, vectors[name], rtol=0, atol=1e-5, msg=name)


def test_size_and_cost():
    method = create("ruas")
    assert parameter_count(method.network) == card("ruas").parameters == 3438
    assert gmacs(method.network) == pytest.approx(card("ruas").gmacs, rel=0.02)
    check_shapes(method)


def test_brightest_looks_right_and_down():
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 2, 2] = 1
    assert brightest(x).nonzero()[:, 2:].tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    assert brightest(-torch.ones(1, 1, 3, 3))[0, 0, 2].tolist() == [0, 0, 0]


def test_optimisers_of_the_paper():
    method = create("ruas", {"preset": "paper"})
    enhance, denoise = method.updates()
    groups = [optimizer_of(update, method).param_groups[0] for update in (enhance, denoise)]
    assert [(g["lr"], g["momentum"], g["weight_decay"]) for g in groups] == [(0.015, 0.9, 3e-4), (0.001, 0.9, 3e-4)]
    assert denoise.every == 50


def test_learns():
    torch.manual_seed(0)
    run = train(create("ruas"), 20, crop=32)
    assert not run.untouched
    assert run.fell("fit", "enhance")
    assert run.fell("fit", "denoise")
