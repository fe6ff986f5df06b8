"""The camera does to radiance what its docstrings say."""

from __future__ import annotations

import numpy as np
import pytest

from lle.data.mine.camera import Shot, bloom, make_pair, shoulder, take
from lle.data.mine.compare import compare, real_frame, sheet, statistics
from lle.data.mine.plan import PAIR_KINDS
from lle.data.mine.store import save_scene
from lle.errors import DataError


@pytest.fixture
def light():
    y, x = np.mgrid[0:120, 0:180].astype(np.float32) / 120
    even = 0.02 * np.stack([1 + 0.3 * np.sin(9 * x), 1 + 0.3 * np.sin(7 * y), np.ones_like(x)], -1)
    working = even * np.exp(-(((x - 0.7) ** 2 + (y - 0.4) ** 2) / 0.08))[..., None] * 0.3
    return even.astype(np.float32), working.astype(np.float32)


@pytest.mark.parametrize("mean", [20.0, 40.0, 90.0, 115.0])
def test_exposure_gives_the_mean_that_was_asked_for(light, mean):
    for radiance in light:
        assert take(radiance * 37, Shot(mean=mean), np.random.default_rng(0)).mean() == pytest.approx(mean, abs=1.5)


def test_bloom_keeps_the_light_and_spreads_it():
    point = np.zeros((120, 180, 3), np.float32)
    point[60, 90] = 50
    spread = bloom(point, 0.05)
    assert spread.sum() == pytest.approx(point.sum(), rel=0.02)
    assert spread[60, 90, 0] < 50
    assert spread[60, 100, 0] > 0


def test_the_shoulder_is_the_identity_below_its_knee_and_never_reaches_one():
    x = np.linspace(0, 20, 4001)
    y = shoulder(x)
    assert np.array_equal(y[x < 0.7], x[x < 0.7])
    assert (np.diff(y) >= 0).all()
    assert y.max() <= 1


def test_kinds_of_pairs_differ_as_they_should(light):
    pairs = {kind: make_pair(*light, kind, (1, 2)) for kind in PAIR_KINDS}
    for low, reference, taken in pairs.values():
        assert low.shape == reference.shape == light[0].shape
        assert low.dtype == reference.dtype == np.uint8
        assert 98 < reference.mean() < 124
        assert taken["reference"]["photons"] == 0
    assert 17 < pairs["relit"][0].mean() < 49
    assert 17 < pairs["short_exposure"][0].mean() < 49
    assert 66 < pairs["uneven"][0].mean() < 114
    # The same light gives like pictures but for brightness; another light does not.
    alike = {kind: np.corrcoef(low.mean(-1).ravel(), reference.mean(-1).ravel())[0, 1] for kind, (low, reference, _) in pairs.items()}
    assert alike["short_exposure"] > alike["relit"] + 0.1


def test_a_pair_follows_from_its_seed(light):
    one, again, other = (make_pair(*light, "relit", seed) for seed in ((1, 2), (1, 2), (1, 3)))
    assert np.array_equal(one[0], again[0])
    assert one[2] == again[2]
    assert not np.array_equal(one[0], other[0])


def test_statistics_of_known_pictures():
    flat = np.full((64, 96, 3), (120, 100, 80), np.uint8)
    found = statistics(flat)
    assert found["mean"] == 100
    assert found["red_blue"] == pytest.approx(0.4)
    assert found["saturation"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["gradient"] == found["noise"] == found["below_16"] == found["above_250"] == 0
    assert found["histogram"][100 // 8] == 1
    noisy = np.random.default_rng(0).normal(100, 5, (256, 256)).round().astype(np.uint8)[..., None].repeat(3, 2)
    assert statistics(noisy)["noise"] == pytest.approx(5, rel=0.05)
    half = np.zeros((64, 64, 3), np.uint8)
    half[:, 32:] = 255
    assert statistics(half)["below_16"] == statistics(half)["above_250"] == 0.5


def test_comparison_and_sheet_of_a_tiny_set(tmp_path, light):
    import cv2

    for number, kind in enumerate(PAIR_KINDS):
        mask = np.zeros(light[0].shape[:2], np.uint8)
        save_scene(tmp_path / "set", f"{number:04d}", *light, mask, mask + np.float32(5), {"pair": kind, "number": number})
    frames = tmp_path / "frames"
    frames.mkdir()
    with pytest.raises(DataError, match="0 frames"):
        compare(tmp_path / "set", frames)
    for name, level in (("dark", 30), ("bright", 100)):
        cv2.imwrite(str(frames / f"{name}.jpg"), np.full((108, 192, 3), level, np.uint8))
    found = compare(tmp_path / "set", frames)
    assert set(found["rendered"]) == set(found["distance"]) == set(PAIR_KINDS)
    assert found["real"]["dark"]["mean"] == pytest.approx(30, abs=1)
    assert real_frame(frames / "dark.jpg", (40, 60)).shape == (40, 60, 3)
    sheet(tmp_path / "set", frames, ["0000", "0001"], tmp_path / "sheet.webp", height=40)
    assert cv2.imread(str(tmp_path / "sheet.webp")).shape == (80, 240, 3)
