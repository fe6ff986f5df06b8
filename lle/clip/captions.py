"""Pictures of the same things in many kinds of light, and words for each: what the small CLIP learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from lle.config.light import Camera, Mine, Room
from lle.data import degrade
from lle.data.demo import expose

MEANS = (0.3, 0.55)
"""Means to which photographs are exposed before they are lit: what automatic exposure makes of most scenes."""
_CLEAN = Camera(photons=(20000.0, 40000.0), read_noise=(0.0, 1.0))
_USUAL = Camera()


@dataclass(frozen=True)
class Light:
    """One kind of light.

    Attributes:
        words: how captions say it; the first one stands for the kind when captions are retrieved.
        show: makes the picture, H x W x 3 uint8, from one in normal light.
        share: how often it is shown against the others.
    """

    words: tuple[str, ...]
    show: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    share: int = 1


def _linear(image: np.ndarray) -> np.ndarray:
    return degrade.srgb_to_linear(image / 255)


def _stored(linear: np.ndarray) -> np.ndarray:
    return degrade.to_bytes(degrade.linear_to_srgb(linear))


def _normal(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _stored(_linear(image) * 2 ** rng.uniform(-0.35, 0.35))


def _room(low: float, high: float) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    light = Room(exposure=(low, high), unevenness=(0.0, 0.8), warmth=(0.0, 0.1))
    # Half of them through a good sensor, so that darkness is not told by its noise.
    return lambda image, rng: degrade.room(image, light, _CLEAN if rng.random() < 0.5 else _USUAL, rng)[0]


def _uneven(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    field = degrade.illumination_field(image.shape[0], image.shape[1], float(rng.uniform(0.9, 0.98)), rng)
    return _stored(_linear(image) * rng.uniform(0.8, 1.4) * field[..., None])


def _back_lit(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = image.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    x, y = rng.uniform(0.3, 0.7) * width, rng.uniform(0.5, 0.8) * height
    distance = ((columns - x) / (rng.uniform(0.25, 0.4) * width)) ** 2 + ((rows - y) / (rng.uniform(0.35, 0.55) * height)) ** 2
    behind = 1 / (1 + np.exp(-6 * (distance - 1)))
    dark, bright = rng.uniform(0.02, 0.08), rng.uniform(1.5, 3.0)
    return _stored(_linear(image) * (dark + (bright - dark) * behind)[..., None])


def _over(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _stored(_linear(image) * rng.uniform(2.5, 8.0))


def _noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _stored(degrade.sensor(_linear(image), float(rng.uniform(20, 90)), float(rng.uniform(1, 4)), rng))


def _hazy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    clear = rng.uniform(0.25, 0.55)
    return _stored(_linear(image) * clear + rng.uniform(0.45, 0.75) * (1 - clear))


def _cast(gains: tuple[float, float, float]) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    def show(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        tint = np.array(gains) ** rng.uniform(0.7, 1.5)
        return _stored(_linear(image) * tint)

    return show


def _washed_out(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What brightening dark pictures by a power alone gives: grey shadows, pale colours, amplified noise."""
    dark = degrade.room(image, Room(exposure=(0.05, 0.2), unevenness=(0.0, 0.3)), _USUAL, rng)[0] / 255
    dark = np.clip(dark, 0.02, 1)  # black stays a dark grey instead of falling to 0
    exponent = np.log(rng.uniform(0.6, 0.78)) / np.log(float(dark.mean()))
    return degrade.to_bytes(dark**exponent)


def _mine(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return degrade.mine(image, Mine(), _CLEAN, rng)[0]


LIGHTS: Mapping[str, Light] = {
    "normal": Light(("evenly lit", "well lit", "normal-light", "bright and clear", "normally exposed"), _normal, 3),
    "very dark": Light(("very dark", "almost black", "extremely dark", "severely underexposed"), _room(0.008, 0.05), 2),
    "dim": Light(("dim", "dark", "low-light", "underexposed"), _room(0.05, 0.32), 3),
    "uneven": Light(("unevenly lit", "patchily lit"), _uneven),
    "back-lit": Light(("back-lit", "backlit"), _back_lit),
    "lamps": Light(("lamp-lit underground", "dark lamp-lit"), _mine),
    "over-exposed": Light(("over-exposed", "too bright", "blown-out"), _over),
    "noisy": Light(("noisy", "grainy"), _noisy),
    "hazy": Light(("hazy", "foggy"), _hazy),
    "washed out": Light(("washed-out", "pale and noisy"), _washed_out),
    "yellow": Light(("yellow-tinted", "yellowish"), _cast((1.0, 0.85, 0.35))),
    "blue": Light(("blue-tinted", "bluish"), _cast((0.45, 0.7, 1.0))),
    "green": Light(("green-tinted", "greenish"), _cast((0.5, 1.0, 0.5))),
    "red": Light(("red-tinted", "reddish"), _cast((1.0, 0.5, 0.5))),
}

CONTENTS: Mapping[str, tuple[str, ...]] = {
    "astronaut": ("an astronaut", "a smiling woman in a space suit"),
    "brick": ("a brick wall", "bricks"),
    "camera": ("a man with a camera", "a photographer with a tripod"),
    "chelsea": ("a cat", "a tabby cat"),
    "china": ("a temple", "a Chinese pavilion with trees"),
    "coffee": ("a cup of coffee", "coffee on a table"),
    "coins": ("coins", "old coins"),
    "flower": ("a flower", "a dahlia in bloom"),
    "grace_hopper": ("an officer", "a woman in uniform"),
    "grass": ("grass", "a lawn"),
    "gravel": ("gravel", "stones"),
    "motorcycle": ("a motorcycle", "a motorcycle in a workshop"),
    "rocket": ("a rocket", "a rocket on its launch pad"),
}
"""What the demonstration photographs show; pictures of other scenes are captioned by their light alone."""

_FRAMES = ("a {light} photo of {content}", "a {light} picture of {content}", "{content}, {light}")
_BARE = ("a {light} photo", "a {light} picture", "a {light} image")


def caption(light: str, scene: str, rng: np.random.Generator) -> str:
    """Words one picture: always its light, mostly what it shows.

    Args:
        light: key of `LIGHTS`.
        scene: key of `CONTENTS`, or another name.
        rng: source of the choice of words.
    """
    words = str(rng.choice(LIGHTS[light].words))
    if scene not in CONTENTS or rng.random() < 0.5:
        return str(rng.choice(_BARE)).format(light=words)
    return str(rng.choice(_FRAMES)).format(light=words, content=str(rng.choice(CONTENTS[scene])))


def label(light: str) -> str:
    """The caption that stands for a kind of light in retrieval."""
    return f"a {LIGHTS[light].words[0]} photo"


def view(image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random square window of a picture, at least two fifths of its shorter side, brought to size x size."""
    short = min(image.shape[:2])
    side = int(rng.integers(max(2 * short // 5, min(size, short)), short + 1))
    top, left = (int(rng.integers(length - side + 1)) for length in image.shape[:2])
    window = image[top : top + side, left : left + side]
    if rng.random() < 0.5:
        window = window[:, ::-1]
    return cv2.resize(np.ascontiguousarray(window), (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC)


def varied(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposes a picture to a random mean and, half of the time, exchanges its colours: a dozen photographs must stand for all content.

    Without it the small model learns how bright and what colour those few scenes are, and takes other scenes for dark or lit by that.

    Args:
        image: H x W x 3 uint8, in normal light.
        rng: source of both.

    Returns:
        H x W x 3 uint8.
    """
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[..., rng.permutation(3)])
    return expose(image, rng.uniform(*MEANS))
