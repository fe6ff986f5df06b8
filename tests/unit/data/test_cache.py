"""The cache holds what the files hold, is built once, and heals."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import lle.data.cache
from lle.config.data import CatalogData, FolderData
from lle.data.cache import Cache
from lle.data.images import write_png
from lle.data.pairs import open_prepared
from lle.data.prepare import prepare
from lle.errors import DataError, LleError


@pytest.fixture
def prepared(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(6):
        for side in ("low", "normal"):
            shape = (16 + index, 40 - index, 3)
            write_png(tmp_path / "set" / side / f"{index}.png", rng.integers(0, 256, shape, dtype=np.uint8))
    return prepare("set", FolderData(kind="folder", source=tmp_path / "set", split="test"), tmp_path / "data")


def contents(cache):
    return [(cache.low(index).tobytes(), cache.normal(index).shape) for index in range(len(cache))]


def test_views_equal_the_files(tmp_path, prepared):
    cache = Cache(prepared, "test", tmp_path / "cache")
    assert len(cache) == 6
    for index, row in enumerate(cache.rows):
        for view, path in ((cache.low(index), row.low), (cache.normal(index), row.normal)):
            assert np.array_equal(view, lle.data.cache.read_rgb(path))
            assert not view.flags.writeable
            assert not view.flags.owndata
    assert contents(pickle.loads(pickle.dumps(cache))) == contents(cache)


def test_decodes_once(tmp_path, prepared, monkeypatch):
    first = contents(Cache(prepared, "test", tmp_path / "cache"))
    monkeypatch.setattr(lle.data.cache, "read_rgb", lambda path: pytest.fail("decoded again"))
    assert contents(Cache(prepared, "test", tmp_path / "cache")) == first


@pytest.mark.parametrize("damage", ["short", "no index", "broken index", "no pixels"])
def test_damage_is_healed(tmp_path, prepared, damage):
    first = contents(Cache(prepared, "test", tmp_path / "cache"))
    pixels = next((tmp_path / "cache").rglob("pixels.bin"))
    index = pixels.with_name("index.json")
    if damage == "short":
        pixels.write_bytes(pixels.read_bytes()[:-1])
    elif damage == "no index":
        index.unlink()
    elif damage == "broken index":
        index.write_text("{")
    else:
        pixels.unlink()
    assert contents(Cache(prepared, "test", tmp_path / "cache")) == first


def test_a_corrupt_picture_is_named_and_nothing_is_left(tmp_path, prepared):
    path = prepared.rows("test")[3].normal
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"normal/3\.png"):
        Cache(prepared, "test", tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("pixels.bin"))


def test_full_disk_names_the_bytes(tmp_path, prepared, monkeypatch):
    monkeypatch.setattr(lle.data.cache.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10})())
    need = sum(2 * 3 * (16 + index) * (40 - index) for index in range(6))
    with pytest.raises(LleError, match=f"need {need} bytes"):
        Cache(prepared, "test", tmp_path / "cache")


def test_row_without_partner(tmp_path, prepared):
    lonely = prepare("flat", FolderData(kind="folder", source=tmp_path / "set" / "low", split="test"), tmp_path / "data")
    cache = Cache(lonely, "test", tmp_path / "cache")
    assert cache.low(0).shape == (16, 40, 3)
    with pytest.raises(DataError, match="no normal-light picture"):
        cache.normal(0)


def test_masks(tmp_path):
    values = np.resize(np.array([0, 7, 33], np.uint8), (20, 24))
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        write_png(tmp_path / f"leftImg8bit/{split}/a/{split}_leftImg8bit.png", rng.integers(0, 256, (20, 24, 3), dtype=np.uint8))
        write_png(tmp_path / f"gtFine/{split}/a/{split}_gtFine_labelIds.png", values)
    prepared = prepare("cityscapes", CatalogData(kind="catalog", source=tmp_path), tmp_path / "data")
    cache = Cache(prepared, "train", tmp_path / "cache")
    assert (cache.mask(0).shape, cache.normal(0).shape) == ((20, 24), (20, 24, 3))
    assert np.array_equal(cache.mask(0), np.resize(np.array([255, 0, 18], np.uint8), (20, 24)))
    with pytest.raises(DataError, match="has no low-light picture"):
        cache.low(0)


def build(folders):
    decoded = []
    original = lle.data.cache.read_rgb

    def slow(path):
        decoded.append(path)
        return original(path)

    lle.data.cache.read_rgb = slow
    Cache(open_prepared("set", folders[0]), "test", folders[1])
    return len(decoded)


def test_two_processes_build_once(tmp_path, prepared):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        counts = list(pool.map(build, [(tmp_path / "data", tmp_path / "cache")] * 2))
    assert sorted(counts) == [0, 12]


def test_pictures_of_a_row_that_do_not_fit_are_refused(tmp_path, prepared):
    write_png(tmp_path / "set" / "low" / "3.png", np.zeros((30, 74, 3), np.uint8))
    with pytest.raises(DataError, match=r"pictures of '3' do not fit: low is 74x30, normal is 37x19.*lle fetch set"):
        Cache(prepared, "test", tmp_path / "cache")
