"""Pairs from rendered scenes: splits, kinds, masks and signs, the same bytes every time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from lle.config.data import MineData
from lle.data.images import read_rgb
from lle.data.mine.materials import CLASSES
from lle.data.mine.plan import plan
from lle.data.mine.projection import project, visible_signs
from lle.data.mine.scene import Camera
from lle.data.mine.store import save_scene
from lle.data.prepare import prepare
from lle.errors import DataError


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Five small scenes, as the renderer stores them: a lamp in the middle of a wall, a sign at its left."""
    folder = tmp_path_factory.mktemp("scenes")
    y, x = np.mgrid[0:48, 0:64] / 48
    even = 0.02 * np.stack([1 + 0.3 * np.sin(9 * x), 1 + 0.3 * np.sin(7 * y), np.ones_like(x)], -1)
    working = even * np.exp(-(((x - 0.7) ** 2 + (y - 0.4) ** 2) / 0.08))[..., None]
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 5:25] = CLASSES.index("sign")
    for scene in plan(8):
        meta = {"split": scene.split, "kind": scene.kind, "pair": scene.pair, "signs": [{"text": "EXIT", "box": [10, 5, 30, 25]}]}
        save_scene(folder, scene.id, even.astype(np.float32), working.astype(np.float32), mask, np.ones((48, 64), np.float32), meta)
    return folder


def test_a_set_is_made_from_its_scenes(scenes, tmp_path):
    made = prepare("m", MineData(kind="mine", source=scenes, train_pairs=2), tmp_path)
    planned = plan(8)
    assert made.counts == {
        split: sum((2 if split == "train" else 1) * (s.split == split) for s in planned) for split in ("train", "val", "test")
    }
    kinds = {scene.id: scene.pair for scene in planned}
    for row in made.all_rows:
        assert row.parameters["kind"] == kinds[row.scene] or row.split == "train"
        assert row.parameters["signs"][0]["text"] == "EXIT"
    by_scene = {}
    for row in made.rows("train"):
        by_scene.setdefault(row.scene, []).append(row.parameters["kind"])
    assert all(len(set(pair)) == 2 and "short_exposure" in pair for pair in by_scene.values())
    row = made.rows("test")[0]
    low, normal, mask = (read_rgb(made.root / path) for path in (row.low, row.normal, row.mask))
    assert low.shape == normal.shape == (48, 64, 3)
    assert low.mean() < normal.mean()
    assert set(np.unique(mask)) == {0, CLASSES.index("sign")}
    assert [one["name"] for one in made.facts["segmentation"]["classes"]] == list(CLASSES)


def test_the_same_settings_give_the_same_bytes(scenes, tmp_path):
    one, again = (prepare("m", MineData(kind="mine", source=scenes), tmp_path / name).digest for name in ("a", "b"))
    other = prepare("m", MineData(kind="mine", source=scenes, seed=2), tmp_path / "c").digest
    assert one == again != other


def test_a_folder_without_scenes_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="lle render mine --out"):
        prepare("m", MineData(kind="mine", source=tmp_path / "none"), tmp_path)


CAMERA = Camera(np.zeros(3), np.array([0, 0, 1.0]), np.array([0, 1.0, 0]), 90.0, 0.0)


def test_points_are_seen_where_optics_says():
    # 90 degrees across 600 pixels: a point at 45 degrees to the right (-x) stands at the right edge.
    points = np.array([[0, 0, 5.0], [-5, 0, 5.0], [5, 0, 5.0], [0, 1, 5.0], [0, 0, -1.0]])
    seen = project(CAMERA, points, (400, 600))
    assert seen[:4] == pytest.approx(np.array([[200, 300], [200, 600], [200, 0], [140, 300]]))
    assert np.isnan(seen[4]).all()


def test_barrel_distortion_is_undone():
    camera = Camera(CAMERA.place, CAMERA.forwards, CAMERA.up, 90.0, 0.1)
    # Radius 1 of the picture shows the ray of 1.1.
    assert project(camera, np.array([[-5.5, 0, 5.0]]), (400, 600))[0] == pytest.approx([200, 600])


@dataclass
class Signs:
    signs: tuple


def test_signs_count_when_they_face_the_camera_and_are_not_hidden():
    corners = np.array([[0.5, 0.3, 3], [0.5, -0.3, 3], [-0.5, -0.3, 3], [-0.5, 0.3, 3.0]])
    mask = np.full((400, 600), CLASSES.index("sign"), np.uint8)
    (found,) = visible_signs(Signs((("STOP", corners),)), CAMERA, mask)
    assert found["text"] == "STOP"
    assert found["box"] == pytest.approx([170, 250, 230, 350], abs=1)
    assert not visible_signs(Signs((("STOP", corners[::-1]),)), CAMERA, mask), "seen from behind"
    assert not visible_signs(Signs((("STOP", corners * [1, 1, 5]),)), CAMERA, mask), "too small"
    mask[:, 290:] = CLASSES.index("person")
    assert not visible_signs(Signs((("STOP", corners),)), CAMERA, mask), "hidden by a person"
