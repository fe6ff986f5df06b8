"""A drilling site: rigs with inclined masts, bundles of hanging hoses, manifolds, rods and muck."""

# ruff: noqa: RUF005 (an array plus a list is a sum here)
from __future__ import annotations

import numpy as np

from lle.data.mine.fields import noise_map, sample
from lle.data.mine.materials import PAINT, paint, vary
from lle.data.mine.mesh import turn_x, turn_y, turn_z
from lle.data.mine.site import Site


def build_drill_site(site: Site) -> None:
    """Adds one or two rigs in the walkway and hoses on one wall."""
    rng = site.draw("drill")
    side = int(rng.choice([-1, 1]))
    z = rng.uniform(4.2, 6.5)
    for k in range(1 + int(rng.random() < 0.4)):
        x = -side * rng.uniform(0.0, 0.7) if k == 0 else rng.uniform(-0.5, 0.5)
        _rig(site, rng, x, z + k * rng.uniform(3.5, 6), rng.uniform(-0.5, 0.5))
        site.occupied.append((x, z))
    _manifold(site, rng, side)
    for _ in range(int(rng.integers(6, 16))):
        _loose_hose(site, rng, side)
    for _ in range(int(rng.integers(4, 14))):  # rods that lean or lie
        x0, z0 = rng.uniform(-1, 1) * (site.width / 2 - 0.6), rng.uniform(2.5, 9)
        y0 = site.floor(x0, z0)
        lean = rng.uniform(0.2, 0.5) if rng.random() < 0.4 else 0.03
        end = [x0 + rng.normal() * 0.3, y0 + 0.04 + lean * rng.uniform(1, 2), z0 + rng.uniform(0.8, 1.5)]
        site.parts["bright"].cylinder([x0, y0 + 0.04, z0], end, 0.037, paint(rng, "steel", "rust", spread=0.2), 10)
    _muck(site, rng)


