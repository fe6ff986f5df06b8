"""What is stored comes back within a bound, without a renderer, and half-written scenes are not seen."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from lle.data.mine.store import decode_radiance, encode_radiance, finished, load_scene, save_scene
from lle.errors import DataError

SIZE = (96, 144)


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    smooth = [cv2.resize(rng.random((6, 9, 3)).astype(np.float32), SIZE[::-1], interpolation=cv2.INTER_CUBIC).clip(0.02) for _ in range(2)]
    even, working = smooth[0] * 0.05, smooth[1] ** 4 * 0.01
    working[40:44, 60:64] = 0.05
    mask = rng.integers(0, 16, (SIZE[0] // 8, SIZE[1] // 8)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    depth = np.linspace(0.6, 40, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE)
    return {"even": even, "working": working, "mask": mask, "depth": depth}


def test_masks_are_exact_and_radiance_and_depth_are_within_bounds(tmp_path, scene):
    size = save_scene(tmp_path, "0003", **scene, meta={"kind": "arch"})
    assert 0 < size < 20_000
    read = load_scene(tmp_path, "0003")
    assert np.array_equal(read.mask, scene["mask"])
    assert read.mask.dtype == np.uint8
    assert read.meta["kind"] == "arch"
    for stored, made in ((read.even, scene["even"]), (read.working, scene["working"])):
        assert stored.dtype == np.float32
        assert stored.shape == (*SIZE, 3)
        code_error = np.log1p(30 * stored / made.mean()) - np.log1p(30 * np.minimum(made / made.mean(), 100))
        assert np.sqrt(np.mean(code_error**2)) < 0.12
        assert stored.mean() == pytest.approx(made.mean(), rel=0.05)
    assert np.median(np.abs(read.depth / scene["depth"] - 1)) < 0.03


def test_one_code_value_is_a_small_relative_step():
    """The curve itself, without WebP: the error of rounding is below 2 % for anything brighter than a tenth of the mean."""
    radiance = np.geomspace(0.1, 20, 300, dtype=np.float32)[None, :, None].repeat(3, 2)
    curve = {"scale": 1.0, "ceiling": 24.0, "curve": 30.0}
    code = np.rint(np.log1p(30 * radiance) / np.log1p(30 * 24.0) * 255).astype(np.uint8)
    assert np.abs(decode_radiance(code, curve) / radiance - 1).max() < 0.02


def test_highlights_are_clipped_at_the_ceiling():
    radiance = np.full((32, 32, 3), 0.01, np.float32)
    radiance[10:12, 10:12] = 1e4
    _, curve = encode_radiance(radiance, "working")
    assert curve["ceiling"] == 100.0
    assert decode_radiance(np.full((1, 1, 3), 255, np.uint8), curve).max() == pytest.approx(100 * radiance.mean(), rel=1e-3)


def test_equal_scenes_give_equal_bytes(tmp_path, scene):
    for name in ("a", "b"):
        save_scene(tmp_path / name, "0000", **scene, meta={})
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 5
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)


def test_a_scene_without_its_description_does_not_exist(tmp_path, scene):
    save_scene(tmp_path, "0001", **scene, meta={})
    save_scene(tmp_path, "0002", **scene, meta={})
    (tmp_path / "meta" / "0002.json").unlink()
    assert finished(tmp_path) == ["0001"]
    with pytest.raises(DataError, match=r"no finished scene '0002'.*0001"):
        load_scene(tmp_path, "0002")


@pytest.mark.parametrize("damage", ["missing", "damaged", "size"])
def test_a_damaged_scene_is_named(tmp_path, scene, damage):
    save_scene(tmp_path, "0001", **scene, meta={})
    path = tmp_path / "even" / "0001.webp"
    if damage == "missing":
        path.unlink()
    elif damage == "damaged":
        path.write_bytes(b"RIFF")
    else:
        path.write_bytes((tmp_path / "depth" / "0001.webp").read_bytes())
    with pytest.raises(DataError, match=r"even.0001.*render it again"):
        load_scene(tmp_path, "0001")


def test_reading_needs_no_renderer(tmp_path, scene):
    save_scene(tmp_path, "0001", **scene, meta={})
    code = (
        "import sys\n"
        "for name in ('mitsuba', 'drjit', 'pyoidn', 'torch'): sys.modules[name] = None\n"
        "from lle.data.mine import load_scene\n"
        f"scene = load_scene({str(tmp_path)!r}, '0001')\n"
        "assert scene.even.shape == (96, 144, 3)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
