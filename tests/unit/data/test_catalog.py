"""The catalog is sound, and each set is read in its official layout from a tiny copy of it."""

from __future__ import annotations

import re

import numpy as np
import official
import pytest
from official import PAIRED, UNPAIRED, mask, picture, tree
from PIL import Image
from pydantic import ValidationError

from lle.config.data import CatalogData
from lle.data import catalog
from lle.data.images import read_mask
from lle.data.layouts import read
from lle.data.prepare import prepare
from lle.errors import DataError

NAMES = {
    *("lol_v1", "lol_v2_real", "lol_v2_synthetic", "sice", "lsrw", "baid", "ve_lol_real", "ve_lol_synthetic", "gladnet", "agllnet"),
    *("fivek", "exdark", "dicm", "lime", "mef", "npe", "vv", "voc2012", "camvid", "cityscapes", "coal_mine_pairs", "coal_mine_frames"),
    "photos",
}


def test_every_set_is_there_and_sound():
    entries = catalog.entries()
    assert set(entries) == NAMES
    for item in entries.values():
        assert item.layouts
        assert item.page is None or item.page.startswith("http")
        for layout in item.layouts:
            assert re.compile(layout.key).groups == 1
            assert layout.counts is None or all(value > 0 for value in layout.counts.values())
        if item.segmentation:
            names = [kind.name for kind in item.segmentation.classes]
            assert len(set(names)) == len(names)
            assert set((item.segmentation.remap or {}).values()) <= set(range(len(names)))
    assert {name: len(entries[name].segmentation.classes) for name in ("voc2012", "camvid", "cityscapes")} == {
        "voc2012": 21,
        "camvid": 11,
        "cityscapes": 19,
    }


def test_unknown_names_and_wrong_entries():
    with pytest.raises(DataError, match="Did you mean 'lol_v1'"):
        catalog.entry("lolv1")
    with pytest.raises(ValidationError, match="exactly one"):
        catalog.File(name="a.zip")
    with pytest.raises(ValidationError, match="checksum"):
        catalog.File(name="a.zip", url="http://x", checksum="123")
    with pytest.raises(ValidationError, match="either parts or a reader"):
        catalog.Layout()


@pytest.mark.parametrize("name", PAIRED)
def test_paired_layouts(tmp_path, name):
    official.paired(tmp_path / "raw", name)
    prepared = prepare(name, CatalogData(kind="catalog", source=tmp_path / "raw"), tmp_path / "data")
    rows = prepared.all_rows
    assert len(rows) == len(PAIRED[name])
    assert prepared.facts["entry"] == name
    assert len({row.scene for row in rows}) == len({row.image for row in rows}) == len(rows)
    for row in rows:
        assert row.low.stem.removeprefix("low") == row.normal.stem.removeprefix("normal")
        held_out = any(word in row.low.relative_to(tmp_path).as_posix().lower() for word in ("test", "eval"))
        assert row.split == ("test" if held_out or name in official.UNDIVIDED else "train")


@pytest.mark.parametrize("name", UNPAIRED)
@pytest.mark.parametrize("nested", [True, False])
def test_unpaired_layouts(tmp_path, name, nested):
    if nested and name != "coal_mine_frames":
        tree(tmp_path / "raw", f"test/{name.upper()}/1.jpg", f"test/{name.upper()}/2.bmp", "test/OTHER/3.png")
    else:
        tree(tmp_path / "raw", "1.jpg", "2.bmp")
    found = read(catalog.entry(name), tmp_path / "raw")
    assert [(row.low.name, row.normal, row.split) for row in found.rows] == [("1.jpg", None, "test"), ("2.bmp", None, "test")]
    assert not found.own_splits


def test_sice_sequences(tmp_path):
    official.sice(tmp_path)
    found = read(catalog.entry("sice"), tmp_path)
    assert found.own_splits
    assert [(row.split, row.low.name) for row in found.rows] == [("train", f"{i}.JPG") for i in (1, 2, 3)] + [
        ("test", f"{i}.JPG") for i in (1, 2, 3, 4)
    ]
    assert {row.normal.name for row in found.rows} == {"1.JPG", "12.JPG"}
    (tmp_path / "Dataset_Part1/Label/1.JPG").unlink()
    with pytest.raises(DataError, match="1 sequences lack their label"):
        read(catalog.entry("sice"), tmp_path)


def test_voc_lists(tmp_path):
    official.voc(tmp_path)
    home = tmp_path / "VOCdevkit" / "VOC2012"
    prepared = prepare("voc2012", CatalogData(kind="catalog", source=tmp_path), tmp_path / "data")
    assert prepared.counts == {"train": 1, "val": 1}
    row = prepared.rows("train")[0]
    assert (row.low, row.normal.name, row.mask.name) == (None, "a.jpg", "a.png")
    assert prepared.facts["segmentation"]["classes"][15]["name"] == "person"
    (home / "ImageSets/Segmentation/val.txt").write_text("c\n")
    with pytest.raises(DataError, match=r"c\.png is not there"):
        prepare("voc2012", CatalogData(kind="catalog", source=tmp_path), tmp_path / "data")


def test_camvid_in_both_forms(tmp_path):
    official.camvid(tmp_path / "a")
    tree(tmp_path / "b", *(f"{s}/{kind}/{s}_1.png" for s in ("train", "val", "test") for kind in ("image", "mask")))
    for form in ("a", "b"):
        prepared = prepare("camvid", CatalogData(kind="catalog", source=tmp_path / form), tmp_path / "data")
        assert prepared.counts == {"train": 1, "val": 1, "test": 1}
        assert all(row.mask is not None and row.low is None for row in prepared.all_rows)


