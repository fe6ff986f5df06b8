"""The mixture of lights `varied`: nights, backlight, dim rooms, mines, and pictures that are lit already or too bright."""

from __future__ import annotations

import math

import cv2
import numpy as np

from lle.config.varied import Backlight, Bright, Night, Shares, Varied
from lle.data import degrade
from lle.data.camera import expose
from lle.data.degrade import Parameters, decode, log_uniform, rounded, uniform

_GOLDEN = (math.sqrt(5) - 1) / 2


def kind_of(place: int, shares: Shares) -> str:
    """Which light the picture with this number is taken under.

    Multiples of the golden ratio modulo 1 fill the unit interval evenly, so that the shares hold among few pictures too.
    """
    point = (place + 0.5) * _GOLDEN % 1
    kinds = [(kind, share) for kind, share in shares.model_dump().items() if share > 0]
    total = 0.0
    for kind, share in kinds:
        total += share
        if point < total:
            return str(kind)
    return str(kinds[-1][0])


def take(kind: str, image: np.ndarray, settings: Varied, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, Parameters]:
    """Takes a photograph again under one of the lights.

    Args:
        kind: the light, one of the names of `Shares`.
        image: H x W x 3 uint8, well exposed.
        settings: ranges.
        rng: source of every draw.

    Returns:
        The picture as taken and the answer, H x W x 3 uint8 each, and the parameters drawn. The answer is `image`, but for `lit`, where
        it is the picture as taken: a lit frame is to be left alone, with what little noise it has.
    """
    if kind == "room":
        linear, drawn = degrade.room_light(image, settings.room, rng)
    elif kind == "mine":
        linear, drawn = degrade.mine_light(image, settings.mine, rng)
    elif kind == "night":
        linear, drawn = night_light(image, settings.night, rng)
    elif kind == "backlight":
        linear, drawn = backlight(image, settings.backlight, rng)
    elif kind == "bright":
        linear, drawn = over_exposed(image, settings.bright, rng)
    else:
        linear, drawn = decode(image), {"lighting": "lit"}
    low = expose(linear, settings.camera, kind in ("bright", "lit"), drawn, rng)
    return low, low if kind == "lit" else image, drawn


def night_light(image: np.ndarray, light: Night, rng: np.random.Generator) -> tuple[np.ndarray, Parameters]:
    """Light after dark: pools of lamps, each of its colour, and the sky's bluish light; the camera takes off a share of the cast.

    Returns:
        Linear light, H x W x 3 float64, and the parameters drawn; places in fractions of width and height.
    """
    height, width = image.shape[:2]
    drawn: Parameters = {
        "lighting": "night",
        "exposure": log_uniform(light.exposure, rng),
        "ambient": uniform(light.ambient, rng),
        "sky": uniform(light.sky, rng),
        "balance": uniform(light.balance, rng),
        "glare": uniform(light.glare, rng),
        "lamps": [
            {
                "at": [rounded(rng.uniform(0.0, 1.0)), rounded(rng.uniform(0.0, 0.6))],
                "reach": uniform(light.reach, rng),
                "power": 1.0 if first else rounded(rng.uniform(0.3, 1.0)),
                "temperature": uniform(light.temperature, rng),
            }
            for first in [True] + [False] * (int(rng.integers(light.lamps[0], light.lamps[1] + 1)) - 1)
        ],
    }
    lamps = np.zeros((height, width, 3))
    glow = np.zeros((height, width, 3))
    for lamp in drawn["lamps"]:
        squared = degrade.distance2(height, width, lamp["at"])[..., None]
        colour = lamp["power"] * _cast(lamp["temperature"], drawn["balance"])
        lamps += colour * degrade.pool(squared, lamp["reach"])
        glow += colour * degrade.bulb(squared)
    direct = drawn["ambient"] * _cast(drawn["sky"], drawn["balance"]) + (1 - drawn["ambient"]) * lamps / lamps.max()
    return drawn["exposure"] * direct * decode(image) + drawn["glare"] * glow, drawn


