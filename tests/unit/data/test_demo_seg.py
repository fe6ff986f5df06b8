"""The segmentation set from textures: deterministic, exact masks, disjoint parts, read like any other segmentation set."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from lle.config.data import DemoSegData
from lle.data import demo_seg
from lle.data.cache import Cache
from lle.data.demo import PHOTOGRAPHS
from lle.data.demo_seg import SEGMENTATION, TEXTURES
from lle.data.images import read_mask, read_rgb
from lle.data.pairs import SPLITS
from lle.data.prepare import prepare
from lle.data.streams import StreamDataset
from lle.engine.method import Stream
from lle.errors import DataError


def settings(**change):
    return DemoSegData(**{"kind": "demo_seg", "train": 5, "val": 2, "test": 3, "size": 48, **change})


def test_same_settings_same_bytes(tmp_path):
    first, second = prepare("a", settings(), tmp_path), prepare("b", settings(), tmp_path)
    assert first.digest == second.digest
    assert first.counts == {"train": 5, "val": 2, "test": 3}
    assert prepare("c", settings(seed=2), tmp_path).digest != first.digest


def test_every_class_occurs_and_regions_are_as_many_as_asked(tmp_path):
    prepared = prepare("a", settings(train=20, regions=(3, 3)), tmp_path)
    masks = [read_mask(row.mask, SEGMENTATION.ignore) for row in prepared.rows("train")]
    assert {int(value) for mask in masks for value in np.unique(mask)} == set(range(len(SEGMENTATION.classes)))
    assert max(len(np.unique(mask)) for mask in masks) == 3
    assert [entry["name"] for entry in prepared.facts["segmentation"]["classes"]][:2] == ["photograph", "brick"]


def test_a_mask_is_exact(tmp_path, monkeypatch):
    """With every source of one value, the picture tells the class of each pixel."""
    flat = {"photograph": 10} | {texture.name: 40 * (index + 1) for index, texture in enumerate(TEXTURES)}
    by_file = {texture.file: flat[texture.name] for texture in TEXTURES}
    monkeypatch.setattr(demo_seg, "TEXTURES", tuple(demo_seg.Texture(t.name, t.colour, t.file, None) for t in TEXTURES))
    monkeypatch.setattr(demo_seg.demo, "installed", lambda _, file: np.full((120, 120, 3), by_file[file], np.uint8))
    monkeypatch.setattr(demo_seg.demo, "photographs", lambda split: [(PHOTOGRAPHS[0], [np.full((120, 120, 3), 10, np.uint8)])])
    monkeypatch.setattr(demo_seg.demo, "expose", lambda picture, mean: picture)
    for row in prepare("a", settings(), tmp_path).rows("train"):
        expected = np.array(list(flat.values()))[read_mask(row.mask, 255)]
        assert np.array_equal(read_rgb(row.normal)[..., 0], expected)


def test_parts_of_a_texture_do_not_overlap():
    where = np.arange(100 * 100).reshape(100, 100)
    parts = {split: set(demo_seg._part(where, demo_seg._PARTS[split]).ravel().tolist()) for split in SPLITS}
    assert len(set.union(*parts.values())) == sum(map(len, parts.values()))
    assert all(len(part) > 2000 for part in parts.values())


def test_the_stream_gives_pictures_with_their_masks(tmp_path):
    cache = Cache(prepare("a", settings(), tmp_path / "data"), "train", tmp_path / "cache")
    sample = StreamDataset(Stream("segmentation", augment=False), cache, crop=48, seed=0, name="train")[0]
    row = int(sample["index"])
    assert torch.equal(sample["mask"], torch.from_numpy(cache.mask(row).astype(np.int64)))
    assert torch.equal((sample["image"] * 255).round().byte(), torch.from_numpy(np.array(cache.normal(row))).permute(2, 0, 1))


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_seg.demo, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="is not installed"):
        prepare("a", settings(), tmp_path)


@pytest.mark.parametrize("change", [{"regions": (4, 3)}, {"size": 400}, {"scale": (0, 1)}, {"tint_jitter": 2}])
def test_wrong_settings(change):
    with pytest.raises(ValidationError, match=next(iter(change))):
        settings(**change)
