"""A longwall: shield supports in a row, the armoured conveyor and the coal face on the left, a shearer."""

# ruff: noqa: RUF005 (an array plus a list is a sum here)
from __future__ import annotations

import numpy as np

from lle.data.mine.materials import PAINT, paint, vary
from lle.data.mine.mesh import turn_x, turn_z
from lle.data.mine.site import FIRST_Z, Site
from lle.data.mine.transport import pile_coal

_SIDE = [(-0.05, -0.14), (0.05, -0.14), (0.05, 0.14), (0.0, 0.06), (-0.05, 0.14)]
_PITCH = 1.5


def build_longwall(site: Site) -> None:
    """Adds everything but rock, floor, people and lamps, and sets the walkway."""
    rng = site.draw("longwall")
    face = -site.width / 2 + rng.uniform(1.2, 1.6)
    base = vary(rng, [PAINT["grey"], PAINT["blue"], PAINT["yellow"], (0.22, 0.21, 0.19)][int(rng.integers(4))], 0.1) * 0.62
    _conveyor(site, rng, face, base)
    for k, z in enumerate(np.arange(FIRST_Z, site.length, _PITCH)):
        _shield(site, rng, face, z, base, k)
    for i, (radius, colour) in enumerate([(0.06, "red"), (0.05, "grey"), (0.035, "blue")]):
        site.parts["pipe"].tube(site.straight(0.15 - 0.16 * i, site.height - 0.48 - 0.03 * i), radius, paint(rng, colour), 12)
    if rng.random() < 0.7:
        _shearer(site, rng, face, rng.uniform(9, 18))
    site.belt_x = face
    site.free = (face + 1.1, -0.2)


def _conveyor(site: Site, rng: np.random.Generator, x: float, base: np.ndarray) -> None:
    frame = site.parts["frame"]
    for e in (-0.42, 0.42):
        frame.profile(site.straight(x + e, 0.16), _SIDE, paint(rng, "steel"))
    pan = np.stack(np.meshgrid([x - 0.42, x + 0.42], site.along(0.5)), -1)[..., [0, 0, 1]] * [1, 0, 1]
    frame.grid(pan + [0, 0.14, 0], (0.20, 0.19, 0.18))
    for z in site.along(0.55):
        frame.box([x, 0.18, z], (0.78, 0.05, 0.07), paint(rng, "steel"))
    for z in site.along(0.14):
        for e in (-0.07, 0.07):
            frame.box([x + e, 0.18, z], (0.045, 0.04, 0.10), paint(rng, "steel"))
    for z in site.along(1.5):
        frame.box([x + 0.66, 0.48, z + 0.75], (0.05, 0.55, 1.46), vary(rng, base, 0.12))
        frame.box([x + 0.78, 0.28, z + 0.75], (0.28, 0.06, 1.46), vary(rng, base, 0.12))
    if rng.random() < 0.8:
        pile_coal(site, rng, x, 0.19, 0.40, (0.05, 0.12))
    for i in range(5):
        path = site.straight(x + 0.72, 0.62 + 0.05 * i)
        path[:, 1] += 0.02 * np.sin(path[:, 2] * (1 + 0.2 * i) + i)
        site.parts["cable"].tube(path, 0.022, paint(rng, "black"), 7)


