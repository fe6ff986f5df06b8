"""Things that stand along the walls, and boards that hang on walls and roof."""

# ruff: noqa: RUF005 (an array plus a list is a sum here)
from __future__ import annotations

import numpy as np

from lle.data.mine.materials import PAINT, paint, vary
from lle.data.mine.mesh import turn_y
from lle.data.mine.site import Site


def build_objects(site: Site) -> None:
    """Adds switchgear, crates, barrels, timber, chests, extinguishers, bags and coils along the free walls, and signs."""
    rng = site.draw("objects")
    free = [side for side in (-1, 1) if not (site.belt_x is not None and side == site.side)]
    makers = (_switchgear, _crates, _barrels, _timber, _chest, _extinguishers, _bags, _coil)
    z = rng.uniform(3, 5)
    while z < 26:
        side = int(rng.choice(free))
        choice = int(rng.integers(len(makers) + 2))
        x = side * (site.width / 2 - 0.32)
        ground = max(site.floor(x - side * 0.3, z), 0.0)
        if choice < len(makers):
            z += makers[choice](site, rng, side, x, ground, z)
        z += rng.uniform(1.4, 3.6)
    _wall_signs(site, site.draw("signs"))


def _switchgear(site: Site, rng: np.random.Generator, side: int, x: float, ground: float, z: float) -> float:
    """Flameproof boxes on skids with cables to the wall."""
    machine, count = site.parts["machine"], int(rng.integers(1, 4))
    colour = paint(rng, "red", "grey", "blue", "yellow", "orange")
    for i in range(count):
        b = np.array([x - side * 0.25, ground + 0.62, z + i * 0.95])
        machine.box(b, (0.55, 0.75, 0.80), vary(rng, colour, 0.05))
        machine.box(b - [0, 0.42, 0], (0.42, 0.10, 0.9), PAINT["rust"])
        machine.box(b - [side * 0.29, 0, 0], (0.04, 0.6, 0.62), vary(rng, colour, 0.15))
        for dy in (-0.25, 0.25):  # bolts of the lid
            for dz in np.linspace(-0.27, 0.27, 4):
                machine.box(b + [-side * 0.315, dy, dz], (0.02, 0.03, 0.03), PAINT["steel"])
        machine.cylinder(b - [side * 0.30, -0.12, 0.12], b - [side * 0.35, -0.12, 0.12], 0.09, PAINT["steel"], 12)
        machine.cylinder(b + [0, 0.38, -0.1], b + [0, 0.52, -0.1], 0.10, vary(rng, colour, 0.1), 12)
        site.signs.put(b + [-side * 0.318, 0.16, 0.16], [-side, 0, 0], 0.22, ("white", "yellow"))
        for _ in range(2):
            start, end = b + [0, 0.5, -0.1], np.array([side * (site.width / 2 - 0.12), 1.6, z + i * 0.95 + rng.uniform(-0.8, 0.8)])
            t = np.linspace(0, 1, 14)[:, None]
            rise = np.concatenate([0 * t, 0.25 * np.sin(t * np.pi), 0 * t], 1)
            site.parts["cable"].tube(start + (end - start) * t + rise, 0.018, PAINT["black"], 7)
    return count * 0.95


def _crates(site: Site, rng: np.random.Generator, side: int, x: float, ground: float, z: float) -> float:
    for i in range(int(rng.integers(1, 4))):
        s, turn = rng.uniform(0.4, 0.6), turn_y(rng.normal() * 0.15)
        place = np.array([x - side * s / 2, ground + s / 2 + (s if i == 2 else 0), z + (i % 2) * 0.7])
        colour = vary(rng, (0.28, 0.19, 0.10), 0.15)
        site.parts["timber"].box(place, (s, s * 0.95, s), colour, turn)
        for k in (-0.4, 0, 0.4):
            site.parts["timber"].box(place + turn @ np.array([0, k * s, 0]), (s * 1.06, s * 0.16, s * 1.06), vary(rng, colour, 0.2), turn)
    return 0.7


def _barrels(site: Site, rng: np.random.Generator, side: int, x: float, ground: float, z: float) -> float:
    colour = paint(rng, "blue", "red", "green", "yellow")
    count = int(rng.integers(1, 4))
    for i in range(count):
        foot = np.array([x - side * 0.3 + rng.normal() * 0.04, ground, z + i * 0.66])
        heights = np.array([[0, y, 0] for y in (0, 0.28, 0.30, 0.32, 0.58, 0.60, 0.62, 0.88)])
        radii = np.array([0.29, 0.29, 0.305, 0.29, 0.29, 0.305, 0.29, 0.29])
        site.parts["machine"].tube(foot + heights, radii, vary(rng, colour, 0.1), 20, up=(0, 0, 1))
    return 0.66 * count


