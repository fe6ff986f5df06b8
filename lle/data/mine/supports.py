"""What holds the roof: steel arches, timber sets, lagging, wire mesh, bolts, straps and props."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from lle.data.mine.fields import sample
from lle.data.mine.materials import PAINT, paint, vary
from lle.data.mine.mesh import turn_x, turn_z
from lle.data.mine.site import FIRST_Z, Site

# Channel profile of rolled arches (TH section, simplified), m.
_CHANNEL = [
    (-0.06, 0),
    (-0.06, 0.10),
    (-0.045, 0.10),
    (-0.03, 0.02),
    (0.03, 0.02),
    (0.045, 0.10),
    (0.06, 0.10),
    (0.06, 0),
    (0.03, -0.02),
    (-0.03, -0.02),
]
_STRAP = [(-0.11, 0), (-0.04, 0.015), (0.04, 0.015), (0.11, 0), (0.11, -0.006), (-0.11, -0.006)]


def build_supports(site: Site, relief: np.ndarray) -> None:
    """Adds the supports that the roadway type calls for; `relief` is the height map of the rock."""
    rng = site.draw("supports")
    if site.kind == "arch":
        _arches(site, rng)
    if site.kind == "timber":
        _timber_sets(site, rng)
    if site.kind == "bolted" or (site.kind == "arch" and rng.random() < 0.6) or (site.kind == "drill" and rng.random() < 0.5):
        _wire_mesh(site, rng, relief)
    if site.kind in ("bolted", "shotcrete", "drill"):
        _bolts(site, rng)
    if site.kind in ("arch", "shotcrete", "bolted") and rng.random() < (0.5 if site.kind == "bolted" else 0.12):
        _props(site, rng)


def _arches(site: Site, rng: np.random.Generator) -> None:
    section, steel = site.section, site.parts["steel"]
    pitch, colour = rng.uniform(0.8, 1.3), vary(rng, PAINT["rust"], 0.2)
    for z in np.arange(FIRST_Z + 0.3, site.length, pitch):
        place, normal = section.at(np.linspace(0.3, section.length - 0.3, 48), 0.03)
        path = np.concatenate([place, np.full((48, 1), z + rng.normal() * 0.015)], 1)
        steel.profile(path, _CHANNEL, vary(rng, colour, 0.15), up=np.concatenate([-normal, np.zeros((48, 1))], 1))
        for share in (0.33, 0.67):  # clamps where the segments overlap
            for shift in (-0.12, 0.12):
                p, n = section.at(share * section.length + shift, 0.06)
                steel.box([*p, z], (0.06, 0.17, 0.17), paint(rng, "steel", spread=0.2), turn_z(np.arctan2(n[1], n[0])))
        for share in (0.25, 0.42, 0.58, 0.75):
            p, _ = section.at(share * section.length, 0.02)
            steel.cylinder([*p, z], [*p, z + pitch], 0.016, paint(rng, "rust", spread=0.2), 6)
    if rng.random() < 0.6:
        _lagging(site, rng, pitch, (0.16, 0.11, 0.065) if rng.random() < 0.6 else (0.30, 0.29, 0.27), 0.72)


def _lagging(site: Site, rng: np.random.Generator, pitch: float, colour: tuple[float, float, float], share: float) -> None:
    for z in np.arange(FIRST_Z + 0.3, min(site.length, 30), pitch):
        for arc in np.arange(0.5, site.section.length - 0.5, 0.24):
            if rng.random() < share:
                p, n = site.section.at(arc, -0.05)
                turn = turn_z(np.arctan2(n[1], n[0]) + rng.normal() * 0.03)
                site.parts["timber"].box([*p, z + pitch / 2], (0.04, 0.19, pitch * 0.98), vary(rng, colour, 0.22), turn)


def _timber_sets(site: Site, rng: np.random.Generator) -> None:
    """Sets of two legs and a cap out of round wood, with lagging behind."""
    pitch, wood = rng.uniform(0.9, 1.3), site.parts["timber"]
    colour = (0.20, 0.135, 0.075)
    half, top = site.width / 2 - 0.18, site.height - 0.14
    for z in np.arange(FIRST_Z + 0.4, site.length, pitch):
        r, dz = rng.uniform(0.085, 0.115), rng.normal() * 0.03
        shade = vary(rng, colour, 0.22)
        for side in (-1, 1):
            lean = rng.normal() * 0.02
            foot = [side * half, max(site.floor(side * half, z), 0) - 0.1, z + rng.normal() * 0.03]
            wood.tube(
                np.linspace(foot, [side * (half - 0.33 + lean), top, z + dz], 5), r * rng.uniform(0.95, 1.05, 5), vary(rng, shade, 0.12), 10
            )
            if rng.random() < 0.5:
                wood.box([side * (half - 0.33), top - 0.05, z + dz], (0.22, 0.05, 0.12), vary(rng, colour, 0.2), turn_z(rng.normal() * 0.1))
        sag = rng.uniform(0, 0.05)
        x = np.linspace(-half + 0.2, half - 0.2, 7)
        cap = np.stack([x, top + 0.05 - sag * (1 - (x / half) ** 2), np.full(7, z + dz)], -1)
        wood.tube(cap, r * rng.uniform(0.95, 1.1), shade, 10)
    _lagging(site, rng, pitch, colour, rng.uniform(0.45, 0.85))


def _wire_mesh(site: Site, rng: np.random.Generator, relief: np.ndarray) -> None:
    """A net of 100 mm squares of 6.4 mm wire that hangs over the rock."""
    arc, z = np.meshgrid(np.arange(0.5, site.section.length - 0.5, 0.1), np.arange(FIRST_Z, 26, 0.1))
    hang = gaussian_filter(0.09 * sample(relief, arc / 23.1, z / 23.1) + 0.02 * rng.normal(size=arc.shape), 2)
    inset = np.clip(hang * 0.3 - 0.03 if site.kind == "arch" else hang + 0.06, -0.05, 0.14)
    place, _ = site.section.at(arc, inset)
    points = np.stack([place[..., 0], place[..., 1], z], -1)
    colour = vary(rng, (0.20, 0.19, 0.18), 0.15)
    for row in points:
        site.parts["wire"].tube(row[::2], 0.0032, colour, 3, smooth=False, up=(0, 0, 1), cap=False)
    for column in points.swapaxes(0, 1):
        site.parts["wire"].tube(column[::2], 0.0032, colour, 3, smooth=False, cap=False)


def _bolts(site: Site, rng: np.random.Generator) -> None:
    section, steel = site.section, site.parts["steel"]
    across, pitch = rng.uniform(0.8, 1.1), rng.uniform(0.8, 1.2)
    for z in np.arange(FIRST_Z + 0.5, 34, pitch):
        for arc in np.arange(0.9, section.length - 0.8, across):
            if site.kind != "bolted" and rng.random() < 0.5:
                continue
            p, n = section.at(arc, 0.062 if site.kind == "bolted" else 0.03)
            turn = turn_z(np.arctan2(n[1], n[0])) @ turn_x(rng.uniform(-0.3, 0.3))
            steel.box([*p, z], (0.012, 0.14, 0.14), paint(rng, "steel", "rust", spread=0.3) * 0.55, turn)
            steel.cylinder([*p, z], [*(p + n * 0.09), z], 0.014, PAINT["rust"], 6)
        if site.kind == "bolted" and rng.random() < 0.9:  # a strap across the roof
            left, right = (section.arc_at(site.height * 0.97, s) for s in (-1, 1))
            p, n = section.at(np.linspace(left + 0.1, right - 0.1, 20), 0.065)
            path, up = np.concatenate([p, np.full((20, 1), z)], 1), np.concatenate([-n, np.zeros((20, 1))], 1)
            steel.profile(path, _STRAP, paint(rng, "steel", spread=0.25), up=up)


def _props(site: Site, rng: np.random.Generator) -> None:
    """A row of single hydraulic props."""
    steel, x = site.parts["steel"], -site.side * rng.uniform(0.28, 0.36) * site.width
    top = site.height - 0.12
    for z in np.arange(rng.uniform(2, 6), 30, rng.uniform(1.0, 1.6)):
        foot, tilt = site.floor(x, z), rng.normal() * 0.02
        steel.cylinder([x, foot, z], [x + tilt, top * 0.62, z], 0.06, paint(rng, "red", "grey", "grey", spread=0.2))
        steel.cylinder([x + tilt, top * 0.6, z], [x + tilt * 2, top, z], 0.045, vary(rng, (0.45, 0.45, 0.44), 0.1))
        steel.box([x + tilt * 2, top + 0.04, z], (0.5, 0.10, 0.12), paint(rng, "rust", spread=0.2))
        steel.cylinder([x - 0.06, top * 0.55, z], [x - 0.20, top * 0.55, z], 0.02, PAINT["steel"], 6)