def _rig(site: Site, rng: np.random.Generator, x: float, z: float, yaw: float) -> None:
    """A hydraulic rig: base with tracks or skids, mast with feed and head, stays to roof and floor, control stand."""
    turn, steel, machine, bright = turn_y(yaw), site.parts["steel"], site.parts["machine"], site.parts["bright"]
    ground = max(site.floor(x, z), 0.0)
    colour = paint(rng, "white", "grey", "yellow", "orange", "steel", spread=0.15) * 0.55

    def at(dx: float, dy: float, dz: float) -> np.ndarray:
        return turn @ np.array([dx, 0, dz]) + np.array([x, ground + dy, z])

    for e in (-0.42, 0.42):
        machine.box(at(e, 0.17, 0), (0.22, 0.34, 1.7), PAINT["black"], turn)
        for k in range(9):
            machine.box(at(e, 0.17, -0.8 + k * 0.2), (0.26, 0.37, 0.05), paint(rng, "rust", "steel", spread=0.2), turn)
    machine.box(at(0, 0.45, 0), (0.75, 0.20, 1.5), vary(rng, colour, 0.1), turn)
    for _ in range(60):  # valves, covers, brackets and fittings
        size, tint = np.exp(rng.normal(size=3) * 0.5 - 2.3), paint(rng, "steel", "rust", "black", "grey", "black", spread=0.3) * 0.7
        place = at(rng.uniform(-0.48, 0.48), 0.5 + rng.uniform(-0.1, 0.28) * rng.random(), rng.uniform(-0.85, 0.85))
        if rng.random() < 0.5:
            machine.box(place, size, tint, turn)
        else:
            machine.cylinder(place, place + turn @ (rng.normal(size=3) * 0.12), size[0] * 0.4, tint, 9)
    lean, sway = rng.uniform(-0.5, 0.5), rng.uniform(-0.35, 0.35)
    axis = turn @ turn_z(sway) @ turn_x(lean) @ np.array([0, 1.0, 0])
    foot = at(0, 0.62, rng.uniform(-0.3, 0.3))
    reach = min(rng.uniform(1.9, 2.5), (site.height - 0.35 - foot[1]) / max(axis[1], 0.3))
    mast = turn @ turn_z(sway) @ turn_x(lean)
    middle = foot + axis * reach * 0.5
    for e in (-0.12, 0.12):  # two rails of the feed, a chain between them
        machine.box(middle + mast @ np.array([e, 0, 0]), (0.07, reach, 0.10), vary(rng, colour, 0.1), mast)
    for k in np.arange(0.1, reach, 0.28):
        machine.box(foot + axis * k, (0.26, 0.05, 0.08), paint(rng, "steel", spread=0.2), mast)
    head = foot + axis * reach * rng.uniform(0.35, 0.75) + mast @ np.array([0, 0, -0.16])
    machine.box(head, (0.36, 0.46, 0.30), vary(rng, colour, 0.2), mast)
    bright.cylinder(head + mast @ np.array([0, 0.2, -0.05]), head + mast @ np.array([0, reach * 0.5, -0.05]), 0.037, PAINT["steel"], 12)
    for e in (-0.26, 0.26):  # cylinders: barrel and polished rod
        start, end = at(e * 1.4, 0.55, 0.55), foot + axis * reach * 0.55 + mast @ np.array([e, 0, 0])
        joint = start + (end - start) * rng.uniform(0.5, 0.65)
        machine.cylinder(start, joint, 0.07, vary(rng, colour, 0.15), 14)
        bright.cylinder(joint, end, 0.042, (0.62, 0.62, 0.62), 14)
    for e in (-0.75, 0.75):  # stays against the roof
        base = at(e * rng.uniform(0.6, 1.0), 0.05, rng.uniform(-0.7, 0.7))
        top = np.array(
            [base[0] + rng.normal() * 0.12, site.height * (0.97 - 0.18 * abs(base[0]) / site.width), base[2] + rng.normal() * 0.1]
        )
        split = base + (top - base) * rng.uniform(0.5, 0.7)
        steel.cylinder(base, split, 0.075, paint(rng, "grey", "steel", "rust", spread=0.2), 14)
        bright.cylinder(split, top, 0.05, (0.55, 0.55, 0.55), 14)
        steel.box(base, (0.3, 0.06, 0.3), PAINT["rust"], turn)
    stand = at(rng.choice([-1, 1]) * 0.95, 0.0, -0.5)
    machine.box(stand + [0, 0.75, 0], (0.40, 0.34, 0.30), vary(rng, colour, 0.2), turn)
    for e in (-0.15, 0.15):
        steel.box(stand + turn @ np.array([e, 0.3, 0]), (0.05, 0.6, 0.05), PAINT["rust"], turn)
    for k in range(6):
        lever = stand + turn @ np.array([-0.15 + 0.06 * k, 0.92, -0.05])
        machine.cylinder(lever, lever + [0, 0.14, rng.normal() * 0.03], 0.008, PAINT["steel"], 6)
    for _ in range(int(rng.integers(10, 20))):  # hydraulic hoses from stand to head and base
        end = head + rng.normal(size=3) * 0.12 if rng.random() < 0.6 else at(rng.normal() * 0.3, 0.55, rng.normal() * 0.4)
        _hang(site, rng, stand + [rng.normal() * 0.12, 0.65, rng.normal() * 0.1], end, rng.uniform(0.15, 0.6))


def _hang(site: Site, rng: np.random.Generator, start: np.ndarray, end: np.ndarray, sag: float, radius: float | None = None) -> None:
    t = np.linspace(0, 1, 16)
    points = start + (end - start) * t[:, None]
    points[:, 1] -= sag * 4 * t * (1 - t)
    swing = rng.normal(size=(2, 2)) * 0.06
    points[:, 0] += np.sin(np.pi * t) * swing[0, 0] + np.sin(2 * np.pi * t) * swing[0, 1]
    points[:, 2] += np.sin(np.pi * t) * swing[1, 0] + np.sin(2 * np.pi * t) * swing[1, 1]
    points[:, 1] = np.maximum(points[:, 1], 0.04)
    radius = radius or float(rng.choice([0.012, 0.017, 0.022, 0.030]))
    site.parts["cable"].tube(points, radius, vary(rng, PAINT["black"] if rng.random() < 0.85 else PAINT["steel"], 0.3), 7)


