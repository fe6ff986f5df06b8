"""Miners: lofted limbs, helmet with a cap lamp, reflective strips, self-rescuer on the belt."""

# ruff: noqa: RUF005 (an array plus a list is a sum here)
from __future__ import annotations

from typing import Any

import numpy as np

from lle.data.mine.materials import PAINT, vary
from lle.data.mine.mesh import turn_y
from lle.data.mine.site import Lamp, Site

_SUITS = ((0.035, 0.045, 0.075), (0.05, 0.05, 0.055), (0.07, 0.075, 0.08), (0.55, 0.16, 0.03))
_BOOT = (0.02, 0.02, 0.02)
_STRIP = (0.75, 0.77, 0.78)


def build_people(site: Site) -> None:
    """Adds one to three people in the walkway, most with their cap lamps on."""
    rng = site.draw("people")
    for i in range(int(rng.choice([1, 1, 2, 2, 3]))):
        z = rng.uniform(3.2, 7.5) + i * rng.uniform(2.5, 6)
        x = rng.uniform(site.free[0] + 0.15, max(site.free[0] + 0.2, site.free[1] - 0.15))
        for _ in range(8):
            if not any(abs(a - x) < 0.8 and abs(b - z) < 1.1 for a, b in site.occupied):
                break
            x, z = rng.uniform(site.free[0] + 0.15, max(site.free[0] + 0.2, site.free[1] - 0.15)), z + 0.4
        yaw = (np.pi if rng.random() < 0.45 else 0) + rng.normal() * 0.5
        stride = float(rng.choice([-1, 0, 0.6, 1]))
        if site.motion.gait is not None:
            stride = float(np.sin(site.motion.gait + 2 * i))
        z += float(np.sign(np.cos(yaw))) * site.motion.walk
        lens, forwards = add_person(site, rng, x, z, yaw, stride, max(0.0, site.floor(x, z)))
        site.occupied.append((x, z))
        if rng.random() < 0.9:
            axis = forwards + [0, -0.25 + rng.normal() * 0.08, 0]
            power = rng.uniform(4, 9) * np.array([0.92, 1.0, 1.1])
            site.lamps.append(Lamp(lens + forwards * 0.02, working=power, radius=0.02, axis=axis / np.linalg.norm(axis), cut=26, beam=6))
            site.parts["cap_lamp"].cylinder(lens, lens + forwards * 0.004, 0.026, (0.6, 0.6, 0.6), 10)
    site.glow_of("cap_lamp", np.zeros(3), np.array([40.0, 42.0, 45.0]))