def test_cityscapes_ids_become_training_ids(tmp_path):
    official.cityscapes(tmp_path)
    prepared = prepare("cityscapes", CatalogData(kind="catalog", source=tmp_path), tmp_path / "data")
    assert prepared.counts == {"train": 2, "val": 1}
    facts = catalog.entry("cityscapes").segmentation
    values = read_mask(prepared.rows("val")[0].mask, facts.ignore, facts.remap)
    assert values[0, :3].tolist() == [255, 0, 18]


def test_masks(tmp_path):
    mask(tmp_path / "mask.png", (0, 3, 11))
    assert read_mask(tmp_path / "mask.png", ignore=11)[0, :3].tolist() == [0, 3, 255]
    palette = Image.fromarray(np.array([[0, 1], [255, 2]], np.uint8).repeat(16, 0)).convert("P")
    palette.save(tmp_path / "palette.png")
    assert set(np.unique(read_mask(tmp_path / "palette.png", ignore=255))) == {0, 1, 2, 255}
    picture(tmp_path / "colour.png")
    with pytest.raises(DataError, match="no mask"):
        read_mask(tmp_path / "colour.png", ignore=255)


def test_exdark_with_and_without_its_list(tmp_path):
    official.exdark(tmp_path)
    found = read(catalog.entry("exdark"), tmp_path)
    assert ([row.split for row in found.rows], found.own_splits) == (["train", "val", "test"], True)
    (tmp_path / "ExDark/imageclasslist.txt").unlink()
    found = read(catalog.entry("exdark"), tmp_path)
    assert ([row.split for row in found.rows], found.own_splits) == (["test"] * 3, False)


def test_lol_orphan_is_named_and_wrong_folder_says_what_is_expected(tmp_path):
    tree(tmp_path, "our485/low/1.png", "our485/high/1.png", "our485/low/2.png", "eval15/low/3.png", "eval15/high/3.png")
    with pytest.raises(DataError, match=r"1 of 3 pictures have no partner: .*low/2\.png"):
        read(catalog.entry("lol_v1"), tmp_path)
    with pytest.raises(DataError, match=r"does not look like LOL.*our485/low/"):
        read(catalog.entry("lol_v1"), tmp_path / "our485")


def test_the_lonely_name_of_lsrw_is_left_out_and_told(tmp_path, caplog):
    official.paired(tmp_path / "raw", "lsrw")
    picture(tmp_path / "raw/LSRW/Training data/Nikon/low/77.jpg")
    prepared = prepare("lsrw", CatalogData(kind="catalog", source=tmp_path / "raw"), tmp_path / "data")
    assert prepared.counts == {"train": 2, "test": 2}
    assert "left out: 1 (LSRW/Training data/Nikon/low/77.jpg): has no partner" in caplog.text
    for index in range(80, 91):
        picture(tmp_path / f"raw/LSRW/Training data/Nikon/low/{index}.jpg")
    with pytest.raises(DataError, match=r"12 of 16 pictures have no partner: .*allow: \[orphan\]"):
        prepare("lsrw", CatalogData(kind="catalog", source=tmp_path / "raw"), tmp_path / "data")
    allowed = CatalogData(kind="catalog", source=tmp_path / "raw", allow=["orphan"])
    assert prepare("lsrw", allowed, tmp_path / "data").counts == {"train": 2, "test": 2}


@pytest.mark.parametrize(("name", "folder"), [("coal_mine_pairs", "raw"), ("gladnet", "raw"), ("gladnet", "raw/train")])
def test_pairs_without_a_published_split_are_divided_as_ones_own(tmp_path, name, folder):
    tree(tmp_path / folder, *(f"{side}/{i}.png" for side in ("low", "normal") for i in range(10)))
    prepared = prepare(name, CatalogData(kind="catalog", source=tmp_path / "raw"), tmp_path / "data")
    assert prepared.counts == {"train": 6, "val": 2, "test": 2}


def test_part_of_the_training_scenes_for_validation(tmp_path):
    tree(tmp_path, *(f"our485/{side}/{i}.png" for side in ("low", "high") for i in range(10)), "eval15/low/a.png", "eval15/high/a.png")
    prepared = prepare("lol_v1", CatalogData(kind="catalog", source=tmp_path, val=0.2), tmp_path / "data")
    assert prepared.counts == {"train": 8, "val": 2, "test": 1}
    with pytest.raises(DataError, match="comes with its own splits"):
        prepare("lol_v1", CatalogData(kind="catalog", source=tmp_path, split="test"), tmp_path / "data")


def test_a_published_overlap_of_splits_is_told_not_refused(tmp_path, caplog):
    tree(tmp_path, "our485/low/1.png", "our485/high/1.png", "eval15/low/9.png")
    (tmp_path / "eval15/high").mkdir()
    (tmp_path / "eval15/high/9.png").write_bytes((tmp_path / "our485/high/1.png").read_bytes())
    prepared = prepare("lol_v1", CatalogData(kind="catalog", source=tmp_path), tmp_path / "data")
    assert prepared.facts["shared_pictures"] == 1
    assert "content of a file of another split" in caplog.text


def test_shared_copies(shared):
    expected = {
        "sice": {"train": 402, "val": 98, "test": 110},
        "camvid": {"train": 367, "val": 101, "test": 233},
        "dicm": {"test": 64},
        "coal_mine_frames": {"test": 8},
    }
    for name, counts in expected.items():
        found = read(catalog.entry(name), shared / "data" / name)
        assert {split: sum(row.split == split for row in found.rows) for split in counts} == counts
        assert len(found.rows) == sum(counts.values())
