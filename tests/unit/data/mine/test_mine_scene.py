"""Scenes follow from their seed, and things are where and as they should be."""

from __future__ import annotations

import numpy as np
import pytest

from lle.data.mine.materials import CLASSES, COLOURS, PARTS
from lle.data.mine.mesh import Mesh
from lle.data.mine.scene import make_scene
from lle.data.mine.section import Section
from lle.data.mine.signs import Signs
from lle.data.mine.site import Motion


@pytest.fixture(scope="module")
def roadway():
    return make_scene(3, 0, "shotcrete", "train", uneven=True)


def arrays(scene):
    for name in sorted(scene.parts):
        part = scene.parts[name]
        yield from (part.vertices, part.normals, part.uv, part.colours, part.faces)
    for name in sorted(scene.textures):
        yield from scene.textures[name]
    yield from (scene.atlas, scene.lamps)


def test_the_same_seed_gives_the_same_bytes_and_another_number_does_not(roadway):
    again = make_scene(3, 0, "shotcrete", "train", uneven=True)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(arrays(roadway), arrays(again), strict=True))
    assert [text for text, _ in again.signs] == [text for text, _ in roadway.signs]
    assert (again.mode, again.haze) == (roadway.mode, roadway.haze)
    other = make_scene(3, 1, "shotcrete", "train", uneven=True)
    assert other.parts["rock"].vertices.shape != roadway.parts["rock"].vertices.shape or not np.array_equal(
        other.parts["rock"].vertices, roadway.parts["rock"].vertices
    )


@pytest.mark.parametrize("kind", ["arch", "bolted", "longwall", "drill", "timber"])
def test_every_roadway_type_is_built_of_finite_meshes_with_lamps_in_both_states(kind):
    scene = make_scene(1, 2, kind, "test", uneven=False)
    assert set(scene.parts) == set(PARTS)
    for part in scene.parts.values():
        assert np.isfinite(part.vertices).all()
        assert part.faces.max() < len(part.vertices)
        assert ((part.colours >= 0) & (part.colours <= 1)).all()
    assert scene.lamps.shape[1] == 16
    assert scene.lamps[:, 8:11].sum() > 0
    assert scene.lamps[:, 12:15].sum() > 0
    assert len(scene.cameras) == 6


def test_cameras_stand_inside_the_roadway_and_look_along_it(roadway):
    roof = roadway.parts["rock"].vertices[:, 1].max()
    for camera in roadway.cameras:
        assert 1.5 < camera.place[1] < roof
        assert abs(camera.place[0]) < 2.2
        assert camera.forwards[2] > 0.8
        assert np.linalg.norm(camera.forwards) == pytest.approx(1)


def test_motion_moves_what_it_names_and_nothing_else(roadway):
    motion = Motion(advance=1.5, walk=0.8, gait=1.0)
    moved = make_scene(3, 0, "shotcrete", "train", uneven=True, motion=motion)
    for name in ("rock", "floor", "pipe", "cable", "machine", "sign"):
        assert np.array_equal(moved.parts[name].vertices, roadway.parts[name].vertices)
    assert moved.cameras[0].place[2] == pytest.approx(roadway.cameras[0].place[2] + 1.5)
    before, after = roadway.parts["helmet"].vertices, moved.parts["helmet"].vertices
    assert before.shape == after.shape
    assert 0.1 < np.abs(after[:, 2] - before[:, 2]).max() < 0.9


def test_a_section_has_its_measures_and_normals_that_point_inwards():
    for shape in ("arch", "rectangle", "trapezoid"):
        section = Section(shape, 5.0, 3.6, 1.5)
        assert section.outline[:, 1].max() == pytest.approx(3.6, abs=0.05)
        for side in (-1, 1):
            place, normal = section.at(section.arc_at(1.2, side), 0.0)
            assert place[1] == pytest.approx(1.2, abs=0.02)
            assert np.sign(place[0]) == side
            assert np.sign(normal[0]) == -side


def test_faces_of_solids_point_outwards():
    for build in (
        lambda m: m.box((0, 0, 0), (1, 2, 3)),
        lambda m: m.ball((0, 0, 0), 1.0),
        lambda m: m.cylinder((0, 0, -1), (0, 0, 1), 0.5),
    ):
        mesh = Mesh()
        build(mesh)
        vertices, _, _, _, faces = mesh.arrays()
        a, b, c = (vertices[faces[:, k]] for k in range(3))
        volume = (a * np.cross(b, c)).sum() / 6
        assert volume > 0.5


def test_a_sign_can_be_read_by_who_looks_at_it():
    """Seen from in front (a camera that looks along +z, +x on its left), u grows to the right and v downwards."""
    signs = Signs("train", np.random.default_rng(0))
    signs.put([0, 2, 5], [0, 0, -1], 1.0)
    ((corners, uv),) = signs.quads()
    right_of_camera = -corners[:, 0]
    assert np.argsort(right_of_camera)[:2].tolist() in ([0, 1], [1, 0])
    assert uv[0, 0] == uv[1, 0] < uv[2, 0] == uv[3, 0]
    assert corners[0, 1] > corners[1, 1]
    assert uv[0, 1] < uv[1, 1]
    out = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    assert out[2] < 0


def test_classes_have_colours_and_enough_of_them_are_used():
    assert len(CLASSES) == len(COLOURS) == 16
    assert {material.label for material in PARTS.values()} == set(CLASSES)
