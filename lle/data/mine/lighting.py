"""The two light states. Even: invisible fills along the axis and every roof lamp. Working: the lamps that a shift has on."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lle.data.mine.materials import PAINT, paint, vary
from lle.data.mine.site import Bend, Lamp, Site

Mode = Literal["lamps", "headlight", "far", "led", "flood"]
"""Which lamps work: roof lamps, headlights of the vehicle with the camera, a machine that comes near, LED arches, floodlights."""
_MODES: dict[str, dict[str, tuple[Mode, ...]]] = {
    "dark": {
        "arch": ("lamps", "lamps", "headlight", "far"), "shotcrete": ("lamps", "headlight", "far", "led"), "longwall": ("lamps",),
        "bolted": ("lamps", "headlight", "far"), "drill": ("lamps", "flood"), "timber": ("lamps", "headlight"),
    },
    "uneven": {
        "arch": ("lamps", "headlight", "led"), "shotcrete": ("led", "led", "headlight"), "bolted": ("lamps", "headlight", "flood"),
        "longwall": ("lamps",), "drill": ("flood", "flood", "lamps"), "timber": ("lamps", "headlight"),
    },
}  # fmt: skip
_EVEN_ROOF, _WORKING_ROOF = 0.54, 2.0


def choose_mode(site: Site, uneven: bool) -> Mode:
    """Draws the working lamps; `uneven` scenes are better lit ones."""
    choices = _MODES["uneven" if uneven else "dark"][site.kind]
    return choices[int(site.draw("mode").integers(len(choices)))]


def build_lamps(site: Site, mode: Mode, uneven: bool, camera: np.ndarray) -> None:
    """Adds the fills, the roof lamps, and what the mode calls for; `camera` is its place."""
    rng = site.draw("lamps")
    strength = 0.8 if site.kind == "longwall" else 1.0
    # Every 2 m as far as faces are seen well, wider apart beyond.
    rows = np.concatenate([np.arange(-2.2, 24, 2.1), np.arange(25.0, site.length - 1, 4.0)])
    for i, z in enumerate(rows):
        place = np.array([site.width * (-0.12 * site.side + 0.06 * (-1) ** i), site.height * 0.58, z])
        site.lamps.append(Lamp(place, even=np.full(3, strength * (1.0 if z < 24 else 2.0)), radius=0.3))
    _roof_lamps(site, rng, mode, uneven)
    if mode == "headlight" or (mode == "led" and rng.random() < 0.8):
        _headlights(site, rng, camera, wide=mode == "led" or uneven)
    if mode == "far":
        _oncoming_machine(site, rng)
    if mode == "led":
        _led_arches(site, rng)
    if mode == "flood":
        _floodlights(site, rng, camera)


def _roof_lamps(site: Site, rng: np.random.Generator, mode: Mode, uneven: bool) -> None:
    longwall, section, housing = site.kind == "longwall", site.section, site.parts["housing"]
    x = -0.9 if longwall else float(rng.choice([-0.5 * site.side, -0.5 * site.side, 0])) * site.width * 0.45
    pitch = 6.0 if longwall else rng.uniform(3.2, 5.0)
    tube = not longwall and rng.random() < 0.4
    colour = np.array([0.86, 1.0, 1.15]) if rng.random() < 0.7 else np.array([1.2, 1.0, 0.72])
    colour = colour * rng.uniform(0.85, 1.1)
    if section.shape == "arch":
        nearest = int(np.argmin(np.abs(section.outline[:, 0] - x) + 9 * (section.outline[:, 1] < site.height * 0.55)))
        y = section.outline[nearest, 1] - 0.22
    else:
        y = site.height - (0.42 if longwall else 0.30 if site.kind == "timber" else 0.20)
    rows = np.arange(rng.uniform(1.5, 3.5), site.length - 3, pitch)
    seen = np.flatnonzero((rows > 2) & (rows < 34))
    count = int(rng.integers(3, 6) if uneven or longwall else rng.integers(1, 4))
    if mode in ("led", "flood"):
        count = int(rng.integers(0, 2))
    if uneven and count > 1:  # spread over what is in view, the first one near
        on = set(seen[int(rng.integers(0, 2)) :: max(1, round(min(len(seen), 7) / count))][:count].tolist())
    else:
        on = set(rng.choice(seen, min(count, len(seen)), replace=False).tolist())
    length, radius = (0.4, 0.028) if tube else (0.0, 0.06)
    hanging = x
    for k, z in enumerate(rows):
        x = hanging + site.motion.swing * float(np.sin(site.motion.swing_phase + 1.7 * k))
        if tube:
            housing.box([x, y + 0.07, z], (0.14, 0.05, 1.0), (0.35, 0.35, 0.36))
            for e in (-0.44, 0.44):
                housing.cylinder([x, y, z + e - 0.04], [x, y, z + e + 0.04], 0.05, (0.25, 0.25, 0.26))
        else:
            housing.cylinder([x, y + 0.05, z], [x, y + 0.16, z], 0.085, (0.30, 0.30, 0.31), 16)
            housing.cylinder([x, y + 0.04, z], [x, y + 0.055, z], 0.11, (0.30, 0.30, 0.31), 16)
        housing.cylinder([x, y + 0.1, z], [x, y + 0.4, z], 0.012, PAINT["steel"], 6)
        glass = site.parts["glass_on" if k in on else "glass"]
        if tube:
            glass.cylinder([x, y, z - length], [x, y, z + length], radius, (0.7, 0.7, 0.68), 10)
        else:
            glass.ball([x, y, z], radius, (0.7, 0.7, 0.68), 14)
        working = colour * (_WORKING_ROOF if k in on else 0.0)
        site.lamps.append(Lamp(np.array([x, y, z]), colour * _EVEN_ROOF, working, radius, length))
    area = np.pi * radius**2 if not tube else 2 * radius * 2 * length
    site.glow_of("glass", colour * _EVEN_ROOF / area, np.zeros(3))
    site.glow_of("glass_on", colour * _EVEN_ROOF / area, colour * _WORKING_ROOF / area)
    cable = site.straight(hanging + 0.06, y + 0.2)
    cable[:, 1] -= 0.05 * np.abs(np.sin(cable[:, 2] * np.pi / pitch))
    site.parts["cable"].tube(cable, 0.010, PAINT["black"], 6)


def _headlights(site: Site, rng: np.random.Generator, camera: np.ndarray, wide: bool) -> None:
    """Headlights of the vehicle that carries the camera; `wide` ones light floor and walls as in the real frames of roads."""
    colour = np.array([1.15, 0.92, 0.68]) if rng.random() < 0.6 else np.array([0.95, 1.0, 1.08])
    power, cut, beam = (rng.uniform(4, 8), 52, 14) if wide else (rng.uniform(4, 9), 31, 9)
    for e in (-0.45, 0.45):
        axis = np.array([rng.normal() * 0.05, -0.22, 1])
        place = np.array([camera[0] + e, max(camera[1] - 0.9, 0.8), camera[2] + 0.25])
        site.lamps.append(Lamp(place, working=colour * power, radius=0.05, axis=axis / np.linalg.norm(axis), cut=cut, beam=beam))


def _oncoming_machine(site: Site, rng: np.random.Generator) -> None:
    z, x, machine = rng.uniform(16, 26) - site.motion.approach, float(np.mean(site.free)), site.parts["machine"]
    colour = paint(rng, "yellow", "orange", "white")
    machine.box([x, 0.85, z + 1.2], (1.2, 1.1, 2.2), colour)
    machine.box([x, 1.5, z + 1.6], (1.1, 0.5, 1.2), colour)
    for e in (-0.4, 0.4):
        machine.cylinder([x + e, 1.0, z + 0.1], [x + e, 1.0, z - 0.02], 0.10, PAINT["black"], 14)
        site.parts["headlamp"].cylinder([x + e, 1.0, z - 0.02], [x + e, 1.0, z - 0.03], 0.08, (0.6, 0.6, 0.6), 14)
        axis = np.array([rng.normal() * 0.02, -0.06, -1.0])
        power = rng.uniform(10, 22) * np.ones(3)
        site.lamps.append(
            Lamp(np.array([x + e, 1.0, z - 0.06]), working=power, radius=0.02, axis=axis / np.linalg.norm(axis), cut=27, beam=8)
        )
    site.glow_of("headlamp", np.zeros(3), np.full(3, 40.0))
    site.occupied.append((x, z))


def _led_arches(site: Site, rng: np.random.Generator) -> None:
    """Light strips bent along the section every 7 to 15 m on red and white posts, and blue markers along the crown."""
    section, colour = site.section, np.array([0.62, 0.86, 1.25])
    step, points = rng.uniform(7, 15), 8
    for number, z in enumerate(np.arange(rng.uniform(3.0, 5.5), site.length - 2, step)):
        first, last = section.arc_at(1.0, -1), section.arc_at(1.0, 1)
        place, _ = section.at(np.linspace(first, last, 40), 0.16)
        site.parts["led"].tube(np.concatenate([place, np.full((40, 1), z)], 1), 0.013, (0.7, 0.7, 0.7), 6)
        for arc in (first, last):
            foot, _ = section.at(arc, 0.16)
            for k in range(5):
                post = PAINT["red"] if k % 2 else (0.6, 0.6, 0.58)
                site.parts["machine"].cylinder([foot[0], 0.2 * k, z], [foot[0], 0.2 * k + 0.2, z], 0.028, post, 8)
        total = 1.3 * rng.uniform(0.8, 1.2)
        count = points if number < 3 else 1
        arcs = np.linspace(first, last, 2 * count + 1)[1::2]
        for at in section.at(arcs, 0.22)[0]:
            site.lamps.append(Lamp(np.array([at[0], at[1], z]), 0.5 * colour * total / count, colour * total / count, radius=0.12))
    site.glow_of("led", colour * 4.0, colour * 8.0)
    blue, crown = np.array([0.20, 0.50, 1.5]), site.height - 0.45
    for k, z in enumerate(np.arange(5.0, min(site.length - 2, 40), rng.uniform(3.5, 6))):
        site.parts["led"].box([rng.normal() * 0.05, crown, z], (0.30, 0.05, 0.04), (0.5, 0.5, 0.5))
        site.parts["housing"].box([0, crown + 0.12, z + 0.05], (0.45, 0.18, 0.06), PAINT["grey"])
        if k < 6:
            site.lamps.append(Lamp(np.array([0, crown, z - 0.1]), 0.1 * blue, 0.35 * blue, radius=0.1))


def _floodlights(site: Site, rng: np.random.Generator, camera: np.ndarray) -> None:
    """One to three floodlights on the walls that shine at the work, one of them behind the camera more often than not."""
    target = np.array([rng.normal() * 0.4, 1.1, rng.uniform(5, 8)])
    for k in range(int(rng.integers(1, 4))):
        side = int(rng.choice([-1, 1]))
        z = camera[2] + rng.uniform(-0.3, 1.0) if k == 0 and rng.random() < 0.65 else rng.uniform(3.0, 10.0)
        at, normal = site.section.at(site.section.arc_at(rng.uniform(1.7, 2.4), side), 0.30)
        place = np.array([at[0], at[1], z])
        axis = target - place
        axis /= np.linalg.norm(axis)
        lens = place + axis * 0.07
        site.parts["housing"].cylinder(place - axis * 0.06, place + axis * 0.055, 0.11, PAINT["black"], 14)
        site.parts["headlamp"].cylinder(place + axis * 0.056, place + axis * 0.06, 0.09, (0.6, 0.6, 0.6), 14)
        site.parts["steel"].cylinder(place, [at[0] - normal[0] * 0.3, at[1] - normal[1] * 0.3, z], 0.015, PAINT["rust"], 6)
        power = rng.uniform(4, 9) * vary(rng, (0.93, 0.98, 1.0), 0.02) / 0.9
        site.lamps.append(Lamp(lens, working=power, radius=0.05, axis=axis, cut=68, beam=25))
    site.glow_of("headlamp", np.zeros(3), np.full(3, 40.0))


def table(lamps: list[Lamp], bend: Bend) -> np.ndarray:
    """The lamps as the kernel reads them, N x 16 float32 (`FLOATS_A_LAMP` of `lle.data.mine.trace`); `bend` moves them with the roadway."""
    rows = []
    for lamp in lamps:
        if lamp.even.max() <= 0 and lamp.working.max() <= 0:
            continue
        cut, beam = (-2.0, -1.5) if lamp.cut >= 180 else (np.cos(np.radians(lamp.cut)), np.cos(np.radians(lamp.beam)))
        place = bend(lamp.place[None])[0]
        rows.append([*place, lamp.radius, *lamp.axis, cut, *lamp.even, beam, *lamp.working, lamp.half_length])
    return np.array(rows, np.float32)
