"""The Bag of Curves: known table values, odds, determinism."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
import torch

from lle.data.curves import ODDS, Curve, ToNegative, draw


@pytest.mark.parametrize(("kind", "value", "expected"), [("tone", 6, 4), ("tone", 0.1, 238), ("log", 10, 48), ("log", 40, 194)])
def test_known_values_at_128(kind, value, expected):
    assert Curve(kind, value).table()[128] == expected


def test_gamma_rounds_as_scikit_image_does():
    exposure = pytest.importorskip("skimage.exposure")
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    for value in (0.0, 0.13, 5.4, 8.0):
        assert np.array_equal(Curve("gamma", value)(image), exposure.adjust_gamma(image, value))


@pytest.mark.parametrize("curve", [Curve("tone", 6), Curve("tone", 0.1), Curve("log", 10), Curve("log", 40), Curve("gamma", 6.5)])
def test_tables_never_fall(curve):
    assert (np.diff(curve.table().astype(int)) >= 0).all()


def test_tone_and_log_change_the_value_channel_alone():
    grey = np.full((4, 4, 3), 128, np.uint8)
    assert (Curve("tone", 6)(grey) == 4).all()
    assert (Curve("log", 40)(grey) == 194).all()
    colour = np.random.default_rng(0).integers(60, 256, (8, 8, 3), np.uint8)
    before = cv2.cvtColor(colour, cv2.COLOR_RGB2HSV)[..., 2]
    after = cv2.cvtColor(Curve("tone", 0.1)(colour), cv2.COLOR_RGB2HSV)[..., 2]
    assert np.array_equal(after, Curve("tone", 0.1).table()[before])


def test_odds_are_four_four_three_and_strengths_are_even():
    rng = np.random.default_rng(1)
    curves = [draw(rng) for _ in range(11_000)]
    counts = [sum(c.kind == kind for c in curves) for kind in ("tone", "gamma", "log")]
    # Three standard deviations of 11,000 draws are about 160.
    assert np.allclose(counts, [4000, 4000, 3000], atol=160)
    assert {c.value for c in curves if c.kind == "tone"} == {6.0, 0.1}
    assert {c.value for c in curves if c.kind == "log"} == {10.0, 40.0}
    gammas = np.array([c.value for c in curves if c.kind == "gamma"])
    dark = gammas >= 5
    assert (gammas[dark] <= 8).all()
    assert (gammas[~dark] <= 0.2).all()
    assert 0.45 < dark.mean() < 0.55


def test_odds_can_be_set():
    rng = np.random.default_rng(0)
    assert {draw(rng, (0, 0, 1)).kind for _ in range(20)} == {"log"}


def test_transform_makes_a_negative_that_the_generator_decides():
    transform = pickle.loads(pickle.dumps(ToNegative()))
    assert transform.odds == ODDS
    sample = {"normal": torch.rand(3, 6, 5)}
    first, again, other = (transform(sample, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert set(first) == {"negative"}, "the picture it was made of belongs to the positives' stream"
    assert first["negative"].shape == (3, 6, 5)
    assert first["negative"].dtype == torch.float32
    assert first["negative"].equal(again["negative"])
    assert not first["negative"].equal(other["negative"])