def add_person(
    site: Site, rng: np.random.Generator, x: float, z: float, yaw: float, stride: float, ground: float
) -> tuple[np.ndarray, np.ndarray]:
    """Adds one miner of about 1.75 m.

    Args:
        site: receives the meshes.
        rng: source of the draws.
        x: place across, m.
        z: place along, m.
        yaw: 0 looks along +z, radians.
        stride: -1 to 1, 0 stands.
        ground: height of the feet, m.

    Returns:
        Place of the cap lamp, and the direction forwards.
    """
    scale, turn = rng.uniform(0.95, 1.05), turn_y(yaw)
    forwards = turn @ np.array([0, 0, 1.0])
    suit = vary(rng, _SUITS[int(rng.integers(4))], 0.15)
    parts = site.parts

    def at(points: Any) -> np.ndarray:
        return np.asarray(points, float) * scale @ turn.T + np.array([x, ground, z])

    def limb(part: str, points: Any, radii: Any, colour: Any, sides: int = 10) -> None:
        parts[part].tube(at(points), np.asarray(radii, float) * scale, colour, sides, up=forwards)

    for side in (-1, 1):
        _leg(limb, side, 0.30 * stride, suit)
        _arm(limb, parts, at, rng, side, 0.30 * stride, scale, suit)
    body = [(0, 0.86, 0), (0, 0.98, 0), (0, 1.12, 0), (0, 1.30, 0), (0, 1.43, -0.005), (0, 1.50, 0), (0, 1.56, 0.01)]
    girth = np.array([[0.165, 0.115], [0.165, 0.118], [0.168, 0.118], [0.195, 0.128], [0.195, 0.110], [0.12, 0.09], [0.06, 0.06]])
    limb("cloth", body, girth, suit, 16)
    if rng.random() < 0.45:  # high-visibility vest
        limb("cloth", body[1:5], girth[1:5] * 1.06, (0.62, 0.60, 0.06) if rng.random() < 0.6 else (0.70, 0.22, 0.03), 16)
    for y, width in ((1.33, 1.09), (1.06, 0.99)):
        limb("strip", [(0, y + 0.028, 0), (0, y - 0.028, 0)], [[0.194 * width, 0.128 * width]] * 2, _STRIP, 18)
    rescuer = PAINT["orange"] if rng.random() < 0.5 else PAINT["steel"]
    parts["cloth"].box(at([(0.15, 0.95, 0.06)])[0], np.array([0.10, 0.16, 0.10]) * scale, rescuer, turn)
    head = at([(0, 1.665, 0.02)])[0]
    parts["skin"].ball(head, np.array([0.078, 0.115, 0.092]) * scale, (0.26, 0.15, 0.10), 14)
    colour = vary(rng, PAINT[("yellow", "red", "white", "blue", "black")[int(rng.integers(5))]], 0.1)
    parts["helmet"].ball(head + [0, 0.045, 0], np.array([0.112, 0.115, 0.132]) * scale, colour, 18, half=True)
    brim = np.array([head + [0, 0.055, 0], head + [0, 0.035, 0]])
    parts["helmet"].tube(brim, np.array([[0.132, 0.155]] * 2) * scale, colour, 18, up=forwards)
    lens = head + forwards * 0.135 * scale + [0, 0.075, 0]
    parts["helmet"].cylinder(lens - forwards * 0.03, lens - forwards * 0.003, 0.034, PAINT["black"], 10)
    return lens, forwards


def _leg(limb: Any, side: int, swing: float, suit: np.ndarray) -> None:
    k = side * swing
    hip, knee = np.array([side * 0.095, 0.90, 0]), np.array([side * 0.11, 0.50, 0.5 * k + 0.04 * abs(swing) / 0.3])
    ankle = np.array([side * 0.11, 0.09, k - 0.05 * swing / 0.3 * (side < 0)])
    points = [hip, (hip + knee) / 2 + [0, 0, 0.02], knee, (knee + ankle) / 2 - [0, 0, 0.02], ankle]
    limb("cloth", points, [[0.10, 0.105], [0.088, 0.09], [0.068, 0.072], [0.066, 0.07], [0.055, 0.058]], suit)
    limb("cloth", [knee - [0, 0.13, 0], ankle, ankle - [0, 0.045, 0]], [[0.074, 0.08], [0.062, 0.066], [0.064, 0.075]], _BOOT)
    limb("cloth", [ankle + [0, -0.04, -0.07], ankle + [0, -0.04, 0.19]], [[0.05, 0.045], [0.042, 0.035]], _BOOT, 8)
    limb("strip", [knee - [0, 0.05, 0], knee - [0, 0.105, 0]], [[0.078, 0.083]] * 2, _STRIP, 12)


def _arm(limb: Any, parts: Any, at: Any, rng: np.random.Generator, side: int, swing: float, scale: float, suit: np.ndarray) -> None:
    k, bent = side * swing, rng.uniform(0.1, 0.24)
    shoulder, elbow = np.array([side * 0.205, 1.43, 0]), np.array([side * 0.27, 1.15, -0.06 - k * 0.5])
    hand = elbow + [-side * 0.05, -0.20 + bent * 0.3, bent - k * 0.4]
    points = [shoulder, (shoulder + elbow) / 2, elbow, (elbow + hand) / 2, hand]
    limb("cloth", points, [[r, r] for r in (0.075, 0.062, 0.055, 0.048, 0.04)], suit, 9)
    glove = (0.30, 0.17, 0.11) if rng.random() < 0.5 else (0.06, 0.06, 0.06)
    parts["skin"].ball(at([hand + [0, -0.05, 0.01]])[0], np.array([0.042, 0.065, 0.045]) * scale, glove, 8)
    middle = (shoulder + elbow) / 2
    limb("strip", [middle + [0, 0.03, 0], middle - [0, 0.03, 0]], [[0.069, 0.069]] * 2, _STRIP, 12)
