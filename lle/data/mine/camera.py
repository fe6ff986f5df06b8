"""The camera, applied to stored radiance: exposure, bloom, shoulder, sensor noise, 8 bits and JPEG; and the three kinds of pairs.

Pictures are H x W x 3, in double precision until they are rounded, for the reason that `lle.data.degrade` gives; the sensor's noise
and the sRGB curve are those of that module, which other sets share.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np

from lle.data.degrade import linear_to_srgb, sensor, to_bytes
from lle.data.mine.plan import PairKind

_KNEE = 0.7


@dataclass(frozen=True)
class Shot:
    """How one picture is taken.

    Attributes:
        mean: of the stored picture that the exposure is solved for, 0 to 255, before noise.
        leak: share of the even light that is added to the working light.
        veil: light that stray reflections in the lens and the camera's lifted blacks add everywhere, relative to the mean.
        bloom: share of light that the lens spreads.
        photons: electrons at full scale; 0 leaves the picture free of noise.
        read_noise: electrons.
        jpeg: quality of a JPEG that the picture went through; 0 for none.
    """

    mean: float
    leak: float = 0.0
    veil: float = 0.0
    bloom: float = 0.015
    photons: float = 0.0
    read_noise: float = 0.0
    jpeg: int = 0


def bloom(linear: np.ndarray, share: float) -> np.ndarray:
    """Spreads a share of the light over Gaussians of 0.5, 2 and 7.5 % of the height (weights 0.5, 0.3, 0.2); H x W x 3 float64."""
    height = linear.shape[0]
    capped = np.minimum(linear, 60.0).astype(np.float64)
    spread = np.zeros_like(capped)
    for sigma, weight in ((0.005, 0.5), (0.02, 0.3), (0.075, 0.2)):
        step = max(1, int(sigma * height / 2))
        small = cv2.resize(capped, (max(1, linear.shape[1] // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma * height / step, borderType=cv2.BORDER_REFLECT)
        spread += weight * cv2.resize(small, (linear.shape[1], height), interpolation=cv2.INTER_LINEAR)
    return (1 - share) * capped + share * spread


def shoulder(linear: np.ndarray) -> np.ndarray:
    """Linear up to 0.7, then an exponential approach to 1, as cameras keep highlights from clipping hard."""
    result = np.array(linear)
    high = linear >= _KNEE
    result[high] = _KNEE + (1 - _KNEE) * (1 - np.exp(-(linear[high] - _KNEE) / (1 - _KNEE)))
    return result


def solve_exposure(linear: np.ndarray, mean: float) -> float:
    """The factor on linear light that gives the stored picture (shoulder, sRGB) a mean of `mean` out of 255."""
    small = linear[::4, ::4]
    low, high = 1e-4, 1e5
    for _ in range(30):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if 255 * float(linear_to_srgb(shoulder(small * middle)).mean()) < mean else (low, middle)
    return middle


def take(linear: np.ndarray, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """Takes a picture of radiance (H x W x 3, any unit); returns H x W x 3 uint8 sRGB."""
    spread = bloom(linear / max(float(np.mean(linear)), 1e-12), shot.bloom)
    spread = spread + shot.veil
    exposed = shoulder(spread * solve_exposure(spread, shot.mean))
    if shot.photons:
        exposed = sensor(exposed, shot.photons, shot.read_noise, rng)
    stored = to_bytes(linear_to_srgb(exposed))
    if shot.jpeg:
        _, buffer = cv2.imencode(".jpg", stored[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, shot.jpeg])
        stored = np.asarray(cv2.imdecode(buffer, cv2.IMREAD_COLOR))[..., ::-1].copy()
    return stored


def draw_shots(kind: PairKind, rng: np.random.Generator) -> tuple[Shot, Shot]:
    """Draws how the low and the reference picture of a pair are taken.

    Means of dark and unevenly lit pictures, leak and veil are such that levels resemble those of real frames (`lle.data.mine.compare`);
    full wells of 800 to 8000 electrons are those of small sensors at high gain, binned or not.
    """
    reference = Shot(mean=round(rng.uniform(100, 122), 2))
    photons = round(float(np.exp(rng.uniform(np.log(800), np.log(8000)))), 1)
    read_noise = round(rng.uniform(1.5, 5.0), 2)
    jpeg = int(rng.integers(70, 96)) if rng.random() < 0.3 else 0
    low = Shot(mean=round(rng.uniform(20, 45), 2), photons=photons, read_noise=read_noise, jpeg=jpeg)
    veil, glow, leak = (round(rng.uniform(*bounds), 4) for bounds in ((0.05, 0.35), (0.03, 0.06), (0.05, 0.25)))
    if kind == "relit":
        low = replace(low, veil=veil, bloom=glow, leak=leak)
    elif kind == "uneven":
        low = replace(low, veil=veil, bloom=glow, leak=leak, mean=round(rng.uniform(70, 110), 2), photons=4 * photons)
    else:
        low = replace(low, veil=veil / 2)
    return low, reference


def make_pair(
    even: np.ndarray, working: np.ndarray, kind: PairKind, seed: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Makes one pair from radiance.

    `relit` sets the working lamps against even light and asks for relighting as well; `uneven` does so with a bright working state;
    `short_exposure` is the even light twice, so it asks for brightening and denoising alone.

    Args:
        even: radiance under even light, H x W x 3 float32.
        working: radiance under the working lamps, same unit.
        kind: of the pair.
        seed: decides exposure and noise.

    Returns:
        Low and reference picture, H x W x 3 uint8, and how they were taken, fit for JSON.
    """
    rng = np.random.default_rng(seed)
    low, reference = draw_shots(kind, rng)
    light = even if kind == "short_exposure" else working + low.leak * balance(even, working) * even
    return take(light, low, rng), take(even, reference, rng), {"kind": kind, "low": asdict(low), "reference": asdict(reference)}


def balance(even: np.ndarray, working: np.ndarray) -> float:
    """How many times brighter the working state is than the even one (99th percentiles), so that a leak is relative to its light."""
    return float(np.percentile(working, 99) / max(float(np.percentile(even, 99)), 1e-12))
