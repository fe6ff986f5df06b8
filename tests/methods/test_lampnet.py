"""LampNet: what changes nothing, what a user may turn, curves, tiles, training."""

from __future__ import annotations

import itertools

import pytest
import torch
from helpers import check_shapes, gmacs, parameter_count, train
from torch import nn

from lle.config.base import Input
from lle.infer.engine import TorchEngine
from lle.methods.lampnet.network import GRID, LampNet, brightness
from lle.registry import card, config_class, create


def stirred(**settings: object):
    """A small LampNet in which every part has an effect."""
    torch.manual_seed(0)
    method = create("lampnet", {**config_class("lampnet").tiny, **settings})
    for parameter in method.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.05)
    return method.eval()


def picture(*shape: int) -> torch.Tensor:
    return 0.4 * torch.rand(shape, generator=torch.Generator().manual_seed(1))


def test_size_and_cost():
    method = create("lampnet")
    assert parameter_count(method.network) == card("lampnet").parameters <= 350_000
    assert gmacs(method.network) == pytest.approx(card("lampnet").gmacs, rel=0.01)
    assert card("lampnet").gmacs <= 1.5
    check_shapes(stirred())


def test_untrained_it_changes_nothing():
    low = picture(2, 3, 37, 53)
    assert torch.equal(create("lampnet").enhance(low), low)


@pytest.mark.parametrize("shape", [(1, 3, 37, 53), (2, 3, 64, 96)])
def test_strength_0_gives_the_input_bit_for_bit(shape):
    method, low = stirred(), picture(*shape)
    assert not torch.equal(method.enhance(low), low)
    method.strength = 0.0
    assert torch.equal(method.enhance(low), low)


def test_strength_is_a_power_of_the_gain_and_a_setting():
    method, low = stirred(), picture(1, 3, 64, 64)
    with torch.no_grad():
        frame = method.network.frame(low)
        whole, half = method.network.steps(low, frame), method.network.steps(low, frame, strength=0.5)
    torch.testing.assert_close(half.gain, 0.5 * whole.gain)
    torch.testing.assert_close((half.lifted / low) ** 2, whole.lifted / low, atol=1e-4, rtol=1e-4)
    method.strength = 0.5
    torch.testing.assert_close(method.enhance(low), stirred(strength=0.5).enhance(low))


def test_a_curve_gives_dark_pixels_and_a_lamp_beside_them_gains_of_their_own():
    network = LampNet(width=4, knots=3, light_width=8)
    curves = torch.zeros(1, 6, 2, 2)
    curves[:, 0], curves[:, 3] = 2.0, 0.3
    low = torch.full((1, 3, 2 * GRID, 2 * GRID), 1e-6)
    low[..., 5, 5], low[..., 9, 9] = 1.0, 0.0625 - 1e-4
    gain, lifted = network.lift(low, curves)
    # Square roots of the brightest channel: 0.01, 1 and 0.25, of which the knots stand at 0, 0.5 and 1.
    assert gain[0, 0, 0, 0] == pytest.approx(2 * 0.98, rel=1e-2)
    assert gain[0, 0, 5, 5] == 0
    assert gain[0, 0, 9, 9] == pytest.approx(1.0, rel=1e-3)
    assert (lifted / low)[0, :, 5, 5].tolist() == pytest.approx([1.34986, 1.0, 1.0], rel=1e-4)


@pytest.mark.parametrize("of", [create, lambda _, settings: stirred(**settings)])
@pytest.mark.parametrize("factor", [0.1, 0.4, 1.0])
def test_results_are_as_bright_as_is_asked_for(of, factor):
    smooth = nn.functional.interpolate(picture(2, 3, 8, 12), size=(64, 96), mode="bicubic").clamp(0, 1)
    low, means = factor * smooth, []
    method = of("lampnet", {"brightness": 0.5})
    for method.brightness in (0.1, 0.25, 0.4, 0.5):
        with torch.no_grad():
            lifted = method.network.steps(low, *method.estimate(low)).lifted.clamp(0, 1)
        assert brightness(lifted).tolist() == pytest.approx(2 * [method.brightness], rel=0.03)
        means.append(brightness(method.enhance(low)))
    assert all((brighter > darker).all() for darker, brighter in itertools.pairwise(means))


def test_white_and_black_stay_where_brightness_is_asked_for():
    method, low = create("lampnet", {"brightness": 0.3}), torch.full((1, 3, 64, 64), 0.02)
    low[..., :16, :], low[..., 16:32, :] = 1, 0
    result = method.enhance(low)
    assert result[..., :4, :].min() > 0.999
    assert result[..., 20:28, :].max() == 0
    assert result[..., 40:, :].min() > 0.05


def test_the_network_may_choose_for_one_picture_of_a_batch_and_be_told_for_another():
    network, low = stirred().network, picture(2, 3, 32, 32)
    with torch.no_grad():
        mixed = network(low, torch.tensor([-1.0, 0.7]))
        torch.testing.assert_close(mixed[:1], network(low[:1]), atol=1e-6, rtol=0)
        torch.testing.assert_close(mixed[1:], network(low[1:], torch.tensor([0.7])), atol=1e-6, rtol=0)
        assert not torch.allclose(mixed[1:], network(low[1:]), atol=1e-4)


def test_tiles_give_what_the_whole_picture_gives():
    method = stirred()
    halo = TorchEngine(method, "lampnet", torch.device("cpu")).halo()
    assert halo is not None
    assert halo <= 256
    low = picture(1, 3, 96 + halo, 64)
    with torch.no_grad():
        parameters = method.estimate(low)
        whole, tile = method.enhance_with(low, parameters), method.enhance_with(low[..., : 64 + halo, :], parameters)
    torch.testing.assert_close(tile[..., :64, :], whole[..., :64, :], atol=2e-5, rtol=0)


def test_a_smaller_view_gives_nearly_the_same_description():
    method, low = stirred(), picture(1, 3, 384, 384)
    low = nn.functional.avg_pool2d(low, 9, 1, 4)
    with torch.no_grad():
        smaller, whole = method.estimate(nn.functional.avg_pool2d(low, 2))[0], method.estimate(low)[0]
    torch.testing.assert_close(smaller, whole, atol=5e-3, rtol=0)


def test_training_reads_crops_and_larger_ones():
    method = create("lampnet", config_class("lampnet").tiny)
    streams = method.phases()[0].streams
    assert {name: stream.crop for name, stream in streams.items()} == {"crops": None, "frames": 32}
    assert config_class("lampnet")(frames_data="mine").inputs() == (Input("data", "mine"),)
    assert config_class("lampnet")(frames_data="mine", frames_batch_size=0).inputs() == ()
    alone = create("lampnet", {**config_class("lampnet").tiny, "frames_batch_size": 0})
    assert set(alone.phases()[0].streams) == {"crops"}
    terms = train(method, iterations=2, crop=32).terms["fit", "frames"]
    assert set(terms) == {"lifted", "charbonnier", "ssim", "colour"}
