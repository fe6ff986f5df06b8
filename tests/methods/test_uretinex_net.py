"""URetinex-Net: the authors' outputs, parameters, three phases."""

from __future__ import annotations

import pytest
import torch
from helpers import check_shapes, gmacs, parameter_count, train

from lle.errors import WeightsError
from lle.registry import card, create


@pytest.mark.parametrize("layout", ["parts", "checkpoints", "opened checkpoints"])
def test_agrees_with_the_authors(parity, layout):
    vectors, weights = parity("uretinex_net")
    if layout != "parts":
        weights = {
            "init_low": {"model_R": weights["init_low"]},
            "init_high": {"model_R": weights["init_high"]},
            "unfolding": {"model_R": weights["unfolding_model_R"], "model_L": weights["unfolding_model_L"]},
            "L_adjust": {"model_A": weights["L_adjust_model_A"]},
        }
    if layout == "checkpoints":
        weights = {stem: {"state_dict": state} for stem, state in weights.items()}
    method = create("uretinex_net")
    method.import_weights(weights)
    with torch.no_grad():
        torch.testing.assert_close(method(vectors["input"]), vectors["output"], rtol=0, atol=1e-5)
        first = method.network.decompose(vectors["input"])
        r, lit, _ = method.network.unfold(vectors["input"])[-1]
        high = method.network.adjust(lit, torch.full((1, 1, 1, 1), 5.0))
    for value, name in zip((*first, r, lit, high), ("init_R", "init_L", "R", "L", "High_L"), strict=True):
        torch.testing.assert_close(value, vectors[name], rtol=0, atol=1e-5, msg=name)


def test_says_which_weights_are_missing(parity):
    _, weights = parity("uretinex_net")
    del weights["L_adjust_model_A"]
    with pytest.raises(WeightsError, match="L_adjust"):
        create("uretinex_net").import_weights(weights)


def test_size_and_cost():
    method = create("uretinex_net")
    assert parameter_count(method.network) == card("uretinex_net").parameters == 340105
    assert gmacs(method.network) == pytest.approx(card("uretinex_net").gmacs, rel=0.01)
    check_shapes(create("uretinex_net", {"width": 8}))


def test_the_closed_forms_are_minima():
    network = create("uretinex_net", {"width": 8, "rounds": 2}).network.double()
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, 16, 16, generator=generator, dtype=torch.double)
    p0, q0 = network.decompose(image)
    r = network.reflectance(p0, q0)
    lit = network.illumination(q0)
    found = network.unfold(image)[1][2].detach()
    p = ((image * q0 + 0.15 * r) / (q0 * q0 + 0.15)).detach()

    def energy(q: torch.Tensor) -> torch.Tensor:
        return (image - p * q).square().sum() + 0.55 * (q - lit.detach()).square().sum()

    q = found.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(energy(q), q)
    assert gradient.abs().max() < 1e-9


def test_ratio_is_a_setting():
    torch.manual_seed(0)
    bright, dark = create("uretinex_net", {"width": 8, "ratio": 5.0}), create("uretinex_net", {"width": 8, "ratio": 1.0})
    dark.load_state_dict(bright.state_dict())
    picture = torch.rand(1, 3, 16, 16)
    assert not torch.equal(bright.enhance(picture), dark.enhance(picture))


def test_learns():
    torch.manual_seed(0)
    run = train(create("uretinex_net", {"width": 8}), 10, crop=32, lr=5e-3)
    assert not run.untouched
    for phase, update in run.losses:
        assert run.fell(phase, update, 0.95), (phase, update)
