"""The renderer's light has known answers: inverse-square law, integrating sphere, shadows, spots, dust. Needs the extra `render`."""

from __future__ import annotations

import numpy as np
import pytest

from lle.data.mine.materials import CLASSES
from lle.data.mine.plan import plan
from lle.data.mine.render import load_renderer, render_scene
from lle.data.mine.scene import make_scene
from lle.errors import LleError

try:
    mi = load_renderer()
except LleError as error:
    pytest.skip(str(error), allow_module_level=True)

from lle.data.mine.trace import Tables, trace

SIZE = (24, 36)
FAR = (0.0, 500.0, 0.0)


def world(ball=FAR, radius=1.0, ball_albedo=0.5, floor_albedo=0.5, eye=(0, 3, 0), target=(0, 0, 0), up=(0, 0, 1), field=4.0):
    """A floor at y = 0 and a ball, both diffuse, and a camera; class 0 is the floor, class 1 the ball."""
    import drjit as dr

    def diffuse(albedo):
        return {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": {"type": "rgb", "value": [albedo] * 3}}}

    transform = mi.ScalarTransform4f
    scene = mi.load_dict(
        {
            "type": "scene",
            "floor": {"type": "rectangle", "to_world": transform().rotate([1, 0, 0], -90).scale(100), "bsdf": diffuse(floor_albedo)},
            "ball": {"type": "sphere", "center": list(ball), "radius": radius, "bsdf": diffuse(ball_albedo)},
            "sensor": {
                "type": "perspective",
                "fov": field,
                "to_world": transform().look_at(origin=list(eye), target=list(target), up=list(up)),
                "film": {"type": "hdrfilm", "height": SIZE[0], "width": SIZE[1], "rfilter": {"type": "box"}},
            },
        }
    )
    numbers = np.array(dr.reinterpret_array(mi.UInt32, scene.shapes_dr()))
    label = np.zeros(numbers.max() + 1, np.uint32)
    for shape, number in zip(scene.shapes(), numbers, strict=True):
        label[number] = shape.id() == "ball"
    nothing = np.zeros(3 * len(label), np.float32)
    return scene, Tables(mi.UInt32(label), mi.Float(nothing[: len(label)]), mi.Float(nothing), mi.Float(nothing))


def lamp(place, even=1.0, working=0.0, radius=0.0, axis=(0, -1, 0), cut=180.0, beam=180.0):
    cosines = (-2.0, -1.5) if cut >= 180 else (np.cos(np.radians(cut)), np.cos(np.radians(beam)))
    return [*place, radius, *axis, cosines[0], even, even, even, cosines[1], working, working, working, 0.0]


def render(scene, lamps, spp=8, haze=0.0, barrel=0.0, seed=1, bounce=False):
    return trace(scene[0], SIZE, np.array(lamps, np.float32), scene[1], haze, barrel, spp, seed, bounce)


@pytest.mark.parametrize("height", [1.0, 2.0, 4.0])
def test_light_follows_the_inverse_square_law_in_both_states(height):
    out = render(world(), [lamp((0, height, 0), even=3.0, working=6.0)])
    centre = out["even"][SIZE[0] // 2 - 1 : SIZE[0] // 2 + 1, SIZE[1] // 2 - 1 : SIZE[1] // 2 + 1].mean()
    assert centre == pytest.approx(3.0 / height**2 * 0.5 / np.pi, rel=2e-3)
    assert np.allclose(out["working"], 2 * out["even"], rtol=1e-4)
    assert np.allclose(out["albedo"], 0.5, atol=1e-4)


def test_lambert_and_distance_together_away_from_the_nadir():
    """At horizontal distance x from a lamp at height h: I rho / pi * h / (h^2 + x^2)^(3/2)."""
    out = render(world(eye=(2, 3, 0), target=(2, 0, 0)), [lamp((0, 1.5, 0))])
    centre = out["even"][SIZE[0] // 2, SIZE[1] // 2 - 1 : SIZE[1] // 2 + 1].mean()
    assert centre == pytest.approx(0.5 / np.pi * 1.5 / (1.5**2 + 2.0**2) ** 1.5, rel=0.01)


@pytest.mark.parametrize("albedo", [0.3, 0.6, 1.0])
def test_integrating_sphere(albedo):
    """Inside a sphere (white: a furnace) with a lamp of intensity I in its centre every bounce multiplies the radiance by the albedo."""
    inside = world(ball=(0, 50, 0), radius=2.0, ball_albedo=albedo, eye=(0, 50, 0), target=(0, 50, 1), up=(0, 1, 0), field=60)
    lamps = [lamp((0, 50, 0), even=5.0, working=1.0)]
    direct = albedo / np.pi * 5.0 / 2.0**2
    once, twice = render(inside, lamps), render(inside, lamps, bounce=True)
    assert np.allclose(once["even"], direct, rtol=5e-3)
    assert np.allclose(twice["even"], direct * (1 + albedo), rtol=5e-3)
    assert np.allclose(twice["working"], direct * (1 + albedo) / 5, rtol=5e-3)


def test_the_choice_among_lamps_is_unbiased():
    lamps = [lamp((0.5, 2, 0), 1.0, 0.5), lamp((-1, 1, 0.5), 0.3, 2.0), lamp((0, 4, -1), 5.0), lamp((3, 0.5, 0), 0.2, 0.2)]
    scene = world(field=30)
    singly = [render(scene, [one]) for one in lamps]
    together = render(scene, lamps, spp=256)
    for state in ("even", "working"):
        assert together[state].mean() == pytest.approx(sum(one[state] for one in singly).mean(), rel=0.01)


def test_a_ball_in_the_way_casts_a_shadow():
    between = world(ball=(0, 1, 0), radius=0.2, eye=(1.5, 3, 0), target=(0, 0, 0), field=2)
    assert render(between, [lamp((0, 2, 0))])["even"].max() == 0
    assert render(world(eye=(1.5, 3, 0), target=(0, 0, 0), field=2), [lamp((0, 2, 0))])["even"].min() > 0


def test_a_spot_shines_inside_its_cone_only():
    def centre(x, **cone):
        out = render(world(eye=(x, 3, 0), target=(x, 0, 0)), [lamp((0, 2, 0), **cone)])
        return out["even"].mean()

    assert centre(0.0, cut=30, beam=10) == pytest.approx(centre(0.0), rel=1e-3)
    assert 0 < centre(0.7, cut=30, beam=10) < centre(0.7)
    assert centre(2.0, cut=30, beam=10) == 0


def test_dust_scatters_as_the_integral_says():
    """Single scattering: L = int beta / (4 pi) I exp(-beta (t + d)) / d^2 dt along the ray, and the floor is dimmed by exp(-beta t)."""
    beta = 0.05
    scene = world(eye=(0, 6, 0), target=(0, 0, 0))
    clear, hazy = (render(scene, [lamp((1.0, 2.0, 0), 0.0, 4.0)], spp=512, haze=h) for h in (0.0, beta))
    t = np.linspace(0, 6, 20001)
    d = np.hypot(1.0, 4.0 - t)
    assert hazy["air"].mean() == pytest.approx(np.trapezoid(beta / (4 * np.pi) * 4.0 * np.exp(-beta * (t + d)) / d**2, t), rel=0.03)
    assert hazy["working"].mean() == pytest.approx(clear["working"].mean() * np.exp(-beta * 6), rel=0.01)
    assert clear["air"].max() == 0


def test_the_same_seed_gives_the_same_bytes():
    scene = world(field=40)
    lamps = [lamp((0.5, 2, 0), 1.0, 0.5, radius=0.1), lamp((-1, 1, 0.5), 0.3, 2.0)]
    one, again, other = (render(scene, lamps, seed=seed, bounce=True) for seed in (4, 4, 5))
    assert all(one[key].tobytes() == again[key].tobytes() for key in one)
    assert one["even"].tobytes() != other["even"].tobytes()


def test_mask_albedo_and_distance_agree_on_where_the_ball_is():
    scene = world(ball=(0, 0.5, 0), radius=0.5, ball_albedo=0.9, floor_albedo=0.1, eye=(0, 4, 0), field=40)
    for barrel in (0.0, 0.1):
        out = render(scene, [lamp((0, 4, 1))], spp=16, barrel=barrel)
        inner = out["mask"] == 1
        assert 0.03 < inner.mean() < 0.5
        assert np.mean(inner == (out["albedo"][..., 0] > 0.5)) > 0.99
        assert out["distance"][SIZE[0] // 2, SIZE[1] // 2] == pytest.approx(3.0, abs=0.01)
        assert out["distance"][~inner].min() > 3.5
        assert np.mean(inner == (out["even"][..., 0] > 0.45 * out["even"].max())) > 0.9


def test_samples_come_in_fours():
    with pytest.raises(ValueError, match="multiple of 4"):
        render(world(), [lamp((0, 1, 0))], spp=6)


def test_a_whole_scene_has_masks_on_the_edges_of_the_picture():
    planned = plan(4)[3]
    scene = make_scene(13, planned.number, planned.kind, planned.split, planned.uneven)
    picture = render_scene(scene, (96, 144), 8, 1)
    assert picture.even.mean() > 0
    assert picture.working.mean() > 0
    assert np.isfinite(picture.even).all()
    assert np.isfinite(picture.working).all()
    present = {CLASSES[k] for k in np.unique(picture.mask)}
    assert {"rock", "floor", "belt", "coal", "pipe", "cable", "steel"} <= present
    log = np.log(picture.even.mean(-1) + 1e-4)
    across = np.abs(np.diff(log, axis=1))
    border = picture.mask[:, 1:] != picture.mask[:, :-1]
    assert across[border].mean() > 2 * across[~border].mean()
    assert 0.5 < np.median(picture.depth) < 40