def _shield(site: Site, rng: np.random.Generator, face: float, z: float, base: np.ndarray, number: int) -> None:
    steel, top = site.parts["steel"], site.height
    colour, shift, lift = vary(rng, base, 0.10), rng.normal() * 0.03, rng.normal() * 0.025
    steel.box([-0.1 + shift, top - 0.17 + lift, z], (4.4, 0.22, _PITCH - 0.09), colour, turn_z(rng.normal() * 0.01))
    steel.box([-2.4 + shift, top - 0.12 + lift, z], (0.5, 0.10, _PITCH - 0.2), colour)
    for e in (-0.45, 0.45):  # stiffeners and lugs under the canopy
        steel.box([-0.1 + shift, top - 0.31 + lift, z + e], (3.4, 0.07, 0.05), vary(rng, colour, 0.1))
    steel.box([-0.1 + shift, top - 0.33 + lift, z], (2.6, 0.12, 0.16), vary(rng, colour, 0.1))
    for e in (-0.36, 0.36):
        steel.box([1.2, 0.20, z + e], (2.6, 0.36, 0.50), colour)
        foot, head = np.array([0.75, 0.38, z + e]), np.array([0.45, top - 0.28 + lift, z + e])
        joint = foot + (head - foot) * 0.62
        steel.cylinder(foot, joint, 0.135, vary(rng, colour, 0.1), 18)
        site.parts["bright"].cylinder(joint, head, 0.105, (0.42, 0.42, 0.41), 18)
        steel.cylinder(joint - (head - foot) * 0.03, joint, 0.15, paint(rng, "steel"), 18)
        steel.ball(foot, 0.16, vary(rng, colour, 0.15), 12)
    steel.box([2.55, top * 0.55, z], (0.14, top * 0.95, _PITCH - 0.10), vary(rng, colour, 0.1), turn_z(0.34))
    steel.box([1.9, top * 0.45, z], (0.10, top * 0.7, 0.9), vary(rng, colour, 0.2), turn_z(0.55))
    steel.cylinder([-0.15, 0.30, z], [face + 0.7, 0.20, z], 0.06, paint(rng, "steel"))
    valve = np.array([0.42, top * 0.62, z + 0.02])
    site.parts["machine"].box(valve, (0.20, 0.32, 0.26), paint(rng, "steel", spread=0.15))
    for i in range(4):
        site.parts["machine"].cylinder(valve + [-0.10, 0.1 - 0.06 * i, 0], valve + [-0.17, 0.13 - 0.06 * i, 0], 0.012, PAINT["red"], 6)
    for _ in range(9):
        _hose(site, rng, valve, z)
    if number % 2 == 0 and rng.random() < 0.8:
        site.signs.put([-0.05, top * 0.55 + 0.25, z - 0.28], [-0.35, 0, -1], 0.22, ("white", "yellow", "blue"))


def _hose(site: Site, rng: np.random.Generator, valve: np.ndarray, z: float) -> None:
    start = valve + rng.normal(size=3) * [0.08, 0.1, 0.08]
    height = rng.choice([0.4, site.height - 0.45]) + rng.normal() * 0.06
    end = np.array([0.55 + rng.normal() * 0.25, height, z + rng.choice([-0.36, 0.36, _PITCH - 0.2, -0.8])])
    t = np.linspace(0, 1, 12)[:, None]
    slack = np.concatenate([-0.10 * np.sin(t * np.pi), -0.22 * rng.uniform(0.3, 1.2) * np.sin(t * np.pi), 0 * t], 1)
    site.parts["cable"].tube(start + (end - start) * t + slack, float(rng.choice([0.010, 0.014, 0.018])), PAINT["black"], 6)


def _shearer(site: Site, rng: np.random.Generator, x: float, z: float) -> None:
    """Body on the conveyor, two arms, two drums with picks."""
    machine, colour = site.parts["machine"], paint(rng, "yellow", "orange", "white", "grey", spread=0.15) * 0.8
    machine.box([x + 0.05, 0.72, z], (0.85, 0.55, 3.6), colour)
    for k in range(4):
        machine.box([x + 0.49, 0.75, z - 1.3 + k * 0.85], (0.03, 0.38, 0.7), vary(rng, colour, 0.25))
    for e, raised in ((-1, 0.35), (1, -0.05)):
        hub = np.array([x - 0.35, 0.85 + raised, z + e * 2.7])
        machine.tube(np.linspace([x - 0.1, 0.75, z + e * 1.6], hub, 4), np.array([0.28, 0.26, 0.24, 0.22]), vary(rng, colour, 0.15), 10)
        machine.cylinder(hub + [-0.45, 0, 0], hub + [0.15, 0, 0], 0.42, PAINT["steel"], 20)
        for a in np.arange(0, 2 * np.pi, 0.45):
            for q in (-0.4, -0.2, 0.0):
                pick = hub + [q, 0.45 * np.sin(a + q * 3), 0.45 * np.cos(a + q * 3)]
                machine.box(pick, (0.05, 0.16, 0.05), PAINT["rust"], turn_x(-(a + q * 3) + np.pi / 2))