def backlight(image: np.ndarray, light: Backlight, rng: np.random.Generator) -> tuple[np.ndarray, Parameters]:
    """A bright window or sky behind a subject in the dark, with the veil that it draws over all.

    Returns:
        Linear light, H x W x 3 float64, and the parameters drawn; places in fractions of width and height.
    """
    height, width = image.shape[:2]
    drawn: Parameters = {
        "lighting": "backlight",
        "exposure": log_uniform(light.exposure, rng),
        "behind": uniform(light.behind, rng),
        "flare": uniform(light.flare, rng),
    }
    linear = decode(image)
    if rng.random() < light.window:
        drawn["window"] = [rounded(rng.uniform(0.15, 0.85)), rounded(rng.uniform(0.1, 0.5))]
        drawn["size"] = [uniform(light.size, rng), uniform(light.size, rng)]
        drawn["rim"] = uniform(light.rim, rng)
        across = (np.abs(np.arange(width) / width - drawn["window"][0]) - drawn["size"][0] / 2) * width
        down = (np.abs(np.arange(height) / height - drawn["window"][1]) - drawn["size"][1] / 2) * height
        soft = drawn["rim"] * math.hypot(height, width)
        behind = _step(-across / soft)[None] * _step(-down / soft)[:, None]
        room = degrade.pool(degrade.distance2(height, width, drawn["window"]), 0.5)  # its light falls off into the room
    else:
        drawn["bright"] = uniform(light.bright, rng)
        smooth = cv2.GaussianBlur(linear.mean(axis=2), (0, 0), 0.02 * math.hypot(height, width), borderType=cv2.BORDER_REFLECT)
        edge = float(np.quantile(smooth, drawn["bright"]))
        spread = max(float(smooth.std()), 0.02)
        behind = _step((smooth - edge) / (0.25 * spread))
        room = np.ones((height, width))
    subject = drawn["exposure"] * room
    seen = linear * (subject + behind * (drawn["behind"] - subject))[..., None]
    return (1 - drawn["flare"]) * seen + drawn["flare"] * np.minimum(seen, 2).mean(axis=(0, 1)), drawn


def over_exposed(image: np.ndarray, light: Bright, rng: np.random.Generator) -> tuple[np.ndarray, Parameters]:
    """Too much light, with a camera's shoulder towards full scale: linear, H x W x 3 float64, and the parameters drawn."""
    drawn: Parameters = {"lighting": "bright", "stops": uniform(light.stops, rng), "knee": uniform(light.knee, rng)}
    linear = decode(image) * 2 ** drawn["stops"]
    knee, rest = drawn["knee"], 1 - drawn["knee"]
    if rest == 0:
        return linear, drawn
    return np.where(linear < knee, linear, knee + rest * (1 - np.exp(-(linear - knee) / rest))), drawn


def black_body(temperature: float) -> np.ndarray:
    """Colour of a black body in linear sRGB, its greatest value 1, none below 0.

    Chromaticity by Kang et al. (Journal of the Korean Physical Society 41(6), 2002), sRGB by IEC 61966-2-1.

    Args:
        temperature: 1667 to 25000 K; what is outside counts as the nearer end.
    """
    t = min(max(temperature, 1667.0), 25000.0)
    if t <= 4000:
        x = -0.2661239e9 / t**3 - 0.2343589e6 / t**2 + 0.8776956e3 / t + 0.179910
    else:
        x = -3.0258469e9 / t**3 + 2.1070379e6 / t**2 + 0.2226347e3 / t + 0.240390
    if t <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    tristimulus = (x / y, 1.0, (1 - x - y) / y)
    rows = ((3.2404542, -1.5371385, -0.4985314), (-0.9692660, 1.8760108, 0.0415560), (0.0556434, -0.2040259, 1.0572252))
    colour = np.array([max(sum(a * b for a, b in zip(row, tristimulus, strict=True)), 0.0) for row in rows])
    return np.asarray(colour / colour.max())


def _cast(temperature: float, balance: float) -> np.ndarray:
    """The colour that is left of a light once the camera has taken off a share of its cast; its greatest value is 1."""
    return np.asarray(black_body(temperature) ** (1 - balance))


def _step(values: np.ndarray) -> np.ndarray:
    """From 0 to 1 about 0, smoothly (logistic)."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))))
