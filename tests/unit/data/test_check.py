"""Each fault that is planted in a good set is found, and a good set has none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lle.config.data import CatalogData, DemoData, FolderData
from lle.data.check import before_training, check, complete
from lle.data.demo import PHOTOGRAPHS, _load
from lle.data.images import write_png
from lle.data.prepare import prepare
from lle.errors import DataError


@pytest.fixture(scope="module")
def photographs():
    """Six windows of real photographs, with room for displacement."""
    pictures = [_load(photograph, photograph.files[0]) for photograph in PHOTOGRAPHS if not photograph.grey][:6]
    return [picture[20:260, 20:260] for picture in pictures]


def darken(picture):
    noisy = picture * 0.25 + np.random.default_rng(0).normal(0, 2, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture
def source(tmp_path, photographs):
    lines = ["split,scene,low,normal"]
    for index, picture in enumerate(photographs):
        write_png(tmp_path / "set" / "normal" / f"{index}.png", picture)
        write_png(tmp_path / "set" / "low" / f"{index}.png", darken(picture))
        lines.append(f"{'test' if index > 3 else 'train'},{index},low/{index}.png,normal/{index}.png")
    (tmp_path / "set" / "pairs.csv").write_text("\n".join(lines))
    return tmp_path / "set"


def findings(source, tmp_path):
    return check(prepare("set", FolderData(kind="folder", source=source), tmp_path / "data"))


def test_a_good_set_has_no_findings(source, tmp_path):
    assert findings(source, tmp_path) == []


def test_demo_sets_have_no_findings(tmp_path):
    for lighting in ("room", "mine"):
        settings = DemoData(kind="demo", lighting=lighting, train=4, val=1, test_full=1, test_crops=1)
        assert check(prepare(lighting, settings, tmp_path)) == []


def test_displaced_pair(source, tmp_path, photographs):
    write_png(source / "low" / "2.png", darken(np.roll(photographs[2], (5, -3), axis=(0, 1))))
    found = findings(source, tmp_path)
    assert [(finding.kind, finding.message[:2]) for finding in found] == [("alignment", "2:")]
    assert "displaced by 5.8 pixels" in found[0].message


def test_pictures_of_unequal_size(source, tmp_path, photographs):
    prepared = prepare("set", FolderData(kind="folder", source=source), tmp_path / "data")
    before_training(prepared)
    write_png(source / "low" / "1.png", darken(photographs[1][:200]))
    assert ("sizes", "1: low is 240x200, normal is 240x240.") in [(f.kind, f.message) for f in check(prepared)]
    with pytest.raises(DataError, match=r"1 pairs that do not fit: 1: low is 240x200, normal is 240x240.*lle fetch set"):
        before_training(prepared)
    with pytest.raises(DataError, match=r"1 of 6 pairs that do not fit: .*low/1\.png: low is 240x200, normal is 240x240.*allow: \[size\]"):
        findings(source, tmp_path)
    left = prepare("set", FolderData(kind="folder", source=source, allow=["size"]), tmp_path / "data")
    assert left.counts == {"train": 3, "test": 2}
    assert "low/1.png" in left.facts["left_out"]
    before_training(left)


def test_displacement_and_copies_are_told_at_fetch(source, tmp_path, photographs, caplog):
    write_png(source / "low" / "2.png", darken(np.roll(photographs[2], (5, -3), axis=(0, 1))))
    write_png(source / "normal" / "5.png", cv2.resize(photographs[0], (236, 236)))
    write_png(source / "low" / "5.png", darken(cv2.resize(photographs[0], (236, 236))))
    write_png(source / "low" / "1.png", np.zeros_like(photographs[1]))
    prepared = prepare("set", FolderData(kind="folder", source=source), tmp_path / "data")
    for text in ("2: the low-light picture is displaced", "0 (train) and 5 (test) look like the same", "black all over: 1"):
        assert text in caplog.text
    caplog.clear()
    before_training(prepared)
    assert "2: the low-light picture is displaced" in caplog.text


def test_a_picture_that_came_since_is_an_error_on_the_way_to_training(source, tmp_path, photographs):
    (source / "pairs.csv").unlink()
    prepared = prepare("set", FolderData(kind="folder", source=source), tmp_path / "data")
    before_training(prepared)
    write_png(source / "low" / "new.png", photographs[0])
    with pytest.raises(DataError, match=r"1 pictures that no row names: new\.png\..*lle fetch set"):
        before_training(prepared)


def test_the_same_photograph_in_two_splits(source, tmp_path, photographs):
    brighter = cv2.resize(np.clip(photographs[0] * 1.05, 0, 255).astype(np.uint8), (236, 236))
    write_png(source / "normal" / "5.png", brighter)
    write_png(source / "low" / "5.png", darken(brighter))
    assert [(f.kind, f.message) for f in findings(source, tmp_path)] == [
        ("duplicates", "0 (train) and 5 (test) look like the same picture.")
    ]


def test_orphans_and_unreadable_pictures(source, tmp_path, photographs):
    write_png(source / "low" / "77.png", photographs[0])
    (source / "low" / "3.png").write_bytes(b"no picture")
    found = findings(source, tmp_path)
    assert [f.kind for f in found] == ["orphans", "unreadable"]
    assert "77.png" in found[0].message
    assert "low/3.png" in found[1].message


@pytest.mark.parametrize(
    ("expected", "found", "whole"),
    [
        ({"train": 485, "test": 15}, {"train": 485, "test": 15}, True),
        ({"train": 485, "test": 15}, {"train": 400, "val": 85, "test": 15}, True),
        ({"train": 485, "test": 15}, {"train": 484, "test": 16}, False),
        ({"train": 3, "val": 2, "test": 2}, {"train": 2, "val": 3, "test": 2}, False),
        ({"test": 64}, {"train": 50, "test": 14}, True),
        ({"test": 64}, {"test": 63}, False),
        # Of SICE only the number of test pairs is published.
        ({"test": 767}, {"train": 1200, "test": 767}, True),
        ({"train": 1464, "val": 1449}, {"train": 1464}, False),
    ],
)
def test_counts_are_compared_by_split(expected, found, whole):
    assert complete(found, expected) == whole


def test_files_that_changed_since_the_set_was_prepared(source, tmp_path, photographs):
    prepared = prepare("set", FolderData(kind="folder", source=source), tmp_path / "data")
    write_png(source / "low" / "1.png", darken(photographs[1]) // 2)
    assert [(f.kind, f.message) for f in check(prepared)] == [
        ("changed", "1 files changed since the set was prepared: 1.png. Run `lle fetch set`.")
    ]


def test_counts_against_the_catalog(tmp_path, photographs):
    for index, picture in enumerate(photographs):
        part = "our485" if index < 5 else "eval15"
        write_png(tmp_path / "lol" / part / "high" / f"{index}.png", picture)
        write_png(tmp_path / "lol" / part / "low" / f"{index}.png", darken(picture))
    prepared = prepare("lol_v1", CatalogData(kind="catalog", source=tmp_path / "lol"), tmp_path / "data")
    assert [(f.kind, f.message) for f in check(prepared)] == [("counts", "LOL (LOL-v1) has 485 train, 15 test; here are 5 train, 1 test.")]
