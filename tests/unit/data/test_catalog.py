"""The catalog is sound, and each set is read in its official layout from a tiny copy of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from lle.config.data import CatalogData
from lle.data import catalog
from lle.data.images import read_mask, write_png
from lle.data.prepare import prepare
from lle.errors import DataError

NAMES = {
    *("lol_v1", "lol_v2_real", "lol_v2_synthetic", "sice", "lsrw", "baid", "ve_lol_real", "ve_lol_synthetic", "gladnet", "agllnet"),
    *("fivek", "exdark", "dicm", "lime", "mef", "npe", "vv", "voc2012", "camvid", "cityscapes", "coal_mine_pairs", "coal_mine_frames"),
}
count = 0


def picture(path: Path) -> None:
    """A picture unlike any other of this process."""
    global count
    count += 1
    write_png(path.with_suffix(".png"), np.random.default_rng(count).integers(0, 256, (16, 20, 3), dtype=np.uint8))
    if path.suffix != ".png":
        path.with_suffix(".png").rename(path)


def mask(path: Path, values=(0, 1, 255)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.resize(np.array(values, np.uint8), (16, 20))).save(path)


def tree(root: Path, *paths: str) -> Path:
    for path in paths:
        mask(root / path) if "mask" in path or "annot" in path or "gtFine" in path or "SegmentationClass" in path else picture(root / path)
    return root


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


PAIRED = {
    "lol_v1": ("LOLdataset/our485/{low,high}/2.png", "LOLdataset/eval15/{low,high}/1.png"),
    "lol_v2_real": (
        "LOL-v2/Real_captured/Train/{Low/low,Normal/normal}00001.png",
        "LOL-v2/Real_captured/Test/{Low/low,Normal/normal}00690.png",
    ),
    "lol_v2_synthetic": ("LOL-v2/Synthetic/Train/{Low,Normal}/r000da54ft.png", "LOL-v2/Synthetic/Test/{Low,Normal}/r00816405t.png"),
    "lsrw": (
        "LSRW/Training data/Huawei/{low,high}/1.jpg",
        "LSRW/Training data/Nikon/{low,high}/1.jpg",
        "LSRW/Eval/Huawei/{low,high}/2.jpg",
        "LSRW/Eval/Nikon/{low,high}/2.jpg",
    ),
    "baid": ("train/{input,gt}/1.png", "test/{input,gt}/2.png"),
    "ve_lol_real": (
        "VE-LOL/VE-LOL-L-Cap-Full/VE-LOL-L-Cap-{Low_train/low,Normal_train/normal}00001.png",
        "VE-LOL/VE-LOL-L-Cap-Full/VE-LOL-L-Cap-{Low_test/low,Normal_test/normal}00401.png",
    ),
    "ve_lol_synthetic": (
        "VE-LOL/VE-LOL-L-Syn/VE-LOL-L-Syn-{Low_train,Normal_train}/1.png",
        "VE-LOL/VE-LOL-L-Syn/VE-LOL-L-Syn-{Low_test,Normal_test}/2.png",
    ),
    "gladnet": ("train/{low,normal}/1.png",),
    "agllnet": ("train/{low,normal}/1.png", "test/{low,normal}/2.png"),
    "fivek": ("FiveK/train/{input,target}/a0099-kme_264.jpg", "FiveK/test/{input,target}/a4574-DSC_0038.jpg"),
}


@pytest.mark.parametrize("name", PAIRED)
def test_paired_layouts(tmp_path, name):
    for pattern in PAIRED[name]:
        before, sides, after = re.match(r"(.*)\{(.*)\}(.*)", pattern).groups()
        tree(tmp_path / "raw", *(before + side + after for side in sides.split(",")))
    prepared = prepare(name, CatalogData(kind="catalog", source=tmp_path / "raw"), tmp_path / "data")
    rows = prepared.all_rows
    assert len(rows) == len(PAIRED[name])
    assert prepared.facts["entry"] == name
    assert len({row.scene for row in rows}) == len({row.image for row in rows}) == len(rows)
    for row in rows:
        assert row.low.stem.removeprefix("low") == row.normal.stem.removeprefix("normal")
        assert "test" in str(row.low).lower() or "eval" in str(row.low).lower() if row.split == "test" else row.split == "train"


@pytest.mark.parametrize("name", ["dicm", "lime", "mef", "npe", "vv", "coal_mine_frames"])
@pytest.mark.parametrize("nested", [True, False])
def test_unpaired_layouts(tmp_path, name, nested):
    if nested and name != "coal_mine_frames":
        tree(tmp_path / "raw", f"test/{name.upper()}/1.jpg", f"test/{name.upper()}/2.bmp", "test/OTHER/3.png")
    else:
        tree(tmp_path / "raw", "1.jpg", "2.bmp")
    rows, own = catalog.read(catalog.entry(name), tmp_path / "raw")
    assert [(row.low.name, row.normal, row.split) for row in rows] == [("1.jpg", None, "test"), ("2.bmp", None, "test")]
    assert not own


def test_sice_sequences(tmp_path):
    exposures = [f"{index}.JPG" for index in range(1, 10)]
    tree(tmp_path / "Dataset_Part1", *(f"1/{name}" for name in exposures[:7]), "Label/1.JPG")
    tree(tmp_path / "Dataset_Part2", *(f"12/{name}" for name in exposures), "Label/12.JPG")
    rows, own = catalog.read(catalog.entry("sice"), tmp_path)
    assert own
    assert [(row.split, row.low.name) for row in rows] == [("train", f"{i}.JPG") for i in (1, 2, 3)] + [
        ("test", f"{i}.JPG") for i in (1, 2, 3, 4)
    ]
    assert {row.normal.name for row in rows} == {"1.JPG", "12.JPG"}
    (tmp_path / "Dataset_Part1/Label/1.JPG").unlink()
    with pytest.raises(DataError, match="1 sequences lack their label"):
        catalog.read(catalog.entry("sice"), tmp_path)


def test_voc_lists(tmp_path):
    home = tmp_path / "VOCdevkit" / "VOC2012"
    tree(home, *(f"JPEGImages/{name}.jpg" for name in "abc"), *(f"SegmentationClass/{name}.png" for name in "ab"))
    (home / "ImageSets/Segmentation").mkdir(parents=True)
    (home / "ImageSets/Segmentation/train.txt").write_text("a\n")
    (home / "ImageSets/Segmentation/val.txt").write_text("b\n")
    prepared = prepare("voc2012", CatalogData(kind="catalog", source=tmp_path), tmp_path / "data")
    assert prepared.counts == {"train": 1, "val": 1}
    row = prepared.rows("train")[0]
    assert (row.low, row.normal.name, row.mask.name) == (None, "a.jpg", "a.png")
    assert prepared.facts["segmentation"]["classes"][15]["name"] == "person"
    (home / "ImageSets/Segmentation/val.txt").write_text("c\n")
    with pytest.raises(DataError, match=r"c\.png is not there"):
        prepare("voc2012", CatalogData(kind="catalog", source=tmp_path), tmp_path / "data")


def test_camvid_in_both_forms(tmp_path):
    tree(tmp_path / "a", *(f"CamVid/{s}{kind}/{s}_1.png" for s in ("train", "val", "test") for kind in ("", "annot")))
    tree(tmp_path / "b", *(f"{s}/{kind}/{s}_1.png" for s in ("train", "val", "test") for kind in ("image", "mask")))
    for form in ("a", "b"):
        prepared = prepare("camvid", CatalogData(kind="catalog", source=tmp_path / form), tmp_path / "data")
        assert prepared.counts == {"train": 1, "val": 1, "test": 1}
        assert all(row.mask is not None and row.low is None for row in prepared.all_rows)


def test_cityscapes_ids_become_training_ids(tmp_path):
    for split, city in (("train", "aachen"), ("train", "bochum"), ("val", "lindau")):
        stem = f"{city}_000000_000019"
        tree(tmp_path, f"leftImg8bit/{split}/{city}/{stem}_leftImg8bit.png")
        mask(tmp_path / f"gtFine/{split}/{city}/{stem}_gtFine_labelIds.png", (0, 7, 33))
        mask(tmp_path / f"gtFine/{split}/{city}/{stem}_gtFine_instanceIds.png")
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
    tree(tmp_path / "ExDark", "Bicycle/2015_00001.png", "Bicycle/2015_00002.jpg", "Boat/2015_00700.JPG")
    rows, own = catalog.read(catalog.entry("exdark"), tmp_path)
    assert ([row.split for row in rows], own) == (["test"] * 3, False)
    lines = ["Name | Class | Light | In/Out | Train/Val/Test", "2015_00001.png 1 2 1 1", "2015_00002.jpg 1 2 1 2", "2015_00700.jpg 2 2 1 3"]
    (tmp_path / "ExDark/imageclasslist.txt").write_text("\n".join(lines))
    rows, own = catalog.read(catalog.entry("exdark"), tmp_path)
    assert ([row.split for row in rows], own) == (["train", "val", "test"], True)


def test_lol_orphan_is_named_and_wrong_folder_says_what_is_expected(tmp_path):
    tree(tmp_path, "our485/low/1.png", "our485/high/1.png", "our485/low/2.png", "eval15/low/3.png", "eval15/high/3.png")
    with pytest.raises(DataError, match=r"1 of 2 pictures have no partner: .*low/2\.png"):
        catalog.read(catalog.entry("lol_v1"), tmp_path)
    with pytest.raises(DataError, match=r"does not look like LOL.*our485/low/"):
        catalog.read(catalog.entry("lol_v1"), tmp_path / "our485")


def test_part_of_the_training_scenes_for_validation(tmp_path):
    tree(tmp_path, *(f"our485/{side}/{i}.png" for side in ("low", "high") for i in range(10)), "eval15/low/a.png", "eval15/high/a.png")
    prepared = prepare("lol_v1", CatalogData(kind="catalog", source=tmp_path, val=0.2), tmp_path / "data")
    assert prepared.counts == {"train": 8, "val": 2, "test": 1}
    with pytest.raises(DataError, match="comes with its own splits"):
        prepare("lol_v1", CatalogData(kind="catalog", source=tmp_path, split="test"), tmp_path / "data")


def test_a_published_overlap_of_splits_is_told_not_refused(tmp_path, capsys):
    tree(tmp_path, "our485/low/1.png", "our485/high/1.png", "eval15/low/9.png")
    (tmp_path / "eval15/high").mkdir()
    (tmp_path / "eval15/high/9.png").write_bytes((tmp_path / "our485/high/1.png").read_bytes())
    prepared = prepare("lol_v1", CatalogData(kind="catalog", source=tmp_path), tmp_path / "data")
    assert prepared.facts["shared_pictures"] == 1
    assert "content of a file of another split" in capsys.readouterr().out


def test_shared_copies(shared):
    expected = {
        "sice": {"train": 402, "val": 98, "test": 110},
        "camvid": {"train": 367, "val": 101, "test": 233},
        "dicm": {"test": 64},
        "coal_mine_frames": {"test": 8},
    }
    for name, counts in expected.items():
        rows, _ = catalog.read(catalog.entry(name), shared / "data" / name)
        assert {split: sum(row.split == split for row in rows) for split in counts} == counts
        assert len(rows) == sum(counts.values())
