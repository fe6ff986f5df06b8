"""Pairs are matched by stem, splits are disjoint by scene and by content, and the manifest says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lle.config.data import FolderData, Fractions
from lle.data.images import write_png
from lle.data.pairs import Row, open_prepared, write_manifest
from lle.data.prepare import prepare
from lle.data.splits import split_by_scene
from lle.errors import DataError, LleError


def picture(path: Path, seed: int) -> Path:
    write_png(path, np.random.default_rng(seed).integers(0, 256, (16, 18, 3), dtype=np.uint8))
    return path


@pytest.fixture
def pairs(tmp_path):
    """A folder of ten pairs in low/ and normal/."""
    for index in range(10):
        picture(tmp_path / "set" / "low" / f"{index}.png", index)
        picture(tmp_path / "set" / "normal" / f"{index}.png", 100 + index)
    return tmp_path / "set"


def folder(source: Path, **settings) -> FolderData:
    return FolderData(kind="folder", source=source, **settings)


def test_low_and_normal_by_stem(tmp_path, pairs, caplog):
    caplog.set_level("INFO", "lle.data")
    prepared = prepare("mine", folder(pairs, split="test"), tmp_path / "data")
    assert prepared.counts == {"test": 10}
    row = prepared.rows("test")[3]
    assert (row.low, row.normal, row.scene, row.image, row.parameters) == (pairs / "low/3.png", pairs / "normal/3.png", "3", "3", {})
    assert "mine: 10 test from 10 scenes" in caplog.text
    assert sorted(path.name for path in (tmp_path / "data").rglob("*")) == [".mine.lock", "dataset.json", "manifest.csv", "mine"]
    again = prepare("mine", folder(pairs, split="test"), tmp_path / "data")
    assert again.digest == prepared.digest
    assert not prepared.has_split("train")
    with pytest.raises(DataError, match=r"no split 'train'; it has test \(10\).*data\.mine\.split: \{train: 0\.7, .*lle fetch mine"):
        prepared.rows("train")


def test_digest_follows_the_content(tmp_path, pairs):
    before = prepare("mine", folder(pairs), tmp_path / "data").digest
    picture(pairs / "low" / "3.png", 77)
    assert prepare("mine", folder(pairs), tmp_path / "data").digest != before


def test_orphans_are_named_up_to_five(tmp_path, pairs):
    for index in range(7):
        picture(pairs / "low" / f"lonely{index}.png", 200 + index)
    with pytest.raises(DataError, match=r"7 of 27 pictures have no partner: .*lonely0.*lonely4\.png and 2 more"):
        prepare("mine", folder(pairs), tmp_path / "data")
    assert [path.name for path in (tmp_path / "data").iterdir()] == [".mine.lock"]


def test_leftovers_of_a_killed_run_go(tmp_path, pairs):
    (tmp_path / "data" / ".mine~abc" / "low").mkdir(parents=True)
    prepare("mine", folder(pairs), tmp_path / "data")
    assert not (tmp_path / "data" / ".mine~abc").exists()


def test_failure_keeps_the_older_set(tmp_path, pairs):
    before = prepare("mine", folder(pairs), tmp_path / "data").digest
    (pairs / "normal" / "3.png").unlink()
    with pytest.raises(DataError, match=r"low/3\.png"):
        prepare("mine", folder(pairs), tmp_path / "data")
    facts = json.loads((tmp_path / "data/mine/dataset.json").read_text())
    assert facts["digest"] == before
    with pytest.raises(DataError, match=r"lacks .*normal/3\.png"):
        open_prepared("mine", tmp_path / "data")


def test_two_files_of_one_stem(tmp_path, pairs):
    (pairs / "low/0.bmp").write_bytes((pairs / "low/0.png").read_bytes())
    with pytest.raises(DataError, match="same name but for their suffix"):
        prepare("mine", folder(pairs), tmp_path / "data")


def test_pairs_csv_with_splits_and_shared_normals(tmp_path, pairs):
    lines = ["split,scene,low,normal", "train,a,low/0.png,normal/0.png", "train,a,low/1.png,normal/0.png", "test,b,low/2.png,normal/2.png"]
    (pairs / "pairs.csv").write_text("\n".join(lines) + "\n")
    prepared = prepare("mine", folder(pairs), tmp_path / "data")
    assert prepared.counts == {"train": 2, "test": 1}
    assert [row.normal.name for row in prepared.rows("train")] == ["0.png", "0.png"]
    with pytest.raises(DataError, match="comes with its own splits"):
        prepare("mine", folder(pairs, split="test"), tmp_path / "data")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dark,bright\n", "needs the columns low and normal"),
        ("low,normal\nlow/0.png,normal/none.png\n", "line 2: normal names normal/none.png"),
        ("low,normal,split\nlow/0.png,normal/0.png,tets\n", "line 2: the split is 'tets'"),
        ("low,normal\n", "no line below its head"),
        ("low,normal,scene\n,,a\n", "both low and normal are empty"),
        ("low,normal\nlow/0.png,normal/0.png\nlow/0.png,normal/0.png\n", "twice"),
    ],
)
def test_wrong_pairs_csv(tmp_path, pairs, text, message):
    (pairs / "pairs.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        prepare("mine", folder(pairs), tmp_path / "data")


def test_scene_in_two_splits(tmp_path, pairs):
    (pairs / "pairs.csv").write_text("split,scene,low,normal\ntrain,a,low/0.png,normal/0.png\ntest,a,low/1.png,normal/1.png\n")
    with pytest.raises(DataError, match="scene 'a' in train and in test"):
        prepare("mine", folder(pairs), tmp_path / "data")


def test_same_content_in_two_splits(tmp_path, pairs):
    picture(pairs / "normal" / "1.png", 100)  # the content of normal/0.png
    (pairs / "pairs.csv").write_text("split,scene,low,normal\ntrain,a,low/0.png,normal/0.png\ntest,b,low/1.png,normal/1.png\n")
    with pytest.raises(DataError, match=r"same picture in train .*0\.png.* and in test .*1\.png"):
        prepare("mine", folder(pairs), tmp_path / "data")


def test_fractions_are_by_scene_and_seeded():
    rows = [Row("test", f"scene{index // 3}", low=Path(f"{index}.png")) for index in range(60)]
    shares = {"train": 0.7, "val": 0.1, "test": 0.2}
    first = split_by_scene(rows, shares, seed=1)
    assert {split: len({row.scene for row in first if row.split == split}) for split in shares} == {"train": 14, "val": 2, "test": 4}
    assert len({(row.scene, row.split) for row in first}) == 20
    backwards = split_by_scene(rows[::-1], shares, seed=1)
    assert {(row.scene, row.split) for row in backwards} == {(row.scene, row.split) for row in first}
    assert {(row.scene, row.split) for row in split_by_scene(rows, shares, seed=2)} != {(row.scene, row.split) for row in first}
    with pytest.raises(DataError, match="too few for a split 'test'"):
        split_by_scene(rows[:6], shares, seed=1)


def test_fractions_through_settings(tmp_path, pairs):
    prepared = prepare("mine", folder(pairs, split=Fractions(train=0.8, test=0.2)), tmp_path / "data")
    assert prepared.counts == {"train": 8, "test": 2}
    with pytest.raises(ValueError, match="add up to"):
        Fractions(train=0.8)


def test_unpaired_forms(tmp_path, pairs):
    prepared = prepare("mine", folder(pairs, paired=False, split="test"), tmp_path / "data")
    rows = prepared.rows("test")
    assert [(row.low is None, row.normal is None) for row in rows] == [(False, True)] * 10 + [(True, False)] * 10
    flat = prepare("flat", folder(pairs / "low", split="test"), tmp_path / "data")
    assert {row.normal for row in flat.rows("test")} == {None}
    assert flat.rows("test")[2].image == "2"
    for path in (pairs / "normal").iterdir():
        path.unlink()
    (pairs / "normal").rmdir()
    assert prepare("mine", folder(pairs, split="test"), tmp_path / "data").counts == {"test": 10}


def test_missing_and_empty_sources_say_what_to_put_where(tmp_path):
    with pytest.raises(DataError, match=r"does not exist\. Put low-light pictures into .*none/low"):
        prepare("mine", folder(tmp_path / "none"), tmp_path / "data")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no picture"):
        prepare("mine", folder(tmp_path / "empty"), tmp_path / "data")


def test_a_changed_manifest_and_an_unknown_set_are_refused(tmp_path, pairs):
    prepare("mine", folder(pairs), tmp_path / "data")
    manifest = tmp_path / "data/mine/manifest.csv"
    row = next(row for row in open_prepared("mine", tmp_path / "data").all_rows if row.scene == "3")
    other = "test" if row.split == "train" else "train"
    manifest.write_text(manifest.read_text().replace(f"{row.split},3,", f"{other},3,"))
    with pytest.raises(DataError, match="was changed"):
        open_prepared("mine", tmp_path / "data")
    with pytest.raises(LleError, match="Did you mean 'mine'"):
        open_prepared("mina", tmp_path / "data")


def test_names_with_commas_and_quotes_survive(tmp_path):
    path = picture(tmp_path / 'a,"b.png', 0)
    write_manifest(tmp_path, "odd", "demo", [Row("test", 's,"1', low=path, parameters={"x": [1, 2]})])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "odd").symlink_to(tmp_path)
    row = open_prepared("odd", tmp_path / "data").rows("test")[0]
    assert (row.low.name, row.scene, row.parameters) == ('a,"b.png', 's,"1', {"x": [1, 2]})


def test_sice_and_dicm(shared, tmp_path):
    sice = prepare("sice", folder(shared / "data" / "sice"), tmp_path)
    assert sice.counts == {"train": 402, "val": 98, "test": 110}
    dicm = prepare("dicm", folder(shared / "data" / "dicm"), tmp_path)
    assert dicm.counts == {"train": 44, "val": 10, "test": 10}
    assert all(row.normal is None for row in dicm.all_rows)
