"""What carries coal and people: belt conveyor, track, mine cars."""

# ruff: noqa: RUF005 (an array plus a list is a sum here)
from __future__ import annotations

import numpy as np

from lle.data.mine.fields import facets, noise_map, sample
from lle.data.mine.materials import PAINT, paint, vary
from lle.data.mine.mesh import turn_y
from lle.data.mine.site import FIRST_Z, Site

_SQUARE = [(-0.03, -0.06), (0.03, -0.06), (0.03, 0.06), (-0.03, 0.06)]
# Rail profile, m.
_RAIL = [
    (-0.045, 0), (0.045, 0), (0.04, 0.012), (0.008, 0.025), (0.008, 0.075), (0.024, 0.085), (0.024, 0.105), (-0.024, 0.105),
    (-0.024, 0.085), (-0.008, 0.075), (-0.008, 0.025), (-0.04, 0.012),
]  # fmt: skip


def build_transport(site: Site) -> None:
    """Adds a conveyor and a track where the roadway type has them, and sets the walkway that is left free."""
    rng, w = site.draw("transport"), site.width
    belt = {"bolted": 0.85, "arch": 0.45}.get(site.kind, 0.0)
    if rng.random() < belt:
        site.belt_x = site.side * (w / 2 - rng.uniform(1.0, 1.25))
        _conveyor(site, rng, site.belt_x, rng.uniform(0.75, 1.0), float(rng.choice([0.8, 1.0, 1.2])), rng.random() < 0.7)
        a, b = -site.side * (w / 2 - 0.45), site.belt_x - site.side
        site.free = (min(a, b), max(a, b))
    else:
        site.free = (-w / 2 + 0.75, w / 2 - 0.75)
    wants_track = {"arch": site.belt_x is None or rng.random() < 0.5, "bolted": site.belt_x is None, "timber": rng.random() < 0.8}
    if wants_track.get(site.kind, False):
        site.rail_x = -site.side * w * 0.17 if site.belt_x is not None else rng.uniform(-0.4, 0.4)
        _track(site, rng, site.rail_x)
        if rng.random() < 0.5:
            _cars(site, rng, site.rail_x)


def _conveyor(site: Site, rng: np.random.Generator, x: float, top: float, width: float, loaded: bool) -> None:
    half, rubber, frame = width / 2, site.parts["rubber"], site.parts["frame"]
    z = site.along()
    colour = paint(rng, "grey", "rust", "blue", "yellow")
    sag = 0.015 * np.abs(np.sin(z / 1.2 * np.pi))
    across = np.array([-half, -half * 0.5, 0, half * 0.5, half])
    trough = np.stack(
        [np.stack([x + across, top + np.array([0.16, 0.02, -s, 0.02, 0.16]), np.full(5, k)], -1) for s, k in zip(sag, z, strict=True)]
    )
    rubber.grid(trough[:, ::-1], (0.030, 0.030, 0.032))
    rubber.grid(trough - [0, 0.012, 0], (0.030, 0.030, 0.032))
    flat = np.stack(np.meshgrid([x - half, x + half], z), -1)[..., [0, 0, 1]] * [1, 0, 1]
    rubber.grid(flat + [0, top - 0.37, 0], (0.03, 0.03, 0.03))
    rubber.grid((flat + [0, top - 0.375, 0])[:, ::-1], (0.03, 0.03, 0.03))
    if loaded:
        pile_coal(site, rng, x, top - 0.01, half * 0.82, (0.10, 0.05))
    for e in (-1, 1):
        frame.profile(site.straight(x + e * (half + 0.10), top - 0.02), _SQUARE, colour)
        for k in np.arange(FIRST_Z, site.length, 2.4):
            frame.box([x + e * (half + 0.10), top / 2 - 0.05, k], (0.07, top, 0.06), vary(rng, colour, 0.1))
            frame.box([x + e * (half + 0.10), 0.03, k], (0.16, 0.03, 0.14), vary(rng, colour, 0.1))
    for k in np.arange(FIRST_Z, site.length, 1.2):
        for (xa, ya), (xb, yb) in (
            ((-half - 0.06, 0.15), (-half * 0.5, 0)),
            ((-half * 0.47, -0.02), (half * 0.47, -0.02)),
            ((half * 0.5, 0), (half + 0.06, 0.15)),
        ):
            frame.cylinder([x + xa, top + ya - 0.055, k], [x + xb, top + yb - 0.055, k], 0.045, paint(rng, "steel", spread=0.2), 10)
        frame.box([x, top - 0.10, k + 0.05], (width + 0.2, 0.05, 0.05), colour)
        for e in (-1, 1):
            frame.box([x + e * (half + 0.085), top + 0.06, k], (0.03, 0.20, 0.05), colour)
    for k in np.arange(FIRST_Z, site.length, 2.4):
        frame.cylinder(
            [x - half - 0.05, top - 0.42, k + 0.3], [x + half + 0.05, top - 0.42, k + 0.3], 0.045, paint(rng, "steel", spread=0.2), 10
        )
    if rng.random() < 0.7:  # pull cord of the emergency stop
        cord = site.straight(x - site.side * (half + 0.13), top + 0.18)
        cord[:, 1] += 0.03 * np.abs(np.sin(cord[:, 2]))
        site.parts["cable"].tube(cord, 0.006, PAINT["red"] if rng.random() < 0.5 else PAINT["yellow"], 5)


