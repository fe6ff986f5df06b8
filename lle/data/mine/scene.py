"""A roadway from a seed: meshes, textures, lamps and the camera. Needs numpy and scipy only.

Coordinates: x across (+x is on the camera's left), y up, z along the roadway, in metres.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from lle.data.mine import lighting, shell
from lle.data.mine.drill import build_drill_site
from lle.data.mine.lighting import Mode
from lle.data.mine.longwall import build_longwall
from lle.data.mine.materials import PARTS
from lle.data.mine.mesh import turn_y, turn_z
from lle.data.mine.objects import build_objects
from lle.data.mine.people import build_people
from lle.data.mine.section import Section, Shape
from lle.data.mine.services import build_services
from lle.data.mine.signs import Signs
from lle.data.mine.site import Bend, Kind, Motion, Site
from lle.data.mine.supports import build_supports
from lle.data.mine.transport import build_transport

# Ranges of width and height, m.
_SIZES: dict[Kind, tuple[tuple[float, float], tuple[float, float]]] = {
    "arch": ((4.4, 6.0), (3.4, 4.4)), "shotcrete": ((4.4, 6.0), (3.4, 4.4)), "bolted": ((4.4, 5.6), (2.8, 3.5)),
    "longwall": ((6.6, 7.4), (2.3, 3.1)), "drill": ((4.4, 5.6), (3.2, 4.0)), "timber": ((3.6, 4.6), (2.6, 3.1)),
}  # fmt: skip


@dataclass(frozen=True)
class Camera:
    """A camera near the roof.

    Attributes:
        place: m.
        forwards: unit vector of its axis.
        up: unit vector.
        field: horizontal field of view without distortion, degrees.
        barrel: a point at radius r from the centre (1 at the left and right edge) shows the ray of r (1 + barrel r^2).
    """

    place: np.ndarray
    forwards: np.ndarray
    up: np.ndarray
    field: float
    barrel: float


@dataclass(frozen=True)
class MeshPart:
    """Arrays of one mesh: N x 3 vertices (bent) and normals, N x 2 uv, N x 3 linear colours, M x 3 faces."""

    vertices: np.ndarray
    normals: np.ndarray
    uv: np.ndarray
    colours: np.ndarray
    faces: np.ndarray


@dataclass(frozen=True)
class Scene:
    """Everything that is rendered, as numpy arrays.

    Attributes:
        kind: roadway type.
        shape: of the cross-section.
        mode: which lamps work.
        parts: meshes by material.
        textures: albedo and height of "rock" and "floor".
        atlas: pictures of the signs, uint8 sRGB.
        signs: text and corners (4 x 3, upper left, lower left, lower right, upper right) of each.
        lamps: N x 16, see `lle.data.mine.trace`.
        glow: radiance of shining parts, (even, working).
        cameras: the first whose view is free is used.
        roughness: of rock (wet or dry) in [0, 1].
        haze: scattering of dust in the working state, 1/m.
        triangles: number of them.
    """

    kind: Kind
    shape: Shape
    mode: Mode
    parts: dict[str, MeshPart]
    textures: dict[str, tuple[np.ndarray, np.ndarray]]
    atlas: np.ndarray
    signs: tuple[tuple[str, np.ndarray], ...]
    lamps: np.ndarray
    glow: dict[str, tuple[np.ndarray, np.ndarray]]
    cameras: tuple[Camera, ...]
    roughness: float
    haze: float
    triangles: int


def make_scene(
    seed: int, number: int, kind: Kind, split: str, uneven: bool, mode: Mode | None = None, motion: Motion | None = None
) -> Scene:
    """Makes one roadway.

    Args:
        seed: of the set.
        number: of the scene in it; every draw follows from both.
        kind: roadway type.
        split: decides the texts of the signs.
        uneven: lit well but unevenly in the working state, instead of dark.
        mode: which lamps work; drawn where it is None.
        motion: where moving things are; None is the still scene.

    Returns:
        The scene; equal arguments give equal arrays.
    """
    rng = np.random.default_rng([seed, number])
    widths, heights = _SIZES[kind]
    width, height = rng.uniform(*widths), rng.uniform(*heights)
    shape: Shape = "arch"
    if kind in ("bolted", "longwall", "timber"):
        shape = "rectangle" if kind == "longwall" or (kind == "bolted" and rng.random() < 0.5) else "trapezoid"
    section = Section(shape, width, height, rng.uniform(1.3, 1.8))
    side = -1 if kind == "longwall" else int(rng.choice([-1, 1]))
    signs = Signs(split, np.random.default_rng([seed, number, 1]))
    site = Site(kind, (seed, number), section, rng.uniform(38, 60), side, signs, motion=motion or Motion())
    relief = shell.build_rock(site)
    shell.build_floor(site)
    if kind == "longwall":
        build_longwall(site)
    else:
        build_supports(site, relief)
        build_transport(site)
        build_services(site)
        if kind == "drill":
            build_drill_site(site)
        build_objects(site)
    mode = mode or lighting.choose_mode(site, uneven)
    curve, slope = rng.normal() * 0.0016 * (0.25 if kind == "longwall" else 1), rng.normal() * 0.012

    def bend(points: np.ndarray) -> np.ndarray:
        z = points[..., 2]
        return points + np.stack([curve * np.maximum(z, 0) ** 2, slope * z, 0 * z], -1)

    cameras = tuple(_camera(site, np.random.default_rng([seed, number, 2, k])) for k in range(6))
    lighting.build_lamps(site, mode, uneven, cameras[0].place)
    build_people(site)
    for corners, uv in signs.quads():
        site.parts["sign"].add(corners, [(0, 1, 2), (0, 2, 3)], uv=uv)
    return Scene(
        kind=kind,
        shape=shape,
        mode=mode,
        parts=_parts(site, bend),
        textures={"rock": shell.rock_texture(site), "floor": shell.floor_texture(site)},
        atlas=signs.atlas(),
        signs=tuple((text, bend(corners)) for text, corners in signs.labelled()),
        lamps=lighting.table(site.lamps, bend),
        glow=site.glow,
        cameras=tuple(dataclasses.replace(camera, place=bend(camera.place[None])[0]) for camera in cameras),
        roughness=0.75 - 0.38 * rng.random(),
        haze=float(rng.choice([0.002, 0.005, 0.010, 0.016])),
        triangles=sum(mesh.triangles for mesh in site.parts.values()),
    )


def _camera(site: Site, rng: np.random.Generator) -> Camera:
    across = rng.uniform(-1.3, -0.5) if site.kind == "longwall" else rng.uniform(-0.28, 0.28)
    x = across if site.kind == "longwall" else -site.side * abs(across) * 0.8 * site.width
    y = min(site.height - 0.45, rng.uniform(2.2, 3.1))
    yaw = float(np.clip(np.arctan2(-x * 0.8, 9.0) + rng.normal() * 0.06, -0.3, 0.3))
    pitch, roll = np.radians(rng.uniform(9, 19)), np.radians(rng.normal() * 1.2)
    forwards = turn_y(yaw) @ np.array([0, -np.sin(pitch), np.cos(pitch)])
    up = turn_z(roll) @ np.array([0, 1.0, 0])
    barrel = rng.uniform(0.0, 0.12)
    return Camera(np.array([x, y, -0.6 + site.motion.advance]), forwards, up, rng.uniform(66, 84), barrel)


def _parts(site: Site, bend: Bend) -> dict[str, MeshPart]:
    """The meshes with a film of dust on them: thin all over, thick on what faces up, patchy."""
    rng = site.draw("dust")
    colour = np.array([0.15, 0.143, 0.132]) * (0.35 if site.kind == "longwall" else rng.uniform(0.5, 1.5))
    amount = rng.uniform(0.3, 0.6) + 0.25 * (site.kind == "longwall")
    waves = rng.normal(size=(10, 3)) * np.repeat([1.5, 4, 9], [4, 3, 3])[:, None]
    phases = rng.uniform(0, 2 * np.pi, 10)
    parts = {}
    for name, mesh in site.parts.items():
        if not mesh.triangles:
            mesh.box([0, -60, -60], (0.1, 0.1, 0.1))
        vertices, normals, uv, colours, faces = mesh.arrays()
        material = PARTS[name]
        if material.dust:
            patches = np.sin(vertices @ waves.T + phases).mean(1) * 1.6
            film = amount * (0.45 + 0.5 * patches) + 0.75 * np.clip(normals[:, 1], 0, 1) ** 1.5 * (0.6 + 0.4 * patches)
            film = np.clip(film, 0, 0.92) * material.dust
            film = np.minimum(film, 0.95)[:, None]
            colours = colours * material.fade * (1 - film) + colour * film
        parts[name] = MeshPart(bend(vertices), normals, uv, colours, faces)
    return parts
