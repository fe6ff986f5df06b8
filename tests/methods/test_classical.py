"""Known answers of the methods that are not trained, and what they do to a dark photograph."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.sparse.linalg import spsolve
from torch import Tensor

from lle.losses.ssim import ssim
from lle.methods.lime.solve import illumination, solve, system
from lle.methods.msr.method import surround
from lle.registry import card, config_class, create, method_class

CLASSICAL = ["clahe", "gamma", "he", "lime", "msr"]


def photograph() -> Tensor:
    """A normal-light photograph, 1 x 3 x 150 x 200."""
    from skimage import data

    return torch.from_numpy(data.astronaut()[0:300:2, 60:460:2].copy()).permute(2, 0, 1)[None].float() / 255


def darken(normal: Tensor) -> Tensor:
    """A fifteenth of the light, shot noise and 8 bits, as a camera would give it."""
    generator = torch.Generator().manual_seed(0)
    light = normal**2.2 / 15
    light = light + torch.randn(light.shape, generator=generator) * (light * 2e-4 + 1e-6).sqrt()
    return (light.clamp(0, 1) ** (1 / 2.2) * 255).round() / 255


def psnr(image: Tensor, reference: Tensor) -> float:
    return float(-10 * torch.log10((image - reference).square().mean()))


@pytest.mark.parametrize("name", CLASSICAL)
def test_brings_a_dark_photograph_nearer_to_the_normal_one(name: str) -> None:
    normal = photograph()
    low = darken(normal)
    enhanced = create(name).enhance(low)
    assert psnr(enhanced, normal) > psnr(low, normal) + 1
    assert float(ssim(enhanced, normal)) > float(ssim(low, normal)) + 0.02


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("size", [(16, 16), (37, 53), (17, 130)])
def test_any_size_and_batch(name: str, size: tuple[int, int]) -> None:
    low = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1)) * 0.2
    before = low.clone()
    method = create(name)
    enhanced = method.enhance(low)
    assert enhanced.shape == low.shape
    assert enhanced.dtype == low.dtype
    assert torch.equal(low, before), "the input was changed"
    assert torch.allclose(enhanced[1:], method.enhance(low[1:]), atol=1e-6), "pictures of a batch depend on each other"


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_flat_pictures_stay_flat_and_finite(name: str, value: float) -> None:
    enhanced = create(name).enhance(torch.full((1, 3, 40, 40), value))
    assert enhanced.isfinite().all()
    assert float(enhanced.max() - enhanced.min()) < 0.02


@pytest.mark.parametrize("name", CLASSICAL)
def test_needs_no_training_and_has_a_card(name: str) -> None:
    method = create(name)
    assert method.phases() == ()
    assert not list(method.parameters())
    assert card(name).supervision == "classical"
    assert method_class(name).scope == ("local" if name == "gamma" else "global")


def test_gamma_known_answers() -> None:
    values = torch.tensor([0.0, 0.25, 1.0]).view(1, 1, 1, 3).expand(1, 3, 16, 3)
    assert torch.allclose(create("gamma", {"gamma": 0.5}).enhance(values), torch.tensor([0.0, 0.5, 1.0]).expand(1, 3, 16, 3))


@pytest.mark.parametrize("name", ["gamma", "he"])
def test_brighter_stays_brighter(name: str) -> None:
    low = (torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(2)) * 0.3).expand(1, 3, 32, 32)
    enhanced = create(name).enhance(low)[0, 0].flatten()
    order = low[0, 0].flatten().argsort()
    assert (enhanced[order].diff() > -0.004).all(), "by more than half a grey level"


def test_he_spreads_values_evenly_and_keeps_hue() -> None:
    ramp = torch.linspace(0, 0.25, 64).view(1, 1, 1, 64)
    low = torch.cat([ramp, ramp / 2, ramp / 4], 1).expand(1, 3, 32, 64)
    enhanced = create("he").enhance(low)
    assert float(enhanced.max()) == pytest.approx(1, abs=0.01)
    assert float(enhanced[:, 0].mean()) == pytest.approx(0.5, abs=0.03)
    bright = low[:, 0] > 0.1
    assert torch.allclose(enhanced[:, 1][bright] / enhanced[:, 0][bright], torch.tensor(0.5), atol=1e-3)
    assert torch.allclose(create("he", {"strength": 0.0}).enhance(low), low, atol=1e-6)


def test_lime_solves_the_linear_system() -> None:
    image = darken(photograph())[0].permute(1, 2, 0).double().numpy()[:61, :83]
    initial = image.max(axis=2)
    grid = system(initial, 0.15, 2.0, 1e-3)
    refined = solve(grid, initial, 1e-8)
    assert np.linalg.norm(grid @ refined - initial) <= 1e-8 * np.linalg.norm(initial)
    # The same system, assembled as the paper writes it and solved directly.
    height, width = initial.shape

    def difference(length: int) -> sp.csr_array:
        return sp.diags_array([-np.ones(length - 1), np.ones(length - 1)], offsets=[0, 1], shape=(length - 1, length), format="csr")

    across = sp.kron(sp.eye_array(height), difference(width))
    down = sp.kron(difference(height), sp.eye_array(width))
    matrix = sp.eye_array(height * width) + across.T @ sp.diags_array(grid.right.ravel()) @ across
    matrix = matrix + down.T @ sp.diags_array(grid.down.ravel()) @ down
    direct = spsolve(matrix.tocsc(), initial.ravel()).reshape(initial.shape)
    assert np.abs(direct - refined).max() < 1e-7


def test_lime_illumination_keeps_the_mean_the_range_and_a_strong_edge() -> None:
    image = np.full((40, 60, 3), 0.05)
    image[:, 30:] = 0.6
    refined = illumination(image, 0.15, 2.0, 1e-3, 1e-8)
    assert refined.mean() == pytest.approx(image.max(axis=2).mean(), abs=1e-6)
    assert refined.min() >= 0.05 - 1e-6
    assert refined.max() <= 0.6 + 1e-6
    assert refined[:, 31].min() - refined[:, 28].max() > 0.8 * 0.55
    rough = image.max(axis=2) + np.random.default_rng(0).normal(0, 0.005, (40, 60))
    smooth = illumination(np.repeat(rough[..., None], 3, 2), 0.15, 2.0, 1e-3, 1e-8)
    assert np.abs(np.diff(smooth[:, :25])).mean() < np.abs(np.diff(rough[:, :25])).mean() / 5


def test_lime_solves_as_exactly_as_the_screen_shows() -> None:
    image = darken(photograph())[0].permute(1, 2, 0).double().numpy()

    def levels(**settings: float) -> np.ndarray:
        c = config_class("lime").model_validate(settings)
        t = illumination(image, c.smoothness, c.sigma, c.epsilon, c.tolerance)
        return np.clip(image / np.maximum(t, c.epsilon)[..., None] ** c.gamma, 0, 1) * 255

    assert np.abs(levels() - levels(tolerance=1e-7)).max() < 0.05


def test_lime_refuses_a_picture_that_is_not_finite() -> None:
    with pytest.raises(ArithmeticError, match="NaN"):
        illumination(np.full((20, 20, 3), np.nan), 0.15, 2.0, 1e-3, 1e-5)


@pytest.mark.parametrize("sigma", [15.0, 80.0])
def test_msr_surround_is_the_gaussian_mean(sigma: float) -> None:
    from scipy.ndimage import gaussian_filter

    values = photograph()[0].mean(0).numpy()
    assert np.abs(surround(values, sigma) - gaussian_filter(values, sigma, mode="reflect")).max() < 5e-3


def test_msr_and_he_keep_hue() -> None:
    low = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(3)) * 0.1 + 0.02
    for name in ("msr", "he"):
        enhanced = create(name).enhance(low)
        bright = enhanced[:, 0] > 0.05
        ratio = enhanced[:, 1][bright] / enhanced[:, 0][bright]
        assert torch.allclose(ratio, low[:, 1][bright] / low[:, 0][bright], rtol=1e-3), name
