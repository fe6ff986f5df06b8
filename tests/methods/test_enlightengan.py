"""EnlightenGAN: parameters, three updates against each other."""

from __future__ import annotations

import pytest
import torch
from helpers import batch_of, check_shapes, gmacs, parameter_count, train

from lle.engine.method import Stream
from lle.engine.optim import learning_rate
from lle.errors import WeightsError
from lle.losses.adversarial import relativistic_discriminator, relativistic_generator
from lle.registry import card, config_class, create

TINY = {"width": 4, "discriminator_width": 4, "patches": 2}


def test_size_and_cost():
    method = create("enlightengan", {"discriminator_width": 8})
    assert parameter_count(method.network) == card("enlightengan").parameters == 8636675
    assert gmacs(method.network) == pytest.approx(card("enlightengan").gmacs, rel=0.01)
    check_shapes(create("enlightengan", TINY))


def test_bright_places_stay():
    method = create("enlightengan", TINY)
    white = torch.ones(1, 3, 32, 32)
    torch.testing.assert_close(method.enhance(white), white)
    assert not torch.equal(method.enhance(white / 4), white / 4)


def test_discriminators_judge_regions():
    method = create("enlightengan", TINY)
    assert method.whole(torch.rand(2, 3, 96, 96)).shape[:2] == (2, 1)
    # Four strides of 2 with 2 pixels of padding (32, 17, 9, 5, 3), then two convolutions that add a pixel each.
    assert method.local(torch.rand(2, 3, 32, 32)).shape == (2, 1, 5, 5)


def test_relativistic_losses_rest_when_real_and_fake_differ_by_one():
    real, fake = torch.ones(4), torch.zeros(4)
    assert relativistic_discriminator(real, fake) == pytest.approx(0.5)
    assert relativistic_generator(real, fake) == pytest.approx((4 + 1) / 2)
    assert relativistic_discriminator(fake, fake) == pytest.approx(0.5)


def test_discriminators_use_what_the_generator_made_of_this_batch():
    method = create("enlightengan", TINY).train()
    first, second = (batch_of(method, Stream("unpaired"), k) for k in range(2))
    method.generator_loss(first)
    made = method._fakes(first)
    assert method._fakes(first) is made
    assert not made.requires_grad
    assert method._fakes(second) is not made


def test_takes_the_names_of_the_authors():
    method, other = create("enlightengan", TINY), create("enlightengan", TINY)
    names = {}
    for level in range(1, 10):
        place = f"down.{level - 1}" if level < 6 else f"up.{level - 6}"
        for unit in (1, 2):
            names[f"unet.{place}.{unit - 1}.0."] = f"conv{level}_{unit}."
            names[f"unet.{place}.{unit - 1}.2."] = f"bn{level}_{unit}."
    names |= {f"unet.rise.{k}.": f"deconv{k + 5}." for k in range(4)} | {"unet.head.": "conv10."}

    def foreign(key: str) -> str:
        ours = next(prefix for prefix in names if key.startswith(prefix))
        return "module." + names[ours] + key.removeprefix(ours)

    state = {foreign(key): value for key, value in method.network.state_dict().items()}
    other.import_weights({"200_net_G_A": state})
    picture = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(other.enhance(picture), method.enhance(picture), rtol=0, atol=0)
    with pytest.raises(WeightsError):
        other.import_weights({"200_net_G_A": {**state, "module.conv11.weight": torch.zeros(1)}})


def test_crops_must_hold_patches():
    with pytest.raises(ValueError, match="must not be below patch"):
        config_class("enlightengan")(crop=16)


def test_the_paper_slows_down_over_the_second_half():
    method = create("enlightengan", {"preset": "paper", "discriminator_width": 4})
    (phase,) = method.phases()
    rates = [learning_rate(method.config, phase, k, 100)(1e-4) for k in (0, 50, 75, 99)]
    assert rates == pytest.approx([1e-4, 1e-4, 5e-5, 2e-6])


def test_learns():
    torch.manual_seed(0)
    run = train(create("enlightengan", TINY), 15, crop=32, lr=3e-3)
    assert not run.untouched
    assert run.fell("fit", "whole")
    assert run.fell("fit", "local")
    assert set(run.terms["fit", "generator"]) == {"whole", "local", "preserve", "preserve_local"}
