"""From a scene to radiance: the mitsuba scene, the choice of camera, tracing and denoising. The only user of mitsuba beside `trace`."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lle.data.mine.materials import CLASSES, PARTS
from lle.data.mine.scene import Camera, MeshPart, Scene
from lle.data.mine.shell import BUMPS
from lle.errors import LleError

EVEN_HAZE = 0.35
"""Dust in the even state, relative to the working one."""
_ADVICE = (
    "Install the extra `render` (pip install 'lle-suite[render]') and a system LLVM of version 16 or later, 19 is known to work "
    "(Debian: apt-get install libllvm19; or unpack that package and set DRJIT_LIBLLVM_PATH to its libLLVM.so.19.1)."
)


@dataclass(frozen=True)
class Rendering:
    """What one scene looks like, free of sensor noise.

    Attributes:
        even: radiance under even light, H x W x 3 float32, linear rgb.
        working: radiance under the working lamps, same unit.
        mask: H x W uint8, see `lle.data.mine.materials.CLASSES`.
        depth: H x W float32, m along the camera's axis.
        camera: which of the scene's cameras was used.
    """

    even: np.ndarray
    working: np.ndarray
    mask: np.ndarray
    depth: np.ndarray
    camera: int


def load_renderer() -> Any:
    """Imports mitsuba with its LLVM backend and returns it.

    Raises:
        LleError: mitsuba, the denoiser or a usable LLVM is missing; the message says what to install.
    """
    try:
        mitsuba = importlib.import_module("mitsuba")
        importlib.import_module("pyoidn")
    except ImportError as error:
        raise LleError(f"the renderer needs {error.name}, which is not installed. {_ADVICE}") from error
    library = os.environ.get("DRJIT_LIBLLVM_PATH")
    if library and not Path(library).exists():
        raise LleError(f"DRJIT_LIBLLVM_PATH names {library}, which does not exist. {_ADVICE}")
    try:
        mitsuba.set_variant("llvm_ad_rgb")
        version = importlib.import_module("drjit").detail.llvm_version()
    except (ImportError, RuntimeError) as error:
        raise LleError(f"mitsuba cannot start its LLVM backend: {error}. {_ADVICE}") from error
    if version[0] < 16:
        raise LleError(f"LLVM {version[0]} was found, and versions below 16 abort on this renderer's code. {_ADVICE}")
    return mitsuba


def render_scene(scene: Scene, size: tuple[int, int], spp: int, seed: int, camera_number: int | None = None) -> Rendering:
    """Renders both light states, mask and depth.

    Args:
        scene: see `lle.data.mine.scene.make_scene`.
        size: height and width in pixels.
        spp: camera rays a pixel, shared by both states; a multiple of 4.
        seed: of the tracer's noise.
        camera_number: which of the scene's cameras; the first with a free view where it is None.

    Raises:
        LleError: the renderer is not installed.
    """
    mi = load_renderer()
    from lle.data.mine.trace import trace

    shapes = {name: _mesh(mi, scene, name, part) for name, part in scene.parts.items()}
    number = _free_camera(mi, shapes, scene.cameras) if camera_number is None else camera_number
    camera = scene.cameras[number]
    world = mi.load_dict({"type": "scene", **shapes, "sensor": _sensor(mi, camera, size)})
    tables = _tables(mi, world, scene)
    out = trace(world, size, scene.lamps, tables, scene.haze, camera.barrel, spp, seed)
    even = denoise(out["even"], out["albedo"], out["normal"])
    working = denoise(out["working"], out["albedo"], out["normal"]) + denoise(out["air"])
    through = np.exp(-EVEN_HAZE * scene.haze * out["distance"])[..., None]
    even = even * through + 0.7 * float(np.median(even)) * (1 - through)
    depth = out["distance"] * _cosine(camera, size)
    return Rendering(np.maximum(even, 0), np.maximum(working, 0), out["mask"], depth.astype(np.float32), number)


def denoise(noisy: np.ndarray, albedo: np.ndarray | None = None, normal: np.ndarray | None = None) -> np.ndarray:
    """Intel Open Image Denoise (2.5, filter RT, HDR) on H x W x 3 float32, with the first hit's albedo and normal as guides."""
    pyoidn = importlib.import_module("pyoidn")
    guides = {}
    if albedo is not None and normal is not None:
        guides = {"albedo": np.ascontiguousarray(np.clip(albedo, 0, 1)), "normal": np.ascontiguousarray(normal)}
    return np.asarray(pyoidn.denoise(np.ascontiguousarray(np.nan_to_num(noisy)), hdr=True, **guides), np.float32)