def _timber(site: Site, rng: np.random.Generator, side: int, x: float, ground: float, z: float) -> float:
    for i in range(14):
        across, up = 0.08 + 0.17 * (i % 5) + 0.08 * (i // 5 % 2), ground + 0.08 + 0.15 * (i // 5)
        start, end = z + rng.normal() * 0.08, z + 1.8 + rng.normal() * 0.08
        wood = vary(rng, (0.24, 0.16, 0.09), 0.2)
        site.parts["timber"].cylinder([x - side * across, up, start], [x - side * across, up, end], rng.uniform(0.06, 0.085), wood, 9)
    return 1.6


def _chest(site: Site, rng: np.random.Generator, side: int, x: float, ground: float, z: float) -> float:
    site.parts["machine"].box([x - side * 0.25, ground + 0.3, z], (0.5, 0.55, 1.1), paint(rng, "red", "green", "grey"))
    site.parts["machine"].box([x - side * 0.25, ground + 0.59, z], (0.54, 0.05, 1.14), PAINT["steel"])
    site.signs.put([x - side * 0.505, ground + 0.34, z], [-side, 0, 0], 0.5, ("red",))
    return 1.0


def _extinguishers(site: Site, rng: np.random.Generator, side: int, x: float, ground: float, z: float) -> float:
    for i in range(3):
        path = np.array([[x - side * 0.1, ground + y, z + i * 0.22] for y in (0, 0.38, 0.44, 0.47, 0.52)])
        site.parts["machine"].tube(path, np.array([0.075, 0.075, 0.05, 0.02, 0.02]), paint(rng, "red"), 14, up=(0, 0, 1))
    site.signs.put([x + side * 0.02, 1.25, z + 0.2], [-side, 0, -0.5], 0.45, ("red",))
    return 0.6


def _bags(site: Site, rng: np.random.Generator, side: int, x: float, ground: float, z: float) -> float:
    for i in range(12):
        place = np.array([x - side * (0.12 + 0.36 * (i % 2)), ground + 0.09 + 0.14 * (i // 4), z + 0.62 * (i // 2 % 2)])
        path = place + np.array([[0, 0, q] for q in (-0.30, -0.26, 0, 0.26, 0.30)])
        radii = np.array([[0.02, 0.02], [0.15, 0.07], [0.18, 0.085], [0.15, 0.07], [0.02, 0.02]])
        site.parts["machine"].tube(path, radii, vary(rng, (0.42, 0.40, 0.36), 0.12), 10)
    return 1.2


def _coil(site: Site, rng: np.random.Generator, side: int, x: float, ground: float, z: float) -> float:
    a, r = np.linspace(0, 2 * np.pi * 5, 120), rng.uniform(0.3, 0.4)
    path = np.stack([x - side * 0.4 + r * np.cos(a), ground + 0.04 + a * 0.011, z + r * np.sin(a)], -1)
    site.parts["cable"].tube(path, 0.022, paint(rng, "black"), 7)
    return 0.6


def _wall_signs(site: Site, rng: np.random.Generator) -> None:
    for z in np.arange(rng.uniform(3, 6), 32, rng.uniform(3.5, 7)):
        if rng.random() < 0.55:
            side = int(rng.choice([-1, 1]))
            place, normal = site.section.at(site.section.arc_at(rng.uniform(1.5, 2.0), side), 0.13)
            site.signs.put([*place, z], [normal[0], normal[1], -rng.uniform(0.1, 0.9)], rng.uniform(0.35, 0.6))
    if rng.random() < 0.75:  # a board under the roof
        z, width, x, y = rng.uniform(6, 14), rng.uniform(0.9, 1.3), rng.uniform(-0.5, 0.5), site.height - 0.55
        site.signs.put([x, y, z], [0, 0, -1], width, ("blue", "green"))
        for e in (-0.4, 0.4):
            site.parts["steel"].cylinder(
                [x + e * width, y + 0.2, z + 0.01], [x + e * width, site.height + 0.1, z + 0.01], 0.008, PAINT["steel"], 5
            )
