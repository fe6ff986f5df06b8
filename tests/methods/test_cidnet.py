"""HVI-CIDNet: the outputs of the authors' code, its colour space, the slips that its weights need, training."""

from __future__ import annotations

import math

import pytest
import torch
from helpers import check_shapes, parameter_count, train

from lle.methods.cidnet.hvi import HVI
from lle.registry import card, create


@pytest.mark.parametrize(
    ("settings", "name"), [({}, "output"), ({"saturation": 1.3}, "output_gated"), ({"brightness": 0.8}, "output_gated2_alpha0.8")]
)
def test_agrees_with_the_authors(parity, settings, name):
    vectors, weights = parity("cidnet")
    method = create("cidnet", {"width": 12, "black_pixels": "official", **settings})
    method.import_weights(weights)
    network, kept = method.network.eval(), {}
    for key, module in {
        "i_enc1": "intensity.encode1",
        "i_lca1": "intensity.attend1",
        "hv_lca1": "colour.attend1",
        "hvd3": "colour.decode3",
    }.items():
        network.get_submodule(module).register_forward_hook(lambda _, inputs, output, key=key: kept.__setitem__(key, output))
    with torch.no_grad():
        kept["hvi"] = network.trans(vectors["input"])
        kept["hvi_roundtrip"] = network.trans.inverse(kept["hvi"])
        kept["output_hvi"] = network.maps(kept["hvi"])
        kept[name] = method(vectors["input"])
    for key, value in kept.items():
        torch.testing.assert_close(value, vectors[key], rtol=0, atol=1e-5, msg=key)


def test_size():
    method = create("cidnet", {"preset": "paper"})
    assert parameter_count(method.network) == card("cidnet").parameters == 1975569
    assert parameter_count(method.network.intensity.attend5) == 70960
    check_shapes(create("cidnet", {"width": 8}))


def test_known_colours():
    transform = HVI()
    colours = torch.tensor([[1.0, 0, 0], [0.3, 0.3, 0.3], [0.1, 0, 0]]).reshape(3, 3, 1, 1)
    expected = torch.tensor([[1.0, 0, 1], [0, 0, 0.3], [math.sin(0.05 * math.pi) ** 0.2, 0, 0.1]]).reshape(3, 3, 1, 1)
    torch.testing.assert_close(transform(colours), expected, rtol=0, atol=1e-6)


def test_there_and_back():
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    transform = HVI()
    with torch.no_grad():
        assert (transform.inverse(transform(image)) - image).abs().max() < 1e-4
        grey = image[:, :1].expand(-1, 3, -1, -1)
        assert (transform.inverse(transform(grey)) - grey).abs().max() < 1e-3


def test_a_hue_of_a_whole_turn_is_black_in_the_authors_code_only():
    maps = torch.tensor([0.5, -1.5e-8, 0.5]).reshape(1, 3, 1, 1)
    assert HVI(fixed=False).inverse(maps).max() == 0
    assert HVI(fixed=True).inverse(maps)[0, 0, 0, 0] == 0.5


def test_black_and_grey_have_gradients():
    for level in (0.0, 0.5, 1.0):
        image = torch.full((1, 3, 4, 4), level, requires_grad=True)
        transform = HVI()
        transform(image).sum().backward()
        assert image.grad.isfinite().all()
        assert transform.density_k.grad.isfinite().all()


def test_the_third_encoder_skips_the_second_attention():
    torch.manual_seed(0)
    network = create("cidnet", {"width": 8}).network
    kept = []
    network.colour.encode3.register_forward_hook(lambda _, inputs, output: kept.append(output))
    hvi = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        before = network.maps(hvi)
        for parameter in network.colour.attend2.parameters():
            parameter.mul_(2)
        after = network.maps(hvi)
    assert torch.equal(kept[0], kept[1])
    assert not torch.equal(before, after)


@pytest.mark.parametrize("settings", [{}, {"random_gamma": True}, {"perceptual": "efficientnet_lite0"}, {"gt_mean": 0.1}])
def test_learns(settings):
    torch.manual_seed(0)
    run = train(create("cidnet", {"width": 8, **settings}), 12 if not settings else 1, crop=32, lr=2e-3)
    assert not run.untouched
    assert settings or run.fell("fit", "fit", 0.95)
