"""The committed set is whole, within its size, and what the present code would make."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lle.data.mine import run
from lle.data.mine.plan import plan
from lle.data.mine.projection import visible_signs
from lle.data.mine.quality import set_sizes
from lle.data.mine.scene import make_scene
from lle.data.mine.store import finished, load_scene
from lle.files import read_json

FOLDER = Path(__file__).parents[4] / "data" / "mine_rendered"

pytestmark = pytest.mark.skipif(not (FOLDER / "set.json").exists(), reason=f"no rendered set in {FOLDER}")


def test_every_scene_can_be_read_and_is_what_the_plan_says():
    names, planned = finished(FOLDER), {scene.id: scene for scene in plan(400)}
    assert names
    for name in names:
        scene = load_scene(FOLDER, name)
        assert scene.even.shape == scene.working.shape == (*run.SIZE, 3)
        assert scene.even.mean() > 0
        assert scene.working.mean() > 0
        assert scene.mask.max() < 16
        assert len(np.unique(scene.mask)) >= 6
        assert 0.3 < np.median(scene.depth) < 60
        assert (scene.meta["split"], scene.meta["kind"], scene.meta["pair"]) == (
            planned[name].split,
            planned[name].kind,
            planned[name].pair,
        )


def test_the_set_is_small_enough_for_git():
    sizes = set_sizes(FOLDER)
    assert sizes["bytes_a_scene"] * 156 < 12e6


def test_settings_and_code_are_those_of_the_set():
    """Fails where scenes changed without a new version: raise `VERSION` in lle/data/mine/run.py and render the set again."""
    settings = read_json(FOLDER / "set.json")
    assert settings["version"] == run.VERSION
    for name in finished(FOLDER)[:2]:
        data = load_scene(FOLDER, name)
        meta = data.meta
        scene = plan(meta["number"] + 1)[-1]
        made = make_scene(settings["seed"], scene.number, scene.kind, scene.split, scene.uneven)
        assert made.triangles == meta["triangles"]
        assert [text for text, _ in made.signs] == meta["texts"]
        assert (made.mode, made.shape, made.haze) == (meta["working_lamps"], meta["section"], meta["haze_per_m"])
        assert round(made.cameras[meta["camera"]].field, 2) == meta["field_of_view"]
        assert visible_signs(made, made.cameras[meta["camera"]], data.mask) == meta["signs"]
