"""Each metric against values known by other means than our own code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage import data
from skimage.metrics import structural_similarity

from lle.metrics import ceiq as ceiq_module
from lle.metrics.ceiq import ceiq, histeq, rgb2gray, score
from lle.metrics.descriptors import brightness, contrast, entropy
from lle.metrics.loe import bicubic, disagreements, loe, loe_100
from lle.metrics.piqe import piqe
from lle.metrics.protocol import PROTOCOL, gt_mean, luma, to_uint8
from lle.metrics.psnr import CEILING, psnr
from lle.metrics.ssim import ssim, ssim_skimage
from lle.metrics.vif import SMALLEST, vif


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:160, 140:380])


@pytest.fixture(scope="module")
def dark(photo: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(3).normal(0, 0.02, photo.shape)
    return to_uint8((photo / 255) ** 2.2 * 0.4 + noise)


def test_psnr_of_a_constant_offset_is_20_log10() -> None:
    grey = np.full((20, 30, 3), 100, np.uint8)
    assert psnr(grey + np.uint8(10), grey) == pytest.approx(20 * math.log10(255 / 10), abs=1e-12)


def test_psnr_joins_all_channels_before_the_logarithm() -> None:
    grey = np.full((8, 8, 3), 100, np.uint8)
    red = grey.copy()
    red[..., 0] += 30
    assert psnr(red, grey) == pytest.approx(10 * math.log10(255**2 / 300), abs=1e-12)


def test_psnr_of_equal_pictures_is_the_ceiling(photo: np.ndarray) -> None:
    assert psnr(photo, photo) == CEILING


def test_ssim_of_equal_pictures_is_1(photo: np.ndarray) -> None:
    assert ssim(photo, photo) == pytest.approx(1, abs=1e-12)
    assert ssim_skimage(photo, photo) == pytest.approx(1, abs=1e-12)


def test_ssim_of_flat_pictures_is_the_luminance_term() -> None:
    a, b = np.full((32, 32, 3), 50, np.uint8), np.full((32, 32, 3), 100, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(a, b) == pytest.approx((2 * 50 * 100 + c1) / (50**2 + 100**2 + c1), abs=1e-9)


def test_ssim_equals_skimage_with_the_papers_window(photo: np.ndarray, dark: np.ndarray) -> None:
    theirs, full = structural_similarity(
        dark, photo, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    assert full[5:-5, 5:-5].mean() == pytest.approx(theirs, abs=1e-12)
    assert ssim(dark, photo) == pytest.approx(theirs, abs=1e-7)


def test_ssim_skimage_equals_skimages_defaults(photo: np.ndarray, dark: np.ndarray) -> None:
    assert ssim_skimage(dark, photo) == pytest.approx(structural_similarity(dark, photo, channel_axis=2, data_range=255), abs=1e-9)


def test_ssim_refuses_pictures_smaller_than_its_window() -> None:
    tiny = np.zeros((10, 40, 3), np.uint8)
    with pytest.raises(ValueError, match="larger than 10"):
        ssim(tiny, tiny)


def test_vif_of_equal_pictures_is_1(photo: np.ndarray) -> None:
    assert vif(photo, photo) == pytest.approx(1, abs=1e-6)


def test_vif_exceeds_1_when_contrast_is_gained_and_is_not_symmetric(photo: np.ndarray) -> None:
    pale = to_uint8(0.5 + (photo / 255 - 0.5) * 0.5)
    assert vif(photo, pale) > 1.05
    assert vif(pale, photo) < 0.95


def test_vif_falls_with_noise(photo: np.ndarray) -> None:
    noise = np.random.default_rng(1).normal(size=photo.shape)
    values = [vif(to_uint8(photo / 255 + amount * noise), photo) for amount in (0.01, 0.03, 0.1)]
    assert 1 > values[0] > values[1] > values[2] > 0


def test_vif_of_a_flat_output_is_0(photo: np.ndarray) -> None:
    assert vif(np.full_like(photo, 90), photo) == pytest.approx(0, abs=1e-6)


def test_vif_works_at_its_smallest_size_and_refuses_less() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (SMALLEST, SMALLEST, 3), dtype=np.uint8)
    assert vif(picture, picture) == pytest.approx(1, abs=1e-6)
    with pytest.raises(ValueError, match="at least"):
        vif(picture[1:], picture[1:])


def test_loe_is_0_for_the_same_picture_and_for_a_monotone_curve(dark: np.ndarray) -> None:
    assert loe(dark, dark) == 0
    assert loe_100(dark, dark) == 0
    # Short side 50: nothing is resampled, so a strictly monotone curve keeps every order.
    small = dark[:50, :70] // 4
    assert loe(small * 3 + 5, small) == 0
    assert loe_100(dark // 4 * 3, dark // 4) == 0


def test_loe_of_an_inverted_picture_counts_every_pair_but_ties() -> None:
    ramp = np.arange(50 * 60, dtype=np.float64).reshape(50, 60) / 12
    picture = np.repeat(ramp.astype(np.uint8)[..., None], 3, axis=2)
    levels = np.bincount(picture[..., 0].ravel())
    pixels = picture[..., 0].size
    assert loe(255 - picture, picture) == pytest.approx((pixels**2 - (levels**2).sum()) / pixels)


@pytest.mark.parametrize("levels", [7, 256, 2000])
def test_disagreements_equal_the_definition(levels: int) -> None:
    rng = np.random.default_rng(levels)
    a, b = rng.integers(0, levels, 700), rng.integers(0, levels, 700)
    expected = int(((a[:, None] >= a) ^ (b[:, None] >= b)).sum())
    assert disagreements(a, b) == expected


def test_loe_of_unrelated_pictures_is_about_half_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (50, 75, 3), dtype=np.uint8) for _ in range(2))
    assert loe(a, b) == pytest.approx(1875, rel=0.05)


def test_bicubic_keeps_constants_and_is_the_identity_at_scale_1() -> None:
    assert bicubic(400, 50, 1 / 8).sum(axis=1) == pytest.approx(np.ones(50))
    assert np.array_equal(bicubic(60, 60, 1.0), np.eye(60))
    # MATLAB: imresize([1 2 3 4 5 6 7 8], 0.5) in the inner part of a line keeps the line.
    assert (bicubic(40, 20, 0.5) @ np.arange(1, 41))[4:-4] == pytest.approx(np.arange(1.5, 41, 2)[4:-4])


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ((0.1047, 0.0973, 1.3949, 0.0552, 5.4065), 1.7129),
        ((0.8941, 3.2944, 5.9707, 3.0115, 7.4975), 3.5505),
        ((0.4611, 1.8233, 3.7336, 2.0729, 6.7031), 2.5005),
    ],
)
def test_ceiq_scores_of_the_published_pictures(features: tuple[float, ...], expected: float) -> None:
    """The scores are those of the README of mtobeiyf/CEIQ; the features are known to four decimals."""
    assert score(features) == pytest.approx(expected, abs=2e-4)


def test_ceiq_of_a_flat_picture_follows_from_the_formula() -> None:
    # One level v: histeq maps it to 255; no bin is shared by the two histograms, so only the similarity term is left.
    flat = np.full((40, 40, 3), 100, np.uint8)
    grey = int(rgb2gray(flat)[0, 0])
    equalised = int(histeq(rgb2gray(flat))[0, 0])
    c1 = (0.01 * 255) ** 2
    similarity = (2 * grey * equalised + c1) / (grey**2 + equalised**2 + c1)
    assert ceiq(flat) == pytest.approx(ceiq_module.WEIGHTS[0] * similarity + ceiq_module.BIAS, abs=1e-9)


def test_histeq_spreads_a_uniform_histogram_over_64_levels() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    equalised = histeq(ramp)
    assert len(np.unique(equalised)) == 64
    assert equalised.min() == 0
    assert equalised.max() == 255
    assert (np.diff(equalised.ravel().astype(int)) >= 0).all()
    assert np.abs(equalised.astype(int) - ramp).max() <= 4


def test_ceiq_prefers_the_photograph_to_its_dark_version(photo: np.ndarray, dark: np.ndarray) -> None:
    assert ceiq(photo) > ceiq(dark) + 0.5


def test_piqe_of_a_flat_picture_has_no_active_block() -> None:
    assert piqe(np.full((64, 64, 3), 120, np.uint8)) == pytest.approx(100)
    assert piqe(np.zeros((64, 64, 3), np.uint8)) == pytest.approx(100)


def test_piqe_rises_with_noise(photo: np.ndarray) -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, photo.shape)
    assert piqe(to_uint8(photo / 255 + noise)) > piqe(photo) + 10


def test_descriptors_of_simple_pictures() -> None:
    halves = np.zeros((10, 20, 3), np.uint8)
    halves[:, 10:] = 200
    assert brightness(halves) == 100
    assert contrast(halves) == 100
    assert entropy(halves) == pytest.approx(1)
    assert entropy(halves[:, :5]) == 0


def test_luma_is_whole_and_weights_the_channels() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert luma(colours).tolist() == [[76, 150, 29, 255]]


def test_rounding_is_half_up_and_clips() -> None:
    values = np.array([-0.5, 0.0, 0.4999 / 255, 0.5 / 255, 1.5 / 255, 1.0, 2.0])
    assert to_uint8(values).tolist() == [0, 0, 0, 1, 2, 255, 255]
    with pytest.raises(ValueError, match="NaN"):
        to_uint8(np.array([0.5, np.nan]))


def test_gt_mean_removes_an_exposure_error(photo: np.ndarray) -> None:
    reference = photo // 2
    assert psnr(gt_mean(photo, reference), reference) > 48
    assert psnr(photo, reference) < 15
    black = np.zeros_like(photo)
    assert np.array_equal(gt_mean(black, reference), black)


def test_the_protocol_cannot_be_changed() -> None:
    assert PROTOCOL.as_dict()["rounding"] == "8-bit"
    with pytest.raises(AttributeError):
        PROTOCOL.rounding = "none"  # type: ignore[misc]