def _manifold(site: Site, rng: np.random.Generator, side: int) -> None:
    """Header pipes on the wall, and a row of hoses that hang from the roof down to them."""
    first, count = rng.uniform(1.6, 2.6), int(rng.integers(22, 44))
    for k in range(3):
        place, _ = site.section.at(site.section.arc_at(0.35 + 0.32 * k, side), 0.30 + 0.06 * k)
        path = np.stack([np.full(2, place[0]), np.full(2, place[1]), np.array([first - 0.5, first + count * 0.16 + 0.5])], -1)
        site.parts["pipe"].tube(path, rng.uniform(0.07, 0.13), paint(rng, "rust", "grey", "steel", spread=0.2), 14)
    rail, _ = site.section.at(site.section.arc_at(site.height * 0.86, side), 0.16)
    site.parts["steel"].cylinder([*rail, first - 0.3], [*rail, first + count * 0.16], 0.02, PAINT["rust"], 6)
    for k in range(count):
        z = first + 0.16 * k + rng.normal() * 0.03
        place, _ = site.section.at(site.section.arc_at(rng.choice([0.40, 0.70, 1.0]), side), 0.34)
        upper = np.array([rail[0] - side * 0.03, rail[1] + rng.normal() * 0.05, z + rng.normal() * 0.25])
        lower = np.array([place[0] - side * rng.uniform(0, 0.12), place[1], z])
        bulge = np.array([-side * rng.uniform(0.05, 0.55), 0, rng.normal() * 0.15])
        t = np.linspace(0, 1, 18)[:, None]
        path = upper + (lower - upper) * t + bulge * np.sin(np.pi * t) ** 1.5
        site.parts["cable"].tube(path, float(rng.choice([0.018, 0.024, 0.030])), vary(rng, PAINT["black"], 0.4), 8)
        site.parts["bright"].cylinder(lower, lower + [0, -0.10, 0], 0.028, PAINT["steel"], 8)


def _loose_hose(site: Site, rng: np.random.Generator, side: int) -> None:
    z = rng.uniform(2.5, 8)
    high, _ = site.section.at(site.section.arc_at(site.height * rng.uniform(0.6, 0.95), side), 0.2)
    start = np.array([high[0], high[1], z])
    if rng.random() < 0.5:  # across the roof
        far, _ = site.section.at(site.section.arc_at(site.height * rng.uniform(0.6, 0.9), -side), 0.2)
        _hang(site, rng, start, np.array([far[0], far[1], z + rng.normal() * 1.5]), rng.uniform(0.05, 0.45))
    else:
        x = rng.uniform(-0.8, 0.8)
        _hang(site, rng, start, np.array([x, site.floor(x, z) + 0.5 * rng.random(), z + rng.normal()]), rng.uniform(0.2, 0.7))


def _muck(site: Site, rng: np.random.Generator) -> None:
    """A heap of cuttings."""
    x0, z0, r = rng.uniform(-1, 1) * site.width * 0.25, rng.uniform(3, 7), rng.uniform(0.6, 1.2)
    x, z = np.meshgrid(np.linspace(-1, 1, 60), np.linspace(-1, 1, 60))
    lumps = sample(noise_map(256, 2.4, rng), x * 0.25, z * 0.25)
    y = 0.32 * r * np.maximum(1 - x**2 - z**2, -0.3) + 0.04 * lumps
    grey = np.repeat(np.clip(0.055 + 0.012 * lumps, 0.02, 0.12)[..., None], 3, 2) * [1, 0.97, 0.93]
    points = np.stack([x0 + x * r, site.floor(x0, z0) - 0.02 + y, z0 + z * r], -1)
    site.parts["stone"].grid(points[:, ::-1][:, ::-1], grey, smooth=False)
