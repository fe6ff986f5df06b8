"""Rock, floor, puddles and loose stones, and the textures of rock and floor."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

from lle.data.mine.fields import facets, noise_map, sample
from lle.data.mine.site import FIRST_Z, Site

# Deviation of the fracture facets, m; depth of the rock behind the supports, m; roughness of the floor.
_FACETS = {"arch": 0.06, "shotcrete": 0.012, "bolted": 0.05, "longwall": 0.07, "drill": 0.03, "timber": 0.06}
_BEHIND = {"arch": 0.14, "shotcrete": 0.05, "bolted": 0.05, "longwall": 0.05, "drill": 0.05, "timber": 0.16}
_ROUGH = {"arch": 1.0, "shotcrete": 0.35, "bolted": 1.1, "longwall": 1.2, "drill": 1.6, "timber": 1.1}
_ROCK = {
    "arch": (0.10, 0.20),
    "shotcrete": (0.20, 0.34),
    "bolted": (0.06, 0.15),
    "longwall": (0.06, 0.10),
    "drill": (0.14, 0.30),
    "timber": (0.07, 0.14),
}
_STONE_DUST = {
    "arch": (0.1, 0.5),
    "shotcrete": (0.2, 0.3),
    "bolted": (0.2, 0.75),
    "longwall": (0.05, 0.06),
    "drill": (0.2, 0.5),
    "timber": (0.1, 0.4),
}
_FLOOR = {
    "arch": (0.08, 0.12),
    "shotcrete": (0.16, 0.26),
    "bolted": (0.07, 0.11),
    "longwall": (0.04, 0.06),
    "drill": (0.05, 0.09),
    "timber": (0.07, 0.11),
}
_SMOOTH = ("shotcrete", "drill")


def build_rock(site: Site) -> np.ndarray:
    """Adds walls, roof and the closed far end; returns the height map (256 x 256, period 23.1 m) that the wire mesh follows."""
    rng, section = site.draw("rock"), site.section
    rows = [FIRST_Z]
    while rows[-1] < site.length:
        rows.append(rows[-1] + float(np.clip(0.03 + 0.010 * max(0, rows[-1]), 0.04, 0.30)))
    site.rows = np.array(rows)
    arc, z = np.meshgrid(np.linspace(0, section.length, int(section.length / 0.045)), site.rows)
    coarse, middle, fine = noise_map(256, 2.6, rng), noise_map(256, 2.0, rng), noise_map(512, 1.7, rng)
    relief = (
        0.10 * sample(coarse, arc / 23.1, z / 23.1) + 0.035 * sample(middle, arc / 7.3, z / 7.3) + 0.007 * sample(fine, arc / 3.1, z / 3.1)
    )
    spread, ends = _FACETS[site.kind], (0.0, section.length)
    relief += spread * facets(arc, z, rng.uniform(0.45, 0.8), rng, ends, (FIRST_Z, site.length))
    relief += spread * 0.45 * facets(arc, z, 0.22, rng, ends, (FIRST_Z, min(site.length, 24.0)))
    if site.kind in _SMOOTH:
        relief += 0.05 * np.maximum(0, sample(noise_map(256, 3, rng, (0.25, 1)), arc / 9, z / 9))
    inset = np.minimum(relief - _BEHIND[site.kind], 0.12 if site.kind == "longwall" else 0.04)
    place, _ = section.at(arc, inset)
    points = np.stack([place[..., 0], place[..., 1], z], -1)
    uv = np.stack([arc / section.length, z / 10.0], -1)
    site.parts["rock"].grid(points[:, ::-1], uv=uv[:, ::-1], smooth=site.kind in _SMOOTH)
    w, h, end = site.width, site.height, site.length - 0.3
    cap = np.array([[-w, -1, end], [w, -1, end], [w, h + 2, end], [-w, h + 2, end]])
    site.parts["rock"].add(cap, [[0, 2, 1], [0, 3, 2]], uv=cap[:, :2] / 12)
    start = cap - [0, 0, end - FIRST_Z]
    site.parts["rock"].add(start, [[0, 1, 2], [0, 2, 3]], uv=cap[:, :2] / 12)
    return coarse


def build_floor(site: Site) -> None:
    """Adds the floor with muck along the walls and wheel tracks, puddles and loose stones."""
    rng, w = site.draw("floor"), site.width
    columns = np.linspace(-w / 2 - 0.2, w / 2 + 0.2, int(w / 0.045))
    x, z = np.meshgrid(columns, site.rows)
    coarse, fine = noise_map(256, 2.4, rng), noise_map(512, 1.6, rng)
    rough = _ROUGH[site.kind]
    y = rough * (0.035 * sample(coarse, x / 11, z / 11) + 0.016 * sample(fine, x / 2.6, z / 2.6))
    if site.kind != "shotcrete":
        y += 0.10 * np.exp(-(((np.abs(x) - w / 2) / 0.35) ** 2)) * (1 + 0.7 * sample(coarse, x / 3, z / 5))
    else:
        y -= sum(0.03 * np.exp(-(((x - c) / 0.22) ** 2)) for c in (-0.8, 0.8))
    site.set_floor(columns, y)
    site.parts["floor"].grid(np.stack([x, y, z], -1), uv=np.stack([(x + w / 2) / 8.0, z / 8.0], -1))
    if rng.random() < 0.75:
        level = np.quantile(y[site.rows < 25], rng.uniform(0.04, 0.30))
        flat = np.stack(np.meshgrid([-w / 2, w / 2], site.rows[::6]), -1)[..., [0, 0, 1]] * [1, 0, 1] + [0, level, 0]
        site.parts["water"].grid(flat)
    for _ in range(int(rng.uniform(120, 420) * rough)):
        z0 = rng.uniform(0.5, 22)
        at_wall = rng.random() < 0.65
        x0 = rng.choice([-1, 1]) * (w / 2 - abs(rng.normal()) * 0.5) if at_wall else rng.uniform(-w / 2, w / 2)
        _stone(site, rng, x0, z0, float(np.exp(rng.normal(-3.1, 0.55))))


def _stone(site: Site, rng: np.random.Generator, x: float, z: float, radius: float) -> None:
    corners = rng.normal(size=(9, 3))
    corners /= np.linalg.norm(corners, axis=1, keepdims=True)
    faces = ConvexHull(corners).simplices.copy()
    normals = np.cross(corners[faces[:, 1]] - corners[faces[:, 0]], corners[faces[:, 2]] - corners[faces[:, 0]])
    inwards = (normals * corners[faces].mean(1)).sum(1) < 0
    faces[inwards] = faces[inwards][:, ::-1]
    colour = np.clip(rng.uniform(0.03, 0.16) * np.array([1, 0.97, 0.93]), 0.01, 1)
    site.parts["stone"].add(corners * radius * rng.uniform(0.6, 1.2, 3) + [x, site.floor(x, z) + radius * 0.3, z], faces, colour)


def rock_texture(site: Site) -> tuple[np.ndarray, np.ndarray]:
    """Albedo (1024 x 1024 x 3) and height (1024 x 1024) of the rock, float32; columns go round the section, rows along 10 m."""
    rng = site.draw("rock texture")
    base = rng.uniform(*_ROCK[site.kind])
    smooth = site.kind in _SMOOTH
    layers = 0.0 if smooth else 0.30
    albedo, height = _texture(
        1024, base, 0.28 if smooth else 0.45, rng, layers, rng.uniform(*_STONE_DUST[site.kind]), not smooth, (1.0, 0.965, 0.92)
    )
    arc = np.arange(1024) / 1024 * site.section.length
    foot = np.minimum(arc, site.section.length - arc)
    albedo *= (1 - 0.45 * np.exp(-((foot / 0.9) ** 2)))[None, :, None]  # dirt and damp at the foot of the walls
    return albedo, height


def floor_texture(site: Site) -> tuple[np.ndarray, np.ndarray]:
    """Albedo (1024 x 1024 x 3) and height (1024 x 1024) of the floor, float32; 8 m x 8 m."""
    rng = site.draw("floor texture")
    trodden = site.kind == "shotcrete"  # a levelled, dusty road
    tint = (1.0, 0.92, 0.80) if trodden else (1.0, 0.96, 0.90)
    return _texture(1024, rng.uniform(*_FLOOR[site.kind]), 0.30 if trodden else 0.45, rng, 0.0, 0.15, False, tint)


BUMPS: dict[str, tuple[float, float]] = {"shotcrete": (0.15, 0.08), "drill": (0.20, 0.20)}
"""Scale of the height maps of rock and floor as bumps, where it is not (0.25, 0.20)."""


def _texture(
    n: int,
    base: float,
    contrast: float,
    rng: np.random.Generator,
    layers: float,
    dust: float,
    grains: bool,
    tint: tuple[float, float, float],
) -> tuple[np.ndarray, np.ndarray]:
    a, b, f = noise_map(n, 1.6, rng), noise_map(n, 2.6, rng), noise_map(n, 0.7, rng)
    strata = noise_map(n, 2.2, rng, (8.0, 1.0)) if layers else np.zeros((n, n))
    grey = base * np.exp(np.clip(contrast * (0.55 * a + 0.55 * b + 0.25 * f) + layers * strata, -1.4, 1.2))
    cover = dust / (1 + np.exp(-4 * (noise_map(n, 2.4, rng) + 0.4 * a - 0.6)))  # patches of stone dust
    grey = grey * (1 - cover) + 0.34 * cover
    if grains:
        grey = np.where(noise_map(n, 0.9, rng) > 2.4, grey * 2.2, grey)
    hue = 1 + 0.05 * noise_map(n, 2.4, rng)[..., None] * np.array([1.0, 0.1, -1.0])
    rust = np.clip(noise_map(n, 2.2, rng, (1.0, 0.25)) - 1.1, 0, 1.0)[..., None] * 0.8
    colour = grey[..., None] * hue * np.array(tint)
    colour = colour * (1 - rust) + rust * grey[..., None] * np.array([1.25, 0.85, 0.55])
    height = 0.5 * a + 0.35 * f + 0.25 * b + 0.3 * strata
    return np.clip(colour, 0.008, 0.85).astype(np.float32), height.astype(np.float32)
