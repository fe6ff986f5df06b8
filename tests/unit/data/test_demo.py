"""Demonstration sets are deterministic, split by photograph and look dark."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from pydantic import ValidationError

import lle.data.demo
from lle.config.data import DemoData
from lle.data.demo import PHOTOGRAPHS
from lle.data.images import read_rgb
from lle.data.prepare import prepare
from lle.errors import DataError


def settings(**change):
    return DemoData(
        **{"kind": "demo", "lighting": "mixed", "train": 6, "val": 2, "test_full": 1, "test_crops": 1, "crop": (48, 64), **change}
    )


def test_same_settings_same_bytes(tmp_path):
    first = prepare("a", settings(), tmp_path)
    second = prepare("b", settings(), tmp_path)
    assert first.digest == second.digest
    assert [row.digests for row in first.all_rows] == [row.digests for row in second.all_rows]
    assert prepare("c", settings(seed=2), tmp_path).digest != first.digest


def test_splits_are_by_photograph_and_pairs_are_aligned(tmp_path):
    prepared = prepare("a", settings(), tmp_path)
    assert prepared.counts == {"train": 6, "val": 2, "test": 6}
    of = {photograph.scene: photograph.split for photograph in PHOTOGRAPHS}
    assert all(of[row.scene] == row.split for row in prepared.all_rows)
    assert len({row.scene for row in prepared.rows("test")}) == 3
    assert {row.parameters["lighting"] for row in prepared.rows("train")} == {"room", "mine"}
    for row in prepared.all_rows:
        low, normal = read_rgb(row.low), read_rgb(row.normal)
        assert low.shape == normal.shape
        assert low.mean() < normal.mean()
    full = [row for row in prepared.rows("test") if "_full_" in row.image]
    assert sorted(read_rgb(row.normal).shape[:2] for row in full) == [(300, 451), (400, 600), (500, 741)]


def test_photographs_are_where_the_table_says_and_in_one_split_each():
    seen: dict[str, str] = {}
    for photograph in PHOTOGRAPHS:
        for file in photograph.files:
            content = hashlib.sha256(lle.data.demo._load(photograph, file).tobytes()).hexdigest()
            assert seen.setdefault(content, photograph.split) == photograph.split
    assert len({photograph.scene for photograph in PHOTOGRAPHS}) == len(PHOTOGRAPHS)


def test_published_mode_and_one_kind_of_light(tmp_path):
    published = prepare("a", settings(mode="published", test_full=0), tmp_path)
    assert {row.parameters["lighting"] for row in published.all_rows} == {"published"}
    mine = prepare("b", settings(lighting="mine", test_full=0), tmp_path)
    assert {row.parameters["lighting"] for row in mine.all_rows} == {"mine"}


def test_test_pictures_look_like_low_light(tmp_path):
    """Mean of the lows as of real low-light sets, and enough levels left to work with."""
    for lighting in ("room", "mine"):
        prepared = prepare(lighting, DemoData(kind="demo", lighting=lighting, train=1, val=1, test_full=0, test_crops=4), tmp_path)
        lows = [read_rgb(row.low) for row in prepared.rows("test")]
        assert all(0.03 < low.mean() / 255 < 0.22 for low in lows)
        assert all(np.mean(low.max(axis=2) == 0) < 0.1 for low in lows)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(lle.data.demo, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"matplotlib|scikit-image|scikit-learn"):
        prepare("a", settings(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".a.lock"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crop": (64, 48)}, "crop"),
        ({"crop": (64, 400)}, "300 rows"),
        ({"room": {"exposure": (0.3, 0.1)}}, "above the upper"),
        ({"tran": 3}, "tran"),
    ],
)
def test_wrong_settings(change, message):
    with pytest.raises(ValidationError, match=message):
        settings(**change)