def _mesh(mi: Any, scene: Scene, name: str, part: MeshPart) -> Any:
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict({"type": "twosided", "bsdf": _material(mi, scene, name)})
    shape = mi.Mesh(name, len(part.vertices), len(part.faces), has_vertex_normals=True, has_vertex_texcoords=True, props=properties)
    shape.add_attribute("vertex_color", 3, np.ascontiguousarray(part.colours, np.float32).ravel())
    buffers = mi.traverse(shape)
    buffers["vertex_positions"] = np.ascontiguousarray(part.vertices, np.float32).ravel()
    buffers["vertex_normals"] = np.ascontiguousarray(part.normals, np.float32).ravel()
    buffers["vertex_texcoords"] = np.ascontiguousarray(part.uv, np.float32).ravel()
    buffers["faces"] = np.ascontiguousarray(part.faces, np.uint32).ravel()
    buffers.update()
    return shape


def _material(mi: Any, scene: Scene, name: str) -> dict[str, Any]:
    material = PARTS[name]
    plain: dict[str, Any] = {
        "type": "principled", "roughness": material.roughness, "metallic": material.metallic, "specular": material.specular,
    }  # fmt: skip

    def bitmap(values: np.ndarray, raw: bool) -> dict[str, Any]:
        return {"type": "bitmap", "bitmap": mi.Bitmap(np.ascontiguousarray(values)), "raw": raw, "filter_type": "bilinear"}

    if name in scene.textures:
        albedo, height = scene.textures[name]
        rough = scene.roughness - (0.1 if name == "floor" else 0.0)
        inner = {**plain, "base_color": bitmap(albedo, True), "roughness": rough}
        return {
            "type": "bumpmap",
            "arbitrary": bitmap(height[..., None], True),
            "scale": BUMPS.get(scene.kind, (0.25, 0.20))[name == "floor"],
            "bsdf": inner,
        }
    if name == "sign":
        return {**plain, "base_color": bitmap(scene.atlas, False)}
    if name == "water":
        return {**plain, "base_color": {"type": "rgb", "value": [0.03, 0.028, 0.025]}}
    return {**plain, "base_color": {"type": "mesh_attribute", "name": "vertex_color"}}


def _sensor(mi: Any, camera: Camera, size: tuple[int, int]) -> dict[str, Any]:
    transform = mi.ScalarTransform4f().look_at(
        origin=camera.place.tolist(), target=(camera.place + camera.forwards).tolist(), up=camera.up.tolist()
    )
    film = {"type": "hdrfilm", "height": size[0], "width": size[1], "rfilter": {"type": "box"}}
    return {
        "type": "perspective",
        "fov": float(camera.field),
        "fov_axis": "x",
        "near_clip": 0.02,
        "far_clip": 200.0,
        "to_world": transform,
        "film": film,
    }


def _free_camera(mi: Any, shapes: dict[str, Any], cameras: tuple[Camera, ...]) -> int:
    """The first camera that sees few things nearer than 0.8 m and some farther than 5 m; failing that, the freest one."""
    import drjit as dr

    size, nearness = (24, 36), []
    world = mi.load_dict({"type": "scene", **shapes})
    for number, camera in enumerate(cameras):
        sensor = mi.load_dict(_sensor(mi, camera, size))
        index = dr.arange(mi.UInt32, size[0] * size[1])
        at = mi.Point2f((mi.Float(index % size[1]) + 0.5) / size[1], (mi.Float(index // size[1]) + 0.5) / size[0])
        ray, _ = sensor.sample_ray(0.0, 0.5, at, mi.Point2f(0.5, 0.5))
        distance = np.array(world.ray_intersect_preliminary(ray).t)
        near, far = float(np.mean(distance < 0.8)), float(np.mean(distance > 5.0))
        if near < 0.06 and far > 0.08:
            return number
        nearness.append(near - far)
    return int(np.argmin(nearness))


def _tables(mi: Any, world: Any, scene: Scene) -> Any:
    import drjit as dr

    from lle.data.mine.trace import Tables

    numbers = np.array(dr.reinterpret_array(mi.UInt32, world.shapes_dr()))
    label, retro = np.zeros(numbers.max() + 1, np.uint32), np.zeros(numbers.max() + 1, np.float32)
    even, working = np.zeros((len(label), 3), np.float32), np.zeros((len(label), 3), np.float32)
    for shape, number in zip(world.shapes(), numbers, strict=True):
        name = shape.id()
        label[number], retro[number] = CLASSES.index(PARTS[name].label), PARTS[name].retro
        if name in scene.glow:
            even[number], working[number] = scene.glow[name]
    return Tables(mi.UInt32(label), mi.Float(retro), mi.Float(even.ravel()), mi.Float(working.ravel()))


def _cosine(camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """Cosine of the angle between each pixel's ray and the camera's axis, H x W."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    x, y = 2 * x / size[1] - 1, (2 * y - size[0]) / size[1]
    stretch = (1 + camera.barrel * (x**2 + y**2)) * np.tan(np.radians(camera.field / 2))
    return 1 / np.sqrt(1 + (x * stretch) ** 2 + (y * stretch) ** 2)
