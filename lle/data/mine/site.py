"""What the functions that build a roadway share: its measures, its meshes, its lamps, its random draws."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from lle.data.mine.materials import PARTS
from lle.data.mine.mesh import Mesh
from lle.data.mine.section import Section
from lle.data.mine.signs import Signs

Kind = Literal["arch", "shotcrete", "bolted", "longwall", "drill", "timber"]
Bend = Callable[[np.ndarray], np.ndarray]
"""Moves points (..., 3) of the straight roadway to where they are in the curved and sloping one."""
FIRST_Z = -4.0
"""Where the roadway begins, m; the camera stands near z = 0 and looks along +z (+x is then on its left)."""
NONE = np.zeros(3)


@dataclass(frozen=True)
class Lamp:
    """A source of light: a point, a small ball or a short tube along z.

    Attributes:
        place: centre, before the roadway is bent, m.
        even: intensity in the even state, linear rgb, W/sr in a unit that all share.
        working: intensity in the working state.
        radius: of the ball, m.
        half_length: of the tube, m.
        axis: direction of a spot.
        cut: half angle at which a spot ends, degrees; 180 for a lamp that shines all round.
        beam: half angle of its full light, degrees.
    """

    place: np.ndarray
    even: np.ndarray = field(default_factory=lambda: NONE)
    working: np.ndarray = field(default_factory=lambda: NONE)
    radius: float = 0.06
    half_length: float = 0.0
    axis: np.ndarray = field(default_factory=lambda: np.array([0.0, -1.0, 0.0]))
    cut: float = 180.0
    beam: float = 180.0


@dataclass(frozen=True)
class Motion:
    """Where moving things are at one moment of a clip; the defaults are the still scene.

    Attributes:
        advance: way of the camera and its headlights along the roadway, m.
        walk: way of every person in the direction they face along the roadway, m.
        gait: phase of their steps, radians; None keeps the step of the still scene.
        approach: way of the oncoming machine towards the camera, m.
        swing: farthest sideways displacement of the hanging lamps, m.
        swing_phase: of the first lamp, radians.
    """

    advance: float = 0.0
    walk: float = 0.0
    gait: float | None = None
    approach: float = 0.0
    swing: float = 0.0
    swing_phase: float = 0.0


@dataclass
class Site:
    """A roadway while it is built.

    Attributes:
        kind: roadway type.
        seed: seed and number of the scene.
        section: cross-section.
        length: from z = 0 to the closed far end, m.
        side: wall of the belt and the duct, -1 or 1.
        parts: meshes by the name of their material.
        signs: panels.
        lamps: sources of light.
        glow: emitted radiance of parts that shine, (even, working), linear rgb.
        rows: z of the rows of the floor and the rock, m.
        free: lowest and highest x of the walkway, m.
        belt_x: centre of the conveyor; None without one.
        rail_x: centre of the track; None without one.
        gauge: of the track, m.
        occupied: (x, z) of objects that stand in the walkway.
        motion: where moving things are.
    """

    kind: Kind
    seed: tuple[int, int]
    section: Section
    length: float
    side: int
    signs: Signs
    parts: dict[str, Mesh] = field(default_factory=lambda: {name: Mesh() for name in PARTS})
    lamps: list[Lamp] = field(default_factory=list)
    glow: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0))
    free: tuple[float, float] = (-1.0, 1.0)
    belt_x: float | None = None
    rail_x: float | None = None
    gauge: float = 0.75
    occupied: list[tuple[float, float]] = field(default_factory=list)
    motion: Motion = field(default_factory=Motion)
    _floor: tuple[np.ndarray, np.ndarray] = field(default_factory=lambda: (np.zeros(0), np.zeros((0, 0))))

    @property
    def width(self) -> float:
        """At the floor, m."""
        return self.section.width

    @property
    def height(self) -> float:
        """At the crown, m."""
        return self.section.height

    def draw(self, purpose: str) -> np.random.Generator:
        """Random numbers of one purpose: a change of one part of the code leaves the draws of the others alone."""
        return np.random.default_rng([*self.seed, zlib.crc32(purpose.encode())])

    def set_floor(self, columns: np.ndarray, heights: np.ndarray) -> None:
        """Stores the floor: x of the columns, and heights, rows x columns, m."""
        self._floor = (columns, heights)

    def floor(self, x: float, z: float) -> float:
        """Height of the floor, m."""
        columns, heights = self._floor
        return float(heights[np.argmin(np.abs(self.rows - z)), np.argmin(np.abs(columns - x))])

    def along(self, step: float = 0.25) -> np.ndarray:
        """Places along the roadway, z from the beginning to the end in equal steps, m."""
        return np.arange(FIRST_Z, self.length, step)

    def straight(self, x: float, y: float, step: float = 0.5) -> np.ndarray:
        """N x 3 points of a straight line along the roadway."""
        z = self.along(step)
        return np.stack([np.full(len(z), x), np.full(len(z), y), z], -1)

    def glow_of(self, part: str, even: np.ndarray, working: np.ndarray) -> None:
        """Makes a part shine with a radiance in each state."""
        self.glow[part] = (np.asarray(even, float), np.asarray(working, float))
