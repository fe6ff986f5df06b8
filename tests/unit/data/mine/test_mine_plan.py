"""The plan has the promised splits and keeps train and test apart."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from lle.data.mine import signs
from lle.data.mine.plan import PAIR_KINDS, SEEN_KINDS, UNSEEN_KIND, plan


def test_the_set_has_the_promised_splits_and_all_kinds():
    scenes = plan(156)
    assert Counter(scene.split for scene in scenes) == {"train": 100, "val": 16, "test": 40}
    assert len({scene.id for scene in scenes}) == 156
    for split in ("train", "val", "test"):
        assert {scene.pair for scene in scenes if scene.split == split} == set(PAIR_KINDS)
    assert {scene.kind for scene in scenes if scene.split == "train"} == set(SEEN_KINDS)


def test_one_roadway_type_is_in_the_test_split_alone():
    assert {scene.split for scene in plan(156) if scene.kind == UNSEEN_KIND} == {"test"}


def test_a_longer_plan_begins_with_the_shorter_one_and_every_beginning_is_mixed():
    assert plan(300)[:156] == plan(156)
    for length in (16, 40, 80):
        share = Counter(scene.split for scene in plan(length))
        assert abs(share["test"] / length - 40 / 156) < 0.08
        assert share["val"] >= 1


def test_no_text_of_a_sign_is_in_two_splits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(signs, "noise_map", lambda size, *_: np.zeros((size, size)))  # dust hides no text and takes the longest

    def texts(split):
        rng = np.random.default_rng(0)
        return {signs.sign_image(rng, split)[1] for _ in range(400)} - {""}

    sets = {split: texts(split) for split in ("train", "val", "test")}
    assert all(len(found) > 10 for found in sets.values())
    for one, other in combinations(sets.values(), 2):
        assert not one & other
