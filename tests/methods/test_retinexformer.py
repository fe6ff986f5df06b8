"""Retinexformer: the outputs of the authors' code, blending, training."""

from __future__ import annotations

import pytest
import torch
from helpers import check_shapes, parameter_count, train

from lle.registry import card, create


def test_agrees_with_the_authors(parity):
    vectors, weights = parity("retinexformer")
    method = create("retinexformer", {"width": 16})
    method.import_weights(weights)
    network, kept = method.network.eval(), {}
    for key, module in {"enc0": "body.0.denoiser.encoder_layers.0.0", "bottleneck": "body.0.denoiser.bottleneck"}.items():
        network.get_submodule(module).register_forward_hook(lambda _, inputs, output, key=key: kept.__setitem__(key, output))
    with torch.no_grad():
        kept["output"] = method(vectors["input"])
        kept["illu_fea"], kept["illu_map"] = network.get_submodule("body.0.estimator")(vectors["input"])
    for key, value in kept.items():
        torch.testing.assert_close(value, vectors[key], rtol=0, atol=1e-5, msg=key)


def test_size():
    network = create("retinexformer", {"preset": "paper"}).network
    assert parameter_count(network) == card("retinexformer").parameters == 1605701
    assert parameter_count(network.get_submodule("body.0.estimator")) == 10363
    check_shapes(create("retinexformer", {"width": 8}))


def test_blending_treats_both_pictures_alike():
    low = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    always, never = create("retinexformer", {"width": 8, "mixup": 1.0}), create("retinexformer", {"width": 8})
    torch.manual_seed(0)
    blended, normal = always.mixed(low, 2 * low)
    torch.testing.assert_close(normal, 2 * blended)
    torch.testing.assert_close(blended.mean(dim=0), low.mean(dim=0))
    assert not torch.equal(blended, low)
    assert never.mixed(low, low)[0] is low


@pytest.mark.parametrize("settings", [{}, {"gt_mean": 0.1}, {"mixup": 1.0}])
def test_learns(settings):
    torch.manual_seed(0)
    run = train(create("retinexformer", {"width": 8, **settings}), 12 if not settings else 1, crop=32, lr=2e-3)
    assert not run.untouched
    assert settings or run.fell("fit", "fit", 0.95)
