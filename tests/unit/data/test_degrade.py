"""The physics does what its docstrings say."""

from __future__ import annotations

import numpy as np
import pytest

from lle.config.light import Camera, Mine, Published, Room
from lle.data import degrade

GREY = np.full((96, 128, 3), 128, np.uint8)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_srgb_round_trip_and_known_values():
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(degrade.to_bytes(degrade.linear_to_srgb(degrade.srgb_to_linear(levels / 255))), levels)
    # 18 % grey, and both ends of the linear piece (IEC 61966-2-1).
    assert degrade.linear_to_srgb(np.array([0.18, 0.0031308, 1.0])) == pytest.approx([0.46135, 0.04045, 1.0], abs=1e-4)
    assert degrade.srgb_to_linear(np.array([0.5])) == pytest.approx([0.21404], abs=1e-5)
    assert degrade.linear_to_srgb(np.array([-1.0, 2.0])) == pytest.approx([0, 1])


@pytest.mark.parametrize(("value", "photons", "read"), [(0.001, 1000, 2), (0.005, 2000, 3), (0.05, 1500, 0), (0.5, 4000, 2)])
def test_noise_has_the_expected_mean_and_variance(value, photons, read):
    count = 400_000
    sample = degrade.sensor(np.full(count, value, np.float32), photons, read, rng()).astype(np.float64)
    variance = value / photons + (read / photons) ** 2
    assert sample.mean() == pytest.approx(value, abs=5 * np.sqrt(variance / count))
    assert sample.var() == pytest.approx(variance, rel=0.02)


def test_shot_noise_is_poisson_where_it_is_dark():
    sample = degrade.sensor(np.full(200_000, 0.002, np.float32), 1000, 0, rng()) * 1000
    assert sample == pytest.approx(np.rint(sample), abs=1e-3)
    assert np.mean(sample < 0.5) == pytest.approx(np.exp(-2), abs=0.004)


def test_field_spans_its_range_smoothly():
    field = degrade.illumination_field(90, 120, 0.6, rng())
    assert (field.min(), field.max()) == pytest.approx((0.4, 1.0), abs=1e-5)
    assert np.abs(np.diff(field, axis=0)).max() < 0.05


def test_published_darkening():
    values = np.linspace(0, 1, 50, dtype=np.float32)
    dark = degrade.darken(values, 0.9, 0.5, 2)
    assert dark == pytest.approx(0.5 * (0.9 * values) ** 2, abs=1e-6)
    assert np.all(np.diff(dark) > 0)
    image = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    low, drawn = degrade.published(image, Published(), Camera(), rng())
    assert np.all(low <= image)
    assert np.all(np.diff(low[0, :, 0].astype(int)) >= 0)
    assert set(drawn) == {"lighting", "alpha", "beta", "gamma"}
    noisy, drawn = degrade.published(GREY, Published(noise=True), Camera(), rng())
    assert noisy.std() > 0
    assert "photons" in drawn


def test_less_exposure_is_darker_in_a_room():
    quiet = Camera(photons=(1e7, 1e7), read_noise=(0, 0))
    means = [degrade.room(GREY, Room(exposure=(e, e)), quiet, rng())[0].mean() for e in (0.02, 0.05, 0.1, 0.3)]
    assert means == sorted(means)
    even = Room(exposure=(0.1, 0.1), unevenness=(0, 0), warmth=(0, 0))
    expected = degrade.linear_to_srgb(0.1 * degrade.srgb_to_linear(np.float32(128 / 255)).reshape(1)) * 255
    assert degrade.room(GREY, even, quiet, rng())[0].mean() == pytest.approx(float(expected[0]), abs=0.5)


def test_mine_is_bright_at_a_lamp_and_keeps_information_elsewhere():
    quiet = Camera(photons=(1e7, 1e7), read_noise=(0, 0))
    light = Mine(glare=(0, 0), haze=(0, 0), lamps=(1, 1), cap_lamp=(0, 0), warmth=(0, 0), exposure=(0.3, 0.3), ambient=(0.05, 0.05))
    low, drawn = degrade.mine(GREY, light, quiet, rng(3))
    x, y = drawn["lamps"][0]["at"]
    linear = degrade.srgb_to_linear(low[..., 0] / 255)
    grey = float(degrade.srgb_to_linear(np.array([128 / 255]))[0])
    assert linear[int(y * 96), int(x * 128)] == pytest.approx(0.3 * grey, rel=0.05)
    assert linear.min() >= 0.3 * 0.05 * grey * 0.9
    assert linear.min() < 0.3 * linear.max()


def test_haze_veils_and_glare_shows_the_bulbs():
    quiet = Camera(photons=(1e7, 1e7), read_noise=(0, 0))
    black = np.zeros_like(GREY)
    clear = degrade.mine(black, Mine(haze=(0, 0), glare=(0, 0)), quiet, rng())[0]
    veiled = degrade.mine(black, Mine(haze=(0.4, 0.4), glare=(0, 0)), quiet, rng())[0]
    glaring = degrade.mine(black, Mine(haze=(0, 0), glare=(0.5, 0.5)), quiet, rng())[0]
    assert clear.max() <= 1
    assert veiled.mean() > 5
    assert glaring.max() > 150 > 10 * glaring.mean() ** 0.5


@pytest.mark.parametrize(("make", "settings"), [(degrade.room, Room()), (degrade.mine, Mine()), (degrade.published, Published(noise=True))])
def test_draws_follow_the_seed_and_stay_in_range(make, settings):
    first, drawn = make(GREY, settings, Camera(), rng(5))
    second, again = make(GREY, settings, Camera(), rng(5))
    other, _ = make(GREY, settings, Camera(), rng(6))
    assert np.array_equal(first, second)
    assert drawn == again
    assert not np.array_equal(first, other)
    assert (first.shape, first.dtype) == (GREY.shape, np.uint8)
    for key, value in drawn.items():
        bounds = getattr(settings, key, None) or getattr(Camera(), key, None)
        if isinstance(value, float):
            assert bounds[0] * 0.999 <= value <= bounds[1] * 1.001
