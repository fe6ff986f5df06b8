"""Several sets train as one: rows keep their split and say their part, and shares are a function of seed and iteration alone."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from lle.config.data import DemoData, FolderData, JoinData
from lle.data.cache import Cache
from lle.data.check import before_training
from lle.data.images import write_png
from lle.data.pairs import open_prepared
from lle.data.prepare import prepare
from lle.data.streams import StreamDataset
from lle.engine.method import Stream
from lle.errors import ConfigError, DataError


@pytest.fixture
def sections(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for index in range(6):
        for side in (0, 1):
            picture = np.random.default_rng([index, side]).integers(0, 255, (40, 40, 3), np.uint8)
            write_png(tmp_path / "pictures" / ("low", "normal")[side] / f"{index}.png", picture)
    return {
        "made": DemoData(kind="demo", lighting="room", train=2, val=1, test_full=0, test_crops=1, crop=(40, 48)),
        "own": FolderData(kind="folder", source=tmp_path / "pictures"),
    }


def join(sections, **settings):
    return prepare("both", JoinData(kind="join", parts=["made", "own"], **settings), sections=sections)


def test_rows_of_all_parts_with_the_name_of_their_part(sections, tmp_path):
    prepared = join(sections)
    made, own = open_prepared("made"), open_prepared("own")  # made on the way
    assert prepared.counts == {split: made.counts[split] + own.counts[split] for split in ("train", "val", "test")}
    assert Counter(row.about["part"] for row in prepared.all_rows) == {"made": len(made.all_rows), "own": 6}
    assert {row.scene.split("/")[0] for row in prepared.all_rows} == {"made", "own"}
    assert prepared.facts["parts"] == {"made": made.digest, "own": own.digest}
    assert all(path.is_file() for row in prepared.all_rows for path in row.files.values())
    assert "part" in (tmp_path / "build/data/both/manifest.csv").read_text().splitlines()[0]
    before_training(prepared)
    assert len(Cache(prepared, "train")) == 6


def test_a_join_of_made_sets_can_be_moved_with_its_project(sections, tmp_path):
    sections["other"] = DemoData(kind="demo", lighting="mine", seed=5, train=1, val=1, test_full=0, test_crops=1, crop=(40, 48))
    prepare("both", JoinData(kind="join", parts=["made", "other"], allow=["duplicate"]), sections=sections)
    (tmp_path / "moved").mkdir()
    (tmp_path / "build").rename(tmp_path / "moved/build")
    os.chdir(tmp_path / "moved")
    assert open_prepared("both").counts == {"train": 3, "val": 2, "test": 6}


def test_shares(sections):
    def drawn(positions, seed=0):
        prepared = join(sections, shares=[3, 1])
        dataset = StreamDataset(Stream("paired"), Cache(prepared, "train"), 32, seed, "main")
        return [(int(dataset[i]["index"]), dataset.pictures.rows[int(dataset[i]["index"])].about["part"]) for i in positions]

    first = drawn(range(120))
    share = Counter(part for _, part in first)
    assert share["made"] / 120 == pytest.approx(0.75, abs=0.1)
    assert len({index for index, part in first if part == "own"}) == 4  # all of the smaller share are seen in time
    # Every picture of a part is drawn about equally often.
    times = Counter(index for index, part in first if part == "own")
    assert max(times.values()) - min(times.values()) <= 1
    assert drawn([77, 3, 119]) == [first[77], first[3], first[119]]
    assert drawn(range(20), seed=1) != first[:20]


def test_a_part_that_changed_since_is_told_before_training(sections):
    prepared = join(sections)
    prepare("made", sections["made"].model_copy(update={"seed": 9}))
    with pytest.raises(DataError, match=r"lacks|from another 'made'.*lle fetch both"):
        before_training(prepared)


def test_what_cannot_be_joined(sections):
    with pytest.raises(ConfigError, match=r"no data set 'mad'.*Did you mean 'made'"):
        prepare("both", JoinData(kind="join", parts=["mad"]), sections=sections)
    with pytest.raises(DataError, match="cannot be a part of itself"):
        prepare("both", JoinData(kind="join", parts=["both"]), sections=sections)
    with pytest.raises(ValidationError, match="1 shares for 2 parts"):
        JoinData(kind="join", parts=["a", "b"], shares=[1])
    with pytest.raises(ValidationError, match="named twice"):
        JoinData(kind="join", parts=["a", "a"])
    sections["tests"] = sections["own"].model_copy(update={"split": "test"})
    with pytest.raises(DataError, match="tests has no split train to draw from"):
        prepare("both", JoinData(kind="join", parts=["made", "tests"], shares=[1, 1]), sections=sections)
    sections["again"] = sections["own"].model_copy(update={"seed": 4})
    with pytest.raises(DataError, match=r"has the row of .*0\.png twice"):
        prepare("both", JoinData(kind="join", parts=["own", "again"]), sections=sections)
