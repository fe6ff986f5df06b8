"""Pair lists of spreadsheets and of other machines are read where there is no doubt, and else the line is named."""

from __future__ import annotations

import os

import numpy as np
import pytest

from lle.config.data import FolderData
from lle.data.images import write_png
from lle.data.prepare import prepare
from lle.errors import DataError

HEAD = "low,normal,split,scene"


@pytest.fixture
def source(tmp_path):
    for index in range(3):
        for number, side in enumerate(("low", "normal")):
            write_png(
                tmp_path / "mine" / side / f"{index}.png", np.random.default_rng([number, index]).integers(0, 255, (20, 24, 3), np.uint8)
            )
    return tmp_path / "mine"


def lines(*scenes: str) -> str:
    return "\n".join([HEAD, *(f"low/{i}.png,normal/{i}.png,{('train', 'val', 'test')[i]},{scene}" for i, scene in enumerate(scenes))])


def read(source, **settings):
    return prepare("mine", FolderData(kind="folder", source=source, **settings), source.parent / "data")


@pytest.mark.parametrize(
    ("scenes", "encoding"),
    [
        (("工作面0", "工作面1", "工作面2"), "gbk"),
        (("工作面0", "工作面1", "工作面2"), "utf-16"),
        (("工作面0", "工作面1", "工作面2"), "utf-16-le"),
        (("工作面0", "工作面1", "工作面2"), "utf-8-sig"),
        (("café", "Größe", "für"), "latin-1"),
    ],
)
def test_encodings(source, scenes, encoding):
    (source / "pairs.csv").write_bytes(lines(*scenes).encode(encoding))
    assert [row.scene for row in read(source).all_rows] == list(scenes)


def test_an_encoding_in_doubt_names_the_line(source):
    # Both readings are words: ÄÖ in Latin-1 is a common character in GBK, für is none.
    text = lines("a", "ÄÖ", "fürÄn")
    (source / "pairs.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"pairs\.csv, line 3: the list is not UTF-8, and may be GBK as well as Latin-1\. Save it as UTF-8"):
        read(source)


@pytest.mark.parametrize("on_disk", ["utf-8", "gbk"])
def test_file_names_decide_the_encoding(source, on_disk):
    os.rename(source / "low/0.png", os.fsencode(source / "low") + b"/" + "井".encode(on_disk) + b".png")
    (source / "pairs.csv").write_bytes(f"{HEAD}\nlow/井.png,normal/0.png,test,a".encode("gbk"))
    assert [row.image for row in read(source).all_rows] == ["井"]


def test_semicolons_and_spaces(source):
    (source / "pairs.csv").write_text("Low; Normal\nlow/0.png; normal/0.png\n")
    assert len(read(source).all_rows) == 1


def test_absolute_paths_and_those_of_other_machines(source, tmp_path):
    write_png(tmp_path / "elsewhere" / "9.png", np.random.default_rng(9).integers(0, 255, (20, 24, 3), np.uint8))
    rows = [
        f"{source}/low/0.png,{source}/normal/0.png,train,a",
        r"C:\data\mine\low\1.png,D:\mine\normal\1.png,val,b",
        f"/home/someone/set/low/2.png,{tmp_path}/elsewhere/9.png,test,c",
    ]
    (source / "pairs.csv").write_text("\n".join([HEAD, *rows]))
    found = read(source).all_rows
    assert [row.low for row in found] == [source / f"low/{i}.png" for i in range(3)]
    assert found[2].normal == tmp_path / "elsewhere" / "9.png"
    (source / "pairs.csv").write_text(f"{HEAD}\n/home/someone/low/7.png,normal/0.png,test,a")
    with pytest.raises(DataError, match=r"line 2: low names /home/someone/low/7\.png, which is not there"):
        read(source)


def test_lines_without_a_reference(source):
    (source / "pairs.csv").write_text("low,normal\nlow/0.png,normal/0.png\nlow/1.png,\nlow/2.png,normal/none.png\n")
    with pytest.raises(DataError, match="line 3: normal is empty, and `paired` is true"):
        read(source, paired=True)
    prepared = read(source, paired=True, allow=["orphan"])
    assert len(prepared.all_rows) == 1
    assert "2 (pairs.csv/line 3, pairs.csv/line 4): normal is not there" in prepared.facts["left_out"]
