"""The mixture of lights: its shares, what each light does, and the camera behind it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from lle.config.data import DemoData
from lle.config.varied import Backlight, Bright, Handheld, Night, Shares, Varied
from lle.data import camera, varied
from lle.data.degrade import srgb_to_linear
from lle.data.images import read_rgb
from lle.data.prepare import prepare

GREY = np.full((96, 128, 3), 128, np.uint8)
QUIET = Handheld(full_well=(1e9, 1e9), iso=(100, 100), iso_lit=(100, 100), read_noise=(0, 0), jpeg=0, vignetting=(0, 0))


def rng(seed=0):
    return np.random.default_rng(seed)


def test_shares_hold_among_few_pictures():
    shares = Shares()
    counts = Counter(varied.kind_of(place, shares) for place in range(240))
    for kind, share in shares.model_dump().items():
        assert counts[kind] == pytest.approx(240 * share, abs=3)
    only = Shares(room=0, mine=0, night=1, backlight=0, lit=0, bright=0)
    assert {varied.kind_of(place, only) for place in range(50)} == {"night"}
    with pytest.raises(ValidationError, match=r"add up to 1\.1"):
        Shares(room=0.3)


def test_a_lit_frame_is_its_own_answer_and_a_bright_one_is_not():
    settings = Varied(camera=QUIET)
    low, answer, drawn = varied.take("lit", GREY, settings, rng())
    assert np.array_equal(low, answer)
    assert np.array_equal(low, GREY)
    assert drawn["lighting"] == "lit"
    bright, answer, drawn = varied.take("bright", GREY, settings, rng())
    assert np.array_equal(answer, GREY)
    assert bright.mean() > GREY.mean() + 20
    gain = srgb_to_linear(bright / 255).mean() / srgb_to_linear(GREY / 255).mean()
    assert gain <= 2 ** drawn["stops"] * 1.01
    noisy, answer, _ = varied.take("lit", GREY, Varied(), rng())
    assert np.array_equal(noisy, answer)
    assert noisy.std() > 0


def test_over_exposure_is_proportional_below_its_knee():
    grey = srgb_to_linear(GREY / 255).mean()
    linear, _ = varied.over_exposed(GREY, Bright(stops=(1, 1), knee=(0.9, 0.9)), rng())
    assert linear.mean() == pytest.approx(2 * grey)
    white, _ = varied.over_exposed(np.full_like(GREY, 255), Bright(stops=(2, 2), knee=(0.6, 0.6)), rng())
    assert 0.99 < white.mean() < 1


def test_black_bodies_have_the_known_colours():
    # D65's correlated temperature is 6504 K: a black body of it is all but sRGB's white; 2000 K is orange, 12000 K blue.
    assert varied.black_body(6504) == pytest.approx([1, 1, 1], abs=0.06)
    red, green, blue = varied.black_body(2000)
    assert red == 1 > 0.5 > green > 0.1 > blue
    red, green, blue = varied.black_body(12000)
    assert blue == 1 > green > red
    assert np.array_equal(varied.black_body(100), varied.black_body(1667))


def test_night_has_the_colour_of_its_lamps():
    def taken(**change):
        settings = Night(lamps=(1, 1), ambient=(0, 0), glare=(0, 0), exposure=(0.2, 0.2), **change)
        return varied.night_light(GREY, settings, rng())[0]

    orange = taken(temperature=(2000, 2000), balance=(0, 0))
    assert orange[..., 0].max() == pytest.approx(0.2 * srgb_to_linear(GREY / 255).mean(), rel=0.02)
    assert orange[..., 2].mean() < 0.1 * orange[..., 0].mean()
    balanced = taken(temperature=(2000, 2000), balance=(1, 1))
    assert balanced[..., 2] == pytest.approx(balanced[..., 0])


@pytest.mark.parametrize("window", [0, 1])
def test_backlight_is_bright_behind_a_dark_subject(window):
    ramp = np.repeat(np.linspace(40, 220, 128).astype(np.uint8)[None, :, None], 3, 2).repeat(96, 0)
    light = Backlight(window=window, exposure=(0.1, 0.1), behind=(1, 1), flare=(0, 0))
    seen, drawn = varied.backlight(ramp, light, rng(1))
    ratio = seen / srgb_to_linear(ramp / 255)
    assert ratio.max() == pytest.approx(1, abs=0.02)
    assert 0.02 < ratio.min() < 0.11
    assert ("window" in drawn) == bool(window)
    veiled, _ = varied.backlight(ramp, light.model_copy(update={"flare": (0.03, 0.03)}), rng(1))
    assert veiled.min() > 0.02 * seen.mean()


def test_vignetting_reaches_the_asked_loss_in_the_corners():
    share = camera.vignette(300, 400, 0.4)
    assert share.max() == pytest.approx(1, abs=1e-4)
    assert share.min() == share[0, 0] == pytest.approx(0.6, abs=0.005)
    assert np.array_equal(camera.vignette(5, 7, 0), np.ones((5, 7)))


def test_demosaicking_correlates_the_noise_and_denoising_takes_off_its_fine_part():
    linear = np.full((256, 256, 3), 0.2)
    noise = camera.mosaic_noise(linear, 2000, 2, rng())
    site = 0.2 / 2000 + (2 / 2000) ** 2
    # Bilinear weights of green are 1 or four quarters, of red 1, two halves (twice) or four quarters, each in equal parts.
    assert noise[..., 1].var() == pytest.approx(site * (1 + 1 / 4) / 2, rel=0.03)
    assert noise[..., 0].var() == pytest.approx(site * (1 + 1 / 2 + 1 / 2 + 1 / 4) / 4, rel=0.03)
    assert abs(noise.mean()) < 1e-4

    def neighbours(plane):
        return np.mean(plane[:, 1:] * plane[:, :-1]) / plane.var()

    assert neighbours(noise[..., 0]) > 0.4
    left = camera.denoised(noise, 0.8)
    assert neighbours(left[..., 1]) > neighbours(noise[..., 1])
    assert left.var() < 0.4 * noise.var()
    kept = camera.denoised(noise, 0.0)
    luma = np.array([0.2126, 0.7152, 0.0722])
    assert np.var(kept @ luma) == pytest.approx(np.var(noise @ luma), rel=0.2)


def test_a_full_pixel_stays_full():
    assert not camera.mosaic_noise(np.ones((8, 8, 3)), 1000, 2, rng()).any()


def test_draws_stay_in_range_and_follow_the_seed():
    settings = Varied(camera=Handheld(jpeg=1))
    for kind in Shares().model_dump():
        low, _, drawn = varied.take(kind, GREY, settings, rng(5))
        again, _, same = varied.take(kind, GREY, settings, rng(5))
        assert np.array_equal(low, again)
        assert drawn == same
        assert drawn["lighting"] == kind
        iso = settings.camera.iso_lit if kind in ("lit", "bright") else settings.camera.iso
        assert iso[0] * 0.999 <= drawn["iso"] <= iso[1] * 1.001
        assert 75 <= drawn["jpeg"] <= 95


def test_a_prepared_set_holds_all_lights(tmp_path):
    settings = DemoData(kind="demo", lighting="varied", train=12, val=1, test_full=0, test_crops=0, crop=(48, 64))
    prepared = prepare("a", settings, tmp_path)
    rows = prepared.rows("train")
    assert {row.parameters["lighting"] for row in rows} == set(Shares().model_dump())
    for row in rows:
        if row.parameters["lighting"] == "lit":
            assert np.array_equal(read_rgb(row.low), read_rgb(row.normal))
    with pytest.raises(ValidationError, match="lighting: varied"):
        DemoData(kind="demo", lighting="room", varied={})
