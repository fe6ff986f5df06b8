"""Low light from normal light: the physics of dim rooms, of lamps underground, of a sensor, and the papers' formula.

Pictures are H x W x 3 float64. *Linear* values are proportional to light, *stored* ones are sRGB-encoded; both in [0, 1].
Powers and exponentials of single precision differ in the last bit from one kind of processor to another, which changes a level
here and there once 8 bits are rounded; in double precision every machine makes the same pictures.
Left out on purpose: demosaicking and denoising inside the camera, which correlate the noise of neighbouring pixels; `lle.data.camera`
has them, for `lighting: varied`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from lle.config.light import Camera, Mine, Published, Room

_TABLE = np.arange(256) / 255
Parameters = dict[str, Any]
"""What was drawn for one picture: plain numbers and lists, fit for JSON."""


def srgb_to_linear(stored: np.ndarray) -> np.ndarray:
    """Decodes sRGB (IEC 61966-2-1): stored values in [0, 1] to linear light in [0, 1], float64."""
    stored = np.asarray(stored, np.float64)
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """Encodes sRGB (IEC 61966-2-1): linear light, clipped to [0, 1], to stored values in [0, 1], float64."""
    linear = np.clip(np.asarray(linear, np.float64), 0, 1)
    high = 1.055 * cv2.pow(linear, 1 / 2.4).reshape(linear.shape) - 0.055
    return np.where(linear <= 0.0031308, linear * 12.92, high)


def to_bytes(stored: np.ndarray) -> np.ndarray:
    """Rounds stored values in [0, 1] to uint8, as a file holds them."""
    return np.rint(np.clip(stored, 0, 1) * 255).astype(np.uint8)


def illumination_field(height: int, width: int, unevenness: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth random field of light: a 4 x 4 grid of normal numbers, enlarged by cubic interpolation.

    Args:
        height: rows.
        width: columns.
        unevenness: the field spans [1 - unevenness, 1].
        rng: source of the draw.

    Returns:
        height x width float64 factors on linear light.
    """
    grid = rng.standard_normal((4, 4))
    field = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    field = (field - field.min()) / (field.max() - field.min())
    return 1 - unevenness * (1 - field)


def sensor(linear: np.ndarray, photons: float, read_noise: float, rng: np.random.Generator) -> np.ndarray:
    """Shot and read noise of a sensor: the Poisson-Gaussian model (Foi et al., IEEE TIP 17(10), 2008).

    A pixel of value x becomes P / photons + G / photons with P ~ Poisson(photons * x) and G ~ N(0, read_noise^2): its mean is x
    and its variance x / photons + (read_noise / photons)^2.

    Args:
        linear: light in [0, 1], 1 being full scale.
        photons: electrons at full scale.
        read_noise: in electrons.
        rng: source of the draw.

    Returns:
        Linear values, float64, not clipped: they may be negative, as a sensor's are after its black level is subtracted.
    """
    # Above some ten electrons the sum of both noises is normal to within what 8 bits show, and normal numbers are cheap.
    electrons = np.clip(np.asarray(linear, np.float64), 0, None) * photons
    noisy = rng.standard_normal(electrons.shape, dtype=np.float32).astype(np.float64)
    few = electrons < 12
    noisy *= np.sqrt(np.where(few, read_noise**2, electrons + read_noise**2))
    noisy += electrons
    noisy[few] += rng.poisson(electrons[few]) - electrons[few]
    return noisy / photons


def darken(stored: np.ndarray, alpha: float, beta: float, gamma: float) -> np.ndarray:
    """The published darkening beta * (alpha * I) ** gamma on stored values (Lv, Li, Lu: AgLLNet, IJCV 129, 2021)."""
    return beta * (alpha * np.asarray(stored, np.float64)) ** gamma


def room(image: np.ndarray, light: Room, camera: Camera, rng: np.random.Generator) -> tuple[np.ndarray, Parameters]:
    """Takes a photograph again in dim light: exposure, uneven light, a warm lamp, then the sensor.

    Args:
        image: H x W x 3 uint8, normal light.
        light: ranges of the lighting.
        camera: ranges of the sensor.
        rng: source of every draw.

    Returns:
        The dark picture, H x W x 3 uint8, and the parameters drawn.
    """
    linear, drawn = room_light(image, light, rng)
    return _expose(linear, camera, drawn, rng)


