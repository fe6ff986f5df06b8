"""What runs along the walls: pipes, cables, ventilation duct, gutter and reflector studs."""

from __future__ import annotations

import numpy as np

from lle.data.mine.fields import noise_map, sample
from lle.data.mine.materials import PAINT, paint, vary
from lle.data.mine.mesh import turn_x, turn_z
from lle.data.mine.site import FIRST_Z, Site


def build_services(site: Site) -> None:
    """Adds pipes, cables and a duct; in concreted roadways also a covered gutter and orange studs."""
    rng = site.draw("services")
    pipe_side = -site.side if site.belt_x is not None else int(rng.choice([-1, 1]))
    _pipes(site, rng, pipe_side)
    _cables(site, rng, site.side if site.belt_x is not None else -pipe_side)
    if rng.random() < (0.35 if site.kind == "drill" else 0.6):
        _duct(site, rng)
    if site.kind == "shotcrete":
        if rng.random() < 0.8:
            _gutter(site, rng, pipe_side)
        _studs(site)


def _wall_line(
    site: Site, y: float, side: int, inset: float, sag: float = 0.0, pitch: float = 3.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z = site.along()
    place, normal = site.section.at(site.section.arc_at(y, side), inset)
    phase = (z % pitch) / pitch
    return np.stack([np.full(len(z), place[0]), place[1] - sag * 4 * phase * (1 - phase), z], -1), place, normal


def _pipes(site: Site, rng: np.random.Generator, side: int) -> None:
    y, colours = rng.uniform(0.9, 1.3), rng.permutation(["red", "blue", "yellow", "green", "grey", "rust"])
    for i in range(int(rng.integers(1, 4))):
        r = float(rng.choice([0.05, 0.075, 0.11]))
        path, place, normal = _wall_line(site, y, side, 0.10 + r)
        colour = vary(rng, PAINT[str(colours[i])], 0.12)
        path[:, 1] += 0.012 * np.sin(path[:, 2] * 1.05 + i)
        site.parts["pipe"].tube(path[::2], r, colour, 14)
        for z in np.arange(FIRST_Z + rng.uniform(0, 3), site.length, float(rng.choice([4.0, 6.0]))):
            for e in (-0.02, 0.02):  # flanges
                site.parts["pipe"].cylinder([*place, z + e - 0.012], [*place, z + e + 0.012], r * 1.55, vary(rng, colour, 0.2), 14)
        for z in np.arange(FIRST_Z + 1, site.length, 3.0):
            bracket = [place[0] - normal[0] * 0.02, place[1] - r - 0.02, z]
            site.parts["steel"].box(bracket, (r * 2 + 0.22, 0.04, 0.05), paint(rng, "rust", spread=0.2))
        y += r * 2 + rng.uniform(0.12, 0.3)


def _cables(site: Site, rng: np.random.Generator, side: int) -> None:
    count, y, pitch = int(rng.integers(3, 9)), rng.uniform(1.5, 1.9), float(rng.choice([1.5, 2.0, 3.0]))
    for i in range(count):
        r = float(rng.choice([0.012, 0.018, 0.026]))
        path, _, _ = _wall_line(site, y + 0.065 * i, side, 0.07 + r, rng.uniform(0.02, 0.09), pitch)
        site.parts["cable"].tube(path, r, paint(rng, "black", "black", "black", "blue", "yellow", "red"), 7)
    place, _ = site.section.at(site.section.arc_at(y + 0.03 * count, side), 0.05)
    for z in np.arange(FIRST_Z, site.length, pitch):
        site.parts["steel"].box([*place, z], (0.025, 0.075 * count + 0.1, 0.04), paint(rng, "rust", spread=0.2))


def _duct(site: Site, rng: np.random.Generator) -> None:
    """A flexible ventilation duct in the upper corner, held by rings every 1.5 m and creased between them."""
    section, r, wobble = site.section, rng.uniform(0.28, 0.40), noise_map(256, 2.2, rng)
    arched = section.shape == "arch"
    arc = section.arc_at(site.height * (0.80 if arched else 0.985), site.side) - (0 if arched else site.side * 0.55)
    place, _ = section.at(arc, r + 0.10)
    z = np.arange(FIRST_Z, min(site.length, rng.uniform(18, 60)), 0.06)
    ring = ((z + 0.75) % 1.5) - 0.75
    crease = 0.022 * sample(wobble, z / 2.1, z * 0 + 0.7) * (1 - np.exp(-((ring / 0.12) ** 2)))
    radius = r * (1 - 0.06 * np.exp(-((ring / 0.07) ** 2)) + 0.012 * sample(wobble, z / 9, z * 0 + 0.2) + crease)
    sag = 0.02 * (1 - np.cos(z / 1.5 * 2 * np.pi))
    path = np.stack([place[0] + 0.03 * sample(wobble, z / 30, z * 0), place[1] - sag, z], -1)
    colour = paint(rng, "yellow", "orange", "black", "blue", "green")
    shade = colour * (1 + 0.12 * sample(wobble, z / 3.3, z * 0 + 0.5))[:, None]
    site.parts["duct"].tube(path, np.stack([radius, radius * 1.04], -1), np.clip(shade, 0.01, 0.8), 24)


def _gutter(site: Site, rng: np.random.Generator, side: int) -> None:
    x, z = side * (site.width / 2 - 0.42), FIRST_Z
    while z < site.length:
        turn = turn_z(rng.normal() * 0.02) @ turn_x(rng.normal() * 0.012)
        site.parts["slab"].box([x, 0.045 + rng.normal() * 0.006, z + 0.4], (0.62, 0.07, 0.79), vary(rng, (0.30, 0.29, 0.275), 0.07), turn)
        z += 0.8


def _studs(site: Site) -> None:
    """Orange reflectors along both walls."""
    for z in np.arange(1.5, site.length, 3.0):
        for side in (-1, 1):
            p, n = site.section.at(site.section.arc_at(0.95, side), 0.06)
            site.parts["reflector"].box([*p, z], (0.02, 0.11, 0.10), (0.75, 0.36, 0.02), turn_z(np.arctan2(n[1], n[0])))
