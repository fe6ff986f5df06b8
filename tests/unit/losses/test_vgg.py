"""VGG features: names and order of the layers, and what is said where weights are missing. No weights are needed: they are made."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from lle.errors import WeightsError
from lle.losses.padded_ssim import padded_ssim_loss
from lle.losses.ssim import ssim
from lle.losses.vgg import AS_IT_IS, vgg

VGG19 = ((0, 3, 64), (2, 64, 64), (5, 64, 128), (7, 128, 128), (10, 128, 256), (12, 256, 256), (14, 256, 256), (16, 256, 256))
"""Place, inputs and outputs of the first convolutions in torchvision's sequence."""
REST = ((19, 256, 512), *((place, 512, 512) for place in (21, 23, 25, 28, 30, 32, 34)))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    state = {}
    for place, inputs, outputs in (*VGG19, *REST):
        state[f"features.{place}.weight"] = torch.randn(outputs, inputs, 3, 3) / (9 * inputs) ** 0.5
        state[f"features.{place}.bias"] = torch.randn(outputs) * 0.1
    path = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    save_file({**state, "classifier.0.weight": torch.zeros(1)}, path)
    return path


def test_layers_are_torchvisions(weights):
    from safetensors.torch import load_file

    state = load_file(weights)
    image = torch.rand(1, 3, 16, 16)
    before, after, pooled = vgg("vgg19", ("conv1_2", "relu1_2", "pool1"), AS_IT_IS, weights)(image)
    first = F.relu(F.conv2d(image, state["features.0.weight"], state["features.0.bias"], padding=1))
    expected = F.conv2d(first, state["features.2.weight"], state["features.2.bias"], padding=1)
    torch.testing.assert_close(before, expected)
    torch.testing.assert_close(after, expected.relu())
    torch.testing.assert_close(pooled, F.max_pool2d(expected.relu(), 2))


def test_says_what_to_do_without_weights(weights, tmp_path):
    with pytest.raises(WeightsError, match="VGG19 weights there"):
        vgg("vgg19", ("conv1_1",), weights=tmp_path / "none.pth")
    with pytest.raises(WeightsError, match="does not hold torchvision's VGG16"):
        vgg("vgg16", ("conv1_1",), weights=weights)


def test_padded_ssim_counts_the_border():
    image, reference = torch.rand(2, 1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    window = torch.exp(-((torch.arange(11.0) - 5) ** 2) / (2 * 1.5**2))
    window = torch.outer(window, window) / window.sum() ** 2

    def blur(x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, window.expand(3, 1, 11, 11), padding=5, groups=3)

    a, b = blur(image), blur(reference)
    aa, bb, ab = blur(image**2) - a * a, blur(reference**2) - b * b, blur(image * reference) - a * b
    expected = 1 - ((2 * a * b + 1e-4) * (2 * ab + 9e-4) / ((a * a + b * b + 1e-4) * (aa + bb + 9e-4))).mean()
    torch.testing.assert_close(padded_ssim_loss(image, reference), expected, rtol=1e-4, atol=1e-5)
    assert abs(float(padded_ssim_loss(image, reference) - (1 - ssim(image, reference).mean()))) > 1e-4