def room_light(image: np.ndarray, light: Room, rng: np.random.Generator) -> tuple[np.ndarray, Parameters]:
    """The light of `room` before the sensor: linear, H x W x 3, and the parameters drawn."""
    drawn: Parameters = {
        "lighting": "room",
        "exposure": log_uniform(light.exposure, rng),
        "unevenness": uniform(light.unevenness, rng),
        "warmth": uniform(light.warmth, rng),
    }
    field = illumination_field(image.shape[0], image.shape[1], drawn["unevenness"], rng)
    return decode(image) * (drawn["exposure"] * field)[..., None] * _tint(drawn["warmth"]), drawn


def mine(image: np.ndarray, light: Mine, camera: Camera, rng: np.random.Generator) -> tuple[np.ndarray, Parameters]:
    """Takes a photograph again in a roadway underground: `mine_light`, then the sensor.

    Args:
        image: H x W x 3 uint8, normal light.
        light: ranges of the lighting.
        camera: ranges of the sensor.
        rng: source of every draw.

    Returns:
        The dark picture, H x W x 3 uint8, and the parameters drawn; places in fractions of width and height.
    """
    linear, drawn = mine_light(image, light, rng)
    return _expose(linear, camera, drawn, rng)


def mine_light(image: np.ndarray, light: Mine, rng: np.random.Generator) -> tuple[np.ndarray, Parameters]:
    """The light of a roadway underground before the sensor.

    Direct light of a lamp at distance h from the surface it lights, d from the nearest point of it: (1 + (d/h)^2)^(-3/2), the
    inverse-square law with Lambert's cosine. The cap lamp's cone is exp(-(d/r)^4): flat, with a soft rim. Dust: Koschmieder's law,
    seen = direct * t + air * (1 - t), t = exp(-haze * depth), with the depth of a straight roadway (0 at the border of the picture,
    1 at its vanishing point) and the air lit by the same lamps, blurred. Forward scattering draws a glow 1 / (1 + (d/r)^2) round
    each bulb (after the multiple-scattering point spread of Narasimhan and Nayar, CVPR 2003, in its simplest form).

    Args:
        image: H x W x 3 uint8, normal light.
        light: ranges of the lighting.
        rng: source of every draw.

    Returns:
        Linear light, H x W x 3 float64, and the parameters drawn; places in fractions of width and height.
    """
    height, width = image.shape[:2]
    drawn: Parameters = {
        "lighting": "mine",
        "exposure": log_uniform(light.exposure, rng),
        "ambient": uniform(light.ambient, rng),
        "cap_lamp": uniform(light.cap_lamp, rng),
        "cone": uniform(light.cone, rng),
        "haze": uniform(light.haze, rng),
        "glare": uniform(light.glare, rng),
        "warmth": uniform(light.warmth, rng),
        "vanishing_point": [rounded(rng.uniform(0.35, 0.65)), rounded(rng.uniform(0.35, 0.6))],
        "cap_lamp_at": [rounded(rng.uniform(0.25, 0.75)), rounded(rng.uniform(0.35, 0.8))],
        "lamps": [
            # Lamps hang from the roof: in the upper part of the picture.
            {
                "at": [rounded(rng.uniform(0.05, 0.95)), rounded(rng.uniform(0.03, 0.35))],
                "reach": uniform(light.reach, rng),
                "power": 1.0 if first else rounded(rng.uniform(0.4, 1.0)),
            }
            for first in [True] + [False] * (int(rng.integers(light.lamps[0], light.lamps[1] + 1)) - 1)
        ],
    }
    lamps = np.zeros((height, width))
    glow = np.zeros((height, width))
    for lamp in drawn["lamps"]:
        squared = distance2(height, width, lamp["at"])
        lamps += lamp["power"] * pool(squared, lamp["reach"])
        glow += lamp["power"] * bulb(squared)
    cap = drawn["cap_lamp"] * np.exp(-((distance2(height, width, drawn["cap_lamp_at"]) / drawn["cone"] ** 2) ** 2))
    direct = lamps + cap
    direct = drawn["ambient"] + (1 - drawn["ambient"]) * direct / direct.max()

    tint = _tint(drawn["warmth"])
    depth = 1 - np.sqrt(np.minimum(distance2(height, width, drawn["vanishing_point"]) * 4, 1))
    clear = np.exp(-drawn["haze"] * depth)[..., None]
    small = cv2.resize(direct, (max(1, width // 16), max(1, height // 16)), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), max(1.0, 0.1 * math.hypot(*small.shape)))
    air = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    grey = 0.5  # share of the light that dust sends back to the camera
    linear = decode(image) * direct[..., None] * clear + grey * air[..., None] * (1 - clear)
    return (drawn["exposure"] * linear + drawn["glare"] * glow[..., None]) * tint, drawn


def distance2(height: int, width: int, place: Sequence[float]) -> np.ndarray:
    """Squared distance of every pixel from a place (x, y in fractions of width and height), in squared diagonals."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    diagonal = math.hypot(height, width)
    return ((columns - place[0] * width) ** 2 + (rows - place[1] * height) ** 2) / diagonal**2


def pool(squared: np.ndarray, reach: float) -> np.ndarray:
    """Light of a lamp at distance `reach` from the surface it lights: inverse squares with Lambert's cosine, 1 at its nearest point."""
    return np.asarray((1 + squared / reach**2) ** -1.5)


def bulb(squared: np.ndarray) -> np.ndarray:
    """A bulb in view, of 0.012 diagonals, and the glow that forward scattering draws round it."""
    radius = 0.012
    return np.asarray(np.exp(-((squared / radius**2) ** 2)) + 0.15 / (1 + squared / (2 * radius) ** 2))


def published(image: np.ndarray, settings: Published, camera: Camera, rng: np.random.Generator) -> tuple[np.ndarray, Parameters]:
    """Darkens a photograph by the papers' formula, with the camera's noise if the settings say so.

    Args:
        image: H x W x 3 uint8, normal light.
        settings: ranges of the formula.
        camera: ranges of the sensor.
        rng: source of every draw.

    Returns:
        The dark picture, H x W x 3 uint8, and the parameters drawn.
    """
    drawn: Parameters = {
        "lighting": "published",
        "alpha": uniform(settings.alpha, rng),
        "beta": uniform(settings.beta, rng),
        "gamma": uniform(settings.gamma, rng),
    }
    dark = darken(_TABLE[image], drawn["alpha"], drawn["beta"], drawn["gamma"])
    if settings.noise:
        return _expose(srgb_to_linear(dark), camera, drawn, rng)
    return to_bytes(dark), drawn


def _expose(linear: np.ndarray, camera: Camera, drawn: Parameters, rng: np.random.Generator) -> tuple[np.ndarray, Parameters]:
    """Light to a stored 8-bit picture, by way of the sensor."""
    drawn["photons"] = log_uniform(camera.photons, rng)
    drawn["read_noise"] = uniform(camera.read_noise, rng)
    return to_bytes(linear_to_srgb(sensor(np.minimum(linear, 1), drawn["photons"], drawn["read_noise"], rng))), drawn


def decode(image: np.ndarray) -> np.ndarray:
    """Decodes a stored picture, uint8, to linear light in [0, 1], float64."""
    return srgb_to_linear(_TABLE)[image]


def _tint(warmth: float) -> np.ndarray:
    return np.array([1, 1 - warmth / 3, 1 - warmth])


def uniform(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    """Draws uniformly between both bounds."""
    return rounded(rng.uniform(*bounds))


def log_uniform(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    """Draws uniformly in the logarithm; uniformly where the lower bound is 0."""
    if bounds[0] == 0:
        return uniform(bounds, rng)
    return rounded(math.exp(rng.uniform(math.log(bounds[0]), math.log(bounds[1]))))


def rounded(value: float) -> float:
    """Rounds before use, so that the manifest holds exactly what was used."""
    return float(f"{value:.5g}")
