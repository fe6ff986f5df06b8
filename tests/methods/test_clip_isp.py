"""CLIP-ISP: filters against closed forms, the network's size and start, then the training phases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.utils.flop_counter import FlopCounterMode

from lle.methods.clip_isp import filters
from lle.methods.clip_isp.network import IspNet


@pytest.fixture
def image():
    return torch.rand(2, 3, 19, 23, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_white_balance_multiplies_each_channel(image):
    output = filters.white_balance(image, torch.tensor([[1.0, 2.0, 0.5], [1.5, 1.0, 1.0]], dtype=torch.float64))
    assert torch.equal(output[0, 1], 2 * image[0, 1])
    assert torch.equal(output[0, 2], image[0, 2] / 2)
    assert torch.equal(output[1, 0], 1.5 * image[1, 0])
    assert torch.equal(output[1, 1:], image[1, 1:])


def test_gamma_is_a_power_with_a_floor():
    image = torch.tensor([0.0, 0.25, 1.0]).reshape(1, 3, 1, 1)
    output = filters.gamma(image, torch.tensor([0.5])).flatten()
    assert output.tolist() == pytest.approx([0.01, 0.5, 1.0])


def test_contrast_at_half_luminance_changes_nothing():
    # EnL(0.5) = (1 - cos(pi/2)) / 2 = 0.5, so that En(I) = I for every amount.
    grey = torch.full((1, 3, 4, 4), 0.5)
    assert torch.allclose(filters.contrast(grey, torch.tensor([0.9])), grey, atol=2e-6)


@pytest.mark.parametrize("amount", [-0.5, 0.0, 0.7])
def test_contrast_of_a_colour(amount):
    red, green, blue = 0.2, 0.4, 0.6
    light = 0.27 * red + 0.67 * green + 0.06 * blue
    factor = amount * (1 - math.cos(math.pi * light)) / 2 / (light + 1e-6) + 1 - amount
    image = torch.tensor([red, green, blue], dtype=torch.float64).reshape(1, 3, 1, 1)
    output = filters.contrast(image, torch.tensor([amount], dtype=torch.float64)).flatten()
    assert output.tolist() == pytest.approx([red * factor, green * factor, blue * factor])


def test_blur_agrees_with_scipy(image):
    # scipy's "mirror" is torch's "reflect": the border pixel is not repeated.
    expected = gaussian_filter(image.numpy(), (0, 0, 5, 5), mode="mirror", radius=(0, 0, 12, 12))
    assert np.abs(filters.gaussian_blur(image).numpy() - expected).max() < 1e-12


def test_sharpen_adds_what_the_blur_took(image):
    blurred = filters.gaussian_blur(image)
    output = filters.sharpen(image, torch.tensor([0.0, 1.5], dtype=torch.float64))
    assert torch.equal(output[0], image[0])
    assert torch.allclose(output[1], image[1] + 1.5 * (image[1] - blurred[1]))
    flat = torch.full((1, 3, 16, 16), 0.3)
    assert torch.allclose(filters.sharpen(flat, torch.tensor([2.0])), flat, atol=1e-6)


def test_filters_carry_gradients_to_picture_and_parameters(image):
    image.requires_grad_()
    one = torch.full((2,), 0.4, dtype=torch.float64, requires_grad=True)
    for apply in (filters.gamma, filters.contrast, filters.sharpen):
        assert torch.autograd.gradcheck(apply, (image[:1, :, :13, :13] * 0.8 + 0.1, one[:1]))


def test_untrained_network_is_the_identity_but_for_its_light_sharpening():
    torch.manual_seed(0)
    network = IspNet().eval()
    low = torch.rand(2, 3, 37, 53) * 0.5 + 0.2
    with torch.no_grad():
        steps = network.steps(low)
        assert (steps.filtered[2] - low).abs().max() < 0.01
        sharpened = filters.sharpen(low, torch.full((2,), 0.1))
        assert (steps.enhanced - sharpened).abs().max() < 0.01
        assert torch.equal(steps.detail, torch.zeros_like(low))
        assert steps.parameters.sharpen.tolist() == pytest.approx([0.1, 0.1], abs=0.01)


def test_size_is_the_specified_one():
    assert sum(p.numel() for p in IspNet().parameters()) == 147_673


def test_multiply_accumulates_are_the_specified_ones():
    network = IspNet(view=None).to("meta").eval()
    with FlopCounterMode(display=False) as counter:
        network.encoder(torch.empty(1, 3, 400, 600, device="meta"))
        network.detail(torch.empty(1, 3, 400, 600, device="meta"))
    assert counter.get_total_flops() / 2e9 == pytest.approx(11.83, abs=0.005)


def test_parameters_of_the_whole_picture_serve_its_tiles():
    torch.manual_seed(1)
    network = IspNet().eval()
    low = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        parameters = network.estimate(low)
        whole = network.apply_filters(low, parameters)
        tile = network.apply_filters(low[..., :40, :40], parameters)
    assert torch.allclose(whole[2][..., :40, :40], tile[2])
    assert torch.allclose(whole[3][..., :20, :20], tile[3][..., :20, :20], atol=1e-6)


def test_parameters_do_not_depend_on_the_size_of_a_flat_picture():
    network = IspNet()
    small, large = (torch.full((1, 3, side, side), 0.2) for side in (32, 300))
    assert torch.allclose(network.estimate(small).exponent, network.estimate(large).exponent)
