"""LYT-Net: the outputs of the authors' code, its two kinds of tokens, its losses."""

from __future__ import annotations

import pytest
import torch
from helpers import check_shapes, parameter_count, train
from torch.nn import functional as F

from lle.methods.lyt_net.loss import WEIGHTS, brightness_loss, multi_scale_ssim_loss, psnr_loss
from lle.methods.lyt_net.network import yuv
from lle.registry import card, create


def test_agrees_with_the_authors(parity):
    vectors, weights = parity("lyt_net")
    method = create("lyt_net")
    method.import_weights(weights)
    kept = {}
    for name, module in {"cb_mhsa": "denoiser_cb.bottleneck", "denoiser_cb": "denoiser_cb", "lum_mhsa": "lum_mhsa", "msef": "msef"}.items():
        module = method.network.get_submodule(module)
        module.register_forward_hook(lambda _, inputs, output, name=name: kept.__setitem__(name, output))
    output = method.enhance(vectors["input"])
    kept["ycbcr"] = yuv(vectors["input"])
    for name, value in kept.items():
        torch.testing.assert_close(value, vectors[name], rtol=0, atol=1e-5, msg=name)
    torch.testing.assert_close(output, vectors["output"], rtol=0, atol=1e-5)
    other = create("lyt_net", {"tokens": "pixels"})
    other.import_weights(weights)
    assert (other.enhance(vectors["input"]) - output).abs().max() > 1e-3


def test_size():
    method = create("lyt_net")
    assert parameter_count(method.network) == card("lyt_net").parameters == 44923
    assert parameter_count(method.network.denoiser_cb) == 8363
    check_shapes(method)


def test_losses():
    image = torch.rand(2, 3, 192, 192, generator=torch.Generator().manual_seed(0))
    assert float(multi_scale_ssim_loss(image, image)) == pytest.approx(0, abs=1e-6)
    assert float(psnr_loss(image, image + 0.1)) == pytest.approx(20, abs=1e-3)
    assert float(brightness_loss(image, image + 0.1)) == pytest.approx(0.1, abs=1e-5)
    # Of two flat pictures only brightness differs, and it counts at the coarsest scale alone.
    a, b = torch.full((1, 3, 192, 192), 0.4), torch.full((1, 3, 192, 192), 0.5)
    luminance = (2 * 0.4 * 0.5 + 1e-4) / (0.16 + 0.25 + 1e-4)
    assert float(multi_scale_ssim_loss(a, b)) == pytest.approx(1 - luminance ** WEIGHTS[-1], abs=2e-3)
    # Noise that blurring takes away counts less at several scales than at one.
    smooth = F.interpolate(torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0)), (192, 192), mode="bicubic")
    noisy = smooth + 0.1 * torch.randn(smooth.shape, generator=torch.Generator().manual_seed(1))
    assert multi_scale_ssim_loss(noisy, smooth) < multi_scale_ssim_loss(noisy[..., :21, :21], smooth[..., :21, :21])


@pytest.mark.parametrize("settings", [{}, {"perceptual": "efficientnet_lite0"}, {"gt_mean": 0.1}])
def test_learns(settings):
    torch.manual_seed(0)
    run = train(create("lyt_net", {"width": 16, **settings}), 12 if not settings else 2, crop=32, lr=3e-3)
    assert not run.untouched
    assert settings or run.fell("fit", "fit", 0.95)