def pile_coal(site: Site, rng: np.random.Generator, x: float, y: float, half: float, heap: tuple[float, float]) -> None:
    """Adds a long heap of coal on (x, y), as wide as twice `half`; `heap` is the mean and the deviation of its height; all in m."""
    end = min(site.length, 32)
    rows = np.concatenate([np.arange(FIRST_Z, 9, 0.035), np.arange(9, end, 0.08)])
    u, z = np.meshgrid(np.linspace(-1, 1, 40), rows)
    fine, coarse = noise_map(256, 1.5, rng), noise_map(256, 2.5, rng)
    y = y + np.maximum(heap[0] + heap[1] * sample(coarse, z * 0 + 0.3, z / 30), 0) * (1 - u**2)
    y = y + 0.020 * sample(fine, u / 5, z / 6) + 0.020 * facets(u * half, z, 0.085, rng, (-half, half), (FIRST_Z, 32.0), 0.8) + 0.10 * u**2
    grey = np.clip(0.024 + 0.010 * sample(fine, u / 3, z / 4), 0.010, 0.08)
    site.parts["coal"].grid(np.stack([x + u * half, y, z], -1), np.repeat(grey[..., None], 3, 2), smooth=False)


def _track(site: Site, rng: np.random.Generator, x: float) -> None:
    site.gauge = float(rng.choice([0.6, 0.75, 0.9]))
    for e in (-site.gauge / 2, site.gauge / 2):
        site.parts["rail"].profile(site.straight(x + e, 0.055), _RAIL, (0.20, 0.16, 0.125))
    for z in np.arange(FIRST_Z, site.length, 0.7):
        place = [x + rng.normal() * 0.02, 0.0, z + rng.normal() * 0.02]
        site.parts["sleeper"].box(place, (site.gauge + 0.5, 0.12, 0.18), vary(rng, (0.10, 0.075, 0.05), 0.25), turn_y(rng.normal() * 0.02))


def _cars(site: Site, rng: np.random.Generator, x: float) -> None:
    body, first = site.parts["machine"], rng.uniform(8, 16)
    colour = paint(rng, "rust", "blue", "grey", "yellow")
    for k in range(int(rng.integers(1, 4))):
        z = first + k * 2.3
        body.box([x, 0.82, z], (0.80, 0.80, 1.9), colour, taper=1.25)
        body.box([x, 0.36, z], (0.5, 0.14, 2.1), PAINT["black"])
        body.box([x, 1.235, z], (1.06, 0.06, 1.96), vary(rng, colour, 0.2))
        for e in (-site.gauge / 2, site.gauge / 2):
            for dz in (-0.5, 0.5):
                body.cylinder([x + e - 0.04, 0.30, z + dz], [x + e + 0.04, 0.30, z + dz], 0.15, PAINT["steel"], 16)
        for dz in (-0.6, 0, 0.6):
            body.box([x, 0.80, z + dz], (0.98, 0.74, 0.06), vary(rng, colour, 0.2), taper=1.22)
        site.occupied.append((x, z))
