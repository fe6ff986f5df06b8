"""What a person brings is read as it is meant, or refused with what to do; nothing is left out without a word."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lle.config.data import FolderData
from lle.data.images import write_png
from lle.data.pairs import Prepared, open_prepared
from lle.data.prepare import prepare
from lle.errors import DataError


def picture(path: Path, seed: int, shape: tuple[int, int] = (20, 24)) -> Path:
    write_png(path.with_suffix(".png"), np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8))
    return path.with_suffix(".png").rename(path)


def pairs(root: Path, low: str, normal: str, count: int = 6, first: int = 0) -> Path:
    for index in range(first, first + count):
        picture(root / low / f"{index}.png", index)
        picture(root / normal / f"{index}.png", 100 + index)
    return root


def read(source: Path, **settings) -> Prepared:
    return prepare("mine", FolderData(kind="folder", source=source, **settings), source.parent / "data")


@pytest.mark.parametrize(
    ("low", "normal"),
    [("low", "high"), ("low", "normal"), ("input", "gt"), ("Low", "Normal"), ("low", "gt"), ("INPUT", "Target"), ("set/low", "set/high")],
)
def test_common_names_of_the_two_sides(tmp_path, low, normal):
    prepared = read(pairs(tmp_path / "mine", low, normal), paired=True)
    assert len(prepared.all_rows) == 6
    assert all(row.low.name == row.normal.name and row.low.parent != row.normal.parent for row in prepared.all_rows)
    assert {row.scene for row in prepared.all_rows} == set("012345")


def test_folders_for_splits(tmp_path):
    pairs(tmp_path / "lol", "our485/low", "our485/high", 4)
    pairs(tmp_path / "lol", "eval15/low", "eval15/high", 2, first=10)
    assert read(tmp_path / "lol").counts == {"train": 4, "test": 2}
    with pytest.raises(DataError, match="comes with its own splits"):
        read(tmp_path / "lol", split="test")


def test_a_paired_set_without_references_is_refused(tmp_path):
    picture(tmp_path / "mine/low/1.png", 1)
    picture(tmp_path / "mine/bright/1.png", 2)
    with pytest.raises(DataError, match=r"1 low-light pictures and no reference.*normal/, high/, gt/.*it has bright/, low/.*paired: false"):
        read(tmp_path / "mine", paired=True)
    (tmp_path / "mine/normal").mkdir()
    for paired in (True, None):
        with pytest.raises(DataError, match=r"mine/normal holds no picture that can be read"):
            read(tmp_path / "mine", paired=paired)
    assert not (tmp_path / "data/mine").exists()
    assert len(read(tmp_path / "mine", paired=False).all_rows) == 1


def test_two_folders_of_one_meaning_are_refused(tmp_path):
    pairs(tmp_path / "mine", "low", "high")
    pairs(tmp_path / "mine", "low", "normal")
    with pytest.raises(DataError, match="has high/ and normal/, which mean the same"):
        read(tmp_path / "mine")


@pytest.mark.parametrize(("count", "counts"), [(20, (14, 3, 3)), (6, (4, 1, 1)), (3, (1, 1, 1)), (2, (1, 0, 1)), (1, (0, 0, 1))])
def test_the_default_split_and_what_is_said_of_it(tmp_path, caplog, count, counts):
    caplog.set_level("INFO", "lle.data")
    prepared = read(pairs(tmp_path / "mine", "low", "normal", count))
    expected = {split: number for split, number in zip(("train", "val", "test"), counts, strict=True) if number}
    assert prepared.counts == expected
    assert f"divided 70/15/15 (seed 1): {', '.join(f'{n} to {s}' for s, n in expected.items())}" in caplog.text
    assert ("no scene left for val" in caplog.text) == (count == 2)
    assert ("no train and no val" in caplog.text) == (count == 1)
    assert prepared.has_split("val") == (count > 2)
    assert read(tmp_path / "mine").digest == prepared.digest
    assert count < 6 or read(tmp_path / "mine", seed=2).digest != prepared.digest


def test_unpaired_pictures_are_divided_on_both_sides_and_scenes_stay_together(tmp_path):
    for index in range(8):
        picture(tmp_path / "mine/low/" / f"{index}.png", index)
        picture(tmp_path / "mine/normal" / f"{index + 4}.png", 100 + index)
    prepared = read(tmp_path / "mine", paired=False)
    for split in ("train", "val", "test"):
        assert any(row.low is not None for row in prepared.rows(split))
    assert any(row.normal is not None for row in prepared.rows("train"))
    of = {}
    for row in prepared.all_rows:
        assert of.setdefault(row.scene, row.split) == row.split
    assert len(of) == 12


def test_folders_below_and_linked_ones_are_read_with_their_names(tmp_path):
    pairs(tmp_path / "mine", "low/camera1", "normal/camera1", 3)
    pairs(tmp_path / "else", "low", "normal", 2, first=20)
    for side in ("low", "normal"):
        (tmp_path / "mine" / side / "camera2").symlink_to(tmp_path / "else" / side)
        (tmp_path / "mine" / side / "round").symlink_to(tmp_path / "mine" / side)
    prepared = read(tmp_path / "mine", paired=True)
    assert {row.image for row in prepared.all_rows} == {"camera1-0", "camera1-1", "camera1-2", "camera2-20", "camera2-21"}
    assert "2 (low/round, normal/round): links to a folder that holds it" in prepared.facts["left_out"]


def test_what_is_left_out_is_counted_and_named(tmp_path, caplog, monkeypatch):
    pairs(tmp_path / "mine", "low", "normal", 4)
    for name in ("low/a.dng", "low/b.dng", "low/sub/c.jxl", "low/.hidden.png", "low/notes.txt", "low/._0.png", "stray.png"):
        (tmp_path / "mine" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(b"x")
    picture(tmp_path / "mine/bright/1.png", 3)
    (tmp_path / "mine/low/gone.png").symlink_to(tmp_path / "nowhere.png")
    told = read(tmp_path / "mine").facts["left_out"]
    assert "2 (low/a.dng, low/b.dng): raw files" in told
    for text in (
        "1 (low/sub/c.jxl)",
        "1 (low/.hidden.png): is hidden",
        "(low/gone.png): links to something",
        "1 (bright): is none of low/, normal/",
    ):
        assert text in told
    assert "stray.png): lies beside" in told
    assert "notes" not in told
    assert "._0" not in told
    assert told in caplog.text


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_pictures_that_this_installation_cannot_read_are_named(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr("lle.data.images.SUFFIXES", frozenset({".png"}))
    monkeypatch.setattr("lle.data.folders.SUFFIXES", frozenset({".png"}))
    pairs(tmp_path / "mine", "low", "normal", 1)
    (tmp_path / "mine" / "low" / f"1{suffix.upper()}").write_bytes(b"x")
    assert (
        f"1 (low/1{suffix.upper()}): {'HEIC needs the package pillow-heif' if suffix == '.heic' else 'AVIF needs Pillow 11.3'}"
        in (read(tmp_path / "mine").facts["left_out"])
    )
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / f"1{suffix}").write_bytes(b"x")
    with pytest.raises(DataError, match=r"holds no picture that can be read\. Left out: 1 .*needs"):
        read(tmp_path / "only")


def test_avif_is_read(tmp_path):
    from lle.data.images import SUFFIXES, read_rgb

    if ".avif" not in SUFFIXES:
        pytest.skip("this Pillow reads no AVIF")
    (tmp_path / "mine").mkdir()
    Image.fromarray(np.full((20, 24, 3), 90, np.uint8)).save(tmp_path / "mine" / "a.avif")
    row = read(tmp_path / "mine").all_rows[0]
    assert read_rgb(row.low).shape == (20, 24, 3)


def test_orphans_and_sizes_can_be_left_out(tmp_path):
    pairs(tmp_path / "mine", "low", "normal", 5)
    picture(tmp_path / "mine/low/lonely.png", 50)
    picture(tmp_path / "mine/normal/2.png", 51, (40, 48))
    with pytest.raises(DataError, match=r"1 of 11 pictures have no partner: .*lonely\.png.*allow: \[orphan\]"):
        read(tmp_path / "mine")
    with pytest.raises(
        DataError, match=r"1 of 5 pairs that do not fit: .*2\.png: low is 24x20, normal is 48x40.*data\.mine\.allow: \[size\]"
    ):
        read(tmp_path / "mine", allow=["orphan"])
    prepared = read(tmp_path / "mine", allow=["orphan", "size"])
    assert len(prepared.all_rows) == 4
    assert prepared.facts["left_out"] == "1 (low/lonely.png): has no partner; 1 (low/2.png): is of another size than its partner"


def test_sizes_are_those_after_the_exif_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "mine/low").mkdir(parents=True)
    Image.fromarray(np.full((20, 24, 3), 90, np.uint8)).save(tmp_path / "mine/low/1.jpg", exif=exif)
    picture(tmp_path / "mine/normal/1.png", 1, (24, 20))
    assert read(tmp_path / "mine").counts == {"test": 1}


def test_equal_pictures_in_two_splits_can_be_let_pass(tmp_path, caplog):
    pairs(tmp_path / "mine", "low", "normal", 2)
    (tmp_path / "mine/normal/1.png").write_bytes((tmp_path / "mine/normal/0.png").read_bytes())
    with pytest.raises(DataError, match=r"same picture in .*data\.mine\.allow: \[duplicate\]"):
        read(tmp_path / "mine")
    assert read(tmp_path / "mine", allow=["duplicate"]).facts["shared_pictures"] == 1
    assert "1 files have the content of a file of another split, as allowed" in caplog.text


def test_file_names_in_gbk(tmp_path):
    for side, seed in (("low", 0), ("normal", 10)):
        for index in range(3):
            path = picture(tmp_path / "mine" / side / f"{index}.png", seed + index)
            os.rename(path, os.fsencode(path.parent) + "/工作面".encode("gbk") + str(index).encode() + b".png")
    prepared = read(tmp_path / "mine", paired=True)
    assert {row.image for row in prepared.all_rows} == {"工作面0", "工作面1", "工作面2"}
    assert {row.scene for row in prepared.all_rows} == {"工作面0", "工作面1", "工作面2"}
    again = open_prepared("mine", tmp_path / "data")
    assert again.digest == prepared.digest
    assert all(path.is_file() for row in again.all_rows for path in row.files.values())
