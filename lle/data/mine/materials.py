"""Classes of the masks, paints, and the materials of the parts a scene is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lle.data.mine.mesh import Colour

CLASSES = (
    "rock", "floor", "water", "steel", "timber", "belt", "coal", "rail", "pipe", "cable", "duct", "lamp", "person", "equipment",
    "sign", "mesh",
)  # fmt: skip
"""Names of the values of the masks. `steel` are supports, bolts and straps, `belt` the conveyor with its frame, `mesh` the wire mesh."""
COLOURS = (
    (110, 100, 90), (150, 130, 90), (60, 110, 150), (90, 140, 200), (165, 105, 50), (40, 40, 140), (25, 25, 30), (200, 90, 160),
    (60, 180, 120), (20, 110, 70), (150, 220, 170), (255, 255, 120), (230, 50, 50), (240, 150, 40), (250, 250, 250), (170, 170, 185),
)  # fmt: skip
"""sRGB colours for pictures of the masks, in the order of `CLASSES`."""

PAINT: dict[str, Colour] = {
    "red": (0.34, 0.06, 0.045), "blue": (0.06, 0.13, 0.28), "yellow": (0.42, 0.29, 0.05), "green": (0.07, 0.20, 0.11),
    "grey": (0.32, 0.33, 0.34), "orange": (0.45, 0.17, 0.04), "white": (0.55, 0.55, 0.53), "black": (0.025, 0.025, 0.027),
    "rust": (0.20, 0.10, 0.055), "steel": (0.26, 0.25, 0.24),
}  # fmt: skip
"""Linear reflectances."""


@dataclass(frozen=True)
class Material:
    """One part of a scene.

    Attributes:
        label: its class, one of `CLASSES`.
        roughness: of mitsuba's `principled` material.
        metallic: likewise.
        specular: likewise.
        dust: factor on the film of dust; 0 leaves the part clean.
        retro: weight of the retro-reflecting lobe.
        fade: factor on its own colour.
    """

    label: str
    roughness: float
    metallic: float = 0.0
    specular: float = 0.5
    dust: float = 1.0
    retro: float = 0.0
    fade: float = 1.0


PARTS: dict[str, Material] = {
    "rock": Material("rock", 0.6, specular=0.4, dust=0),
    "floor": Material("floor", 0.5, specular=0.4, dust=0),
    "water": Material("water", 0.12, dust=0),
    "stone": Material("floor", 0.7, specular=0.2, dust=0),
    "slab": Material("floor", 0.8, specular=0.3),
    "steel": Material("steel", 0.5, metallic=0.35),
    "wire": Material("mesh", 0.5, metallic=0.4),
    "timber": Material("timber", 0.8, specular=0.3),
    "frame": Material("belt", 0.5, metallic=0.25),
    "rubber": Material("belt", 0.55, specular=0.4, dust=0.4),
    "coal": Material("coal", 0.6, specular=0.2, dust=0),
    "rail": Material("rail", 0.45, metallic=0.6),
    "sleeper": Material("rail", 0.85, specular=0.2),
    "pipe": Material("pipe", 0.5, specular=0.4),
    "cable": Material("cable", 0.5, specular=0.4),
    "duct": Material("duct", 0.8, specular=0.2, dust=1.3, fade=0.5),
    "housing": Material("lamp", 0.4, metallic=0.3),
    "cloth": Material("person", 0.9, specular=0.15, dust=0.3),
    "skin": Material("person", 0.6, specular=0.4, dust=0.3),
    "strip": Material("person", 0.35, specular=0.6, dust=0.3, retro=8.0),
    "helmet": Material("person", 0.3, dust=0.3),
    "machine": Material("equipment", 0.4, metallic=0.1),
    "bright": Material("equipment", 0.22, metallic=0.85, specular=0.5, dust=0.25),
    "reflector": Material("equipment", 0.4, dust=0.3, retro=6.0),
    "sign": Material("sign", 0.4, specular=0.4, dust=0, retro=1.5),
    "glass": Material("lamp", 0.3, dust=0),
    "glass_on": Material("lamp", 0.3, dust=0),
    "led": Material("lamp", 0.4, dust=0),
    "cap_lamp": Material("person", 0.3, dust=0),
    "headlamp": Material("lamp", 0.3, dust=0),
}
"""Every scene has all of them (the kernel is compiled once for the mix); one that it does not use lies far below the floor."""


def vary(rng: np.random.Generator, colour: Colour | np.ndarray, spread: float = 0.06) -> np.ndarray:
    """A colour a little brighter or darker (log-normal, deviation `spread`) and a little off in hue; linear rgb."""
    return np.clip(np.asarray(colour) * np.exp(rng.normal() * spread) * np.exp(rng.normal(size=3) * spread * 0.10), 0.005, 0.9)


def paint(rng: np.random.Generator, *names: str, spread: float = 0.1) -> np.ndarray:
    """One of the named paints, varied."""
    return vary(rng, PAINT[names[int(rng.integers(len(names)))]], spread)
