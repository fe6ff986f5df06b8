"""What a handheld camera makes of light: vignetting, sensor noise, demosaicking, denoising, 8 bits and JPEG.

Arrays are H x W x 3, in double precision (see `lle.data.degrade`). JPEG is that of libjpeg-turbo, whose default transform is of
integers and the same with every instruction set.
"""

from __future__ import annotations

import cv2
import numpy as np

from lle.config.varied import Handheld
from lle.data.degrade import Parameters, linear_to_srgb, log_uniform, sensor, to_bytes, uniform

_LUMA = np.array([0.2126, 0.7152, 0.0722])


def expose(linear: np.ndarray, camera: Handheld, lit: bool, drawn: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Takes a picture.

    Args:
        linear: light, 1 being full scale; what is above clips.
        camera: ranges of the camera.
        lit: whether there is light enough for a low ISO.
        drawn: receives what is drawn here.
        rng: source of every draw.

    Returns:
        H x W x 3 uint8.
    """
    drawn["vignetting"] = uniform(camera.vignetting, rng)
    drawn["iso"] = log_uniform(camera.iso_lit if lit else camera.iso, rng)
    drawn["full_well"] = log_uniform(camera.full_well, rng)
    drawn["read_noise"] = uniform(camera.read_noise, rng)
    drawn["denoise"] = uniform(camera.denoise, rng)
    photons = drawn["full_well"] * 100 / drawn["iso"]
    seen = np.minimum(linear * vignette(linear.shape[0], linear.shape[1], drawn["vignetting"])[..., None], 1)
    noise = denoised(mosaic_noise(seen, photons, drawn["read_noise"], rng), drawn["denoise"])
    stored = to_bytes(linear_to_srgb(seen + noise))
    if rng.random() < camera.jpeg:
        drawn["jpeg"] = int(rng.integers(camera.quality[0], camera.quality[1] + 1))
        stored = compressed(stored, drawn["jpeg"])
    return stored


def vignette(height: int, width: int, loss: float) -> np.ndarray:
    """Share of light that reaches each pixel: the law of the cosine to the fourth, (1 + (r tan a)^2)^-2, r being 1 in the corners.

    Args:
        height: rows.
        width: columns.
        loss: in the corners, from 0 to below 1; it says how wide the lens is.

    Returns:
        height x width, from 1 - loss to 1.
    """
    rows = (np.arange(height) + 0.5) / height * 2 - 1
    columns = (np.arange(width) + 0.5) / width * 2 - 1
    radius2 = ((rows * height)[:, None] ** 2 + (columns * width)[None] ** 2) / (height**2 + width**2)
    return np.asarray((1 + radius2 * ((1 - loss) ** -0.5 - 1)) ** -2.0)


def mosaic_noise(linear: np.ndarray, photons: float, read_noise: float, rng: np.random.Generator) -> np.ndarray:
    """The noise of a sensor under a Bayer pattern (RGGB) after bilinear demosaicking.

    Demosaicking with fixed weights is linear, so it acts on noise and picture apart; the picture is left as it is, for it has been
    through a camera once.

    Args:
        linear: light in [0, 1].
        photons: electrons at full scale.
        read_noise: in electrons.
        rng: source of the draw.

    Returns:
        H x W x 3, of mean 0; to be added to `linear`.
    """
    height, width = linear.shape[:2]
    site = np.ones((height, width), np.intp)
    site[::2, ::2] = 0
    site[1::2, 1::2] = 2
    light = np.take_along_axis(linear, site[..., None], axis=2)[..., 0]
    noise = sensor(light, photons, read_noise, rng) - light
    noise[light >= 1] = 0  # a full pixel stays full
    planes = [np.where(site == channel, noise, 0.0) for channel in range(3)]
    red, blue = (_spread(_spread(plane, 0, 1, _TENT), 1, 1, _TENT) for plane in (planes[0], planes[2]))
    around = np.pad(planes[1], 1, mode="reflect")
    green = planes[1] + (around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]) / 4
    return np.stack([red, green, blue], axis=2)


def denoised(noise: np.ndarray, strength: float) -> np.ndarray:
    """What denoising inside a camera leaves of noise: brightness loses a share of its fine part, colour all of it.

    Args:
        noise: H x W x 3, linear.
        strength: share of the fine part of brightness that is taken off: 0 to 1.

    Returns:
        H x W x 3. Brightness is smoothed with a binomial of 5 pixels, differences from brightness with those of 5 and 10 in turn.
    """
    luma = (noise * _LUMA).sum(axis=2)
    colour = noise - luma[..., None]
    smooth = _spread(_spread(luma, 0, 1, _BINOMIAL), 1, 1, _BINOMIAL)
    for step in (1, 2):
        colour = _spread(_spread(colour, 0, step, _BINOMIAL), 1, step, _BINOMIAL)
    return np.asarray((luma + strength * (smooth - luma))[..., None] + colour)


def compressed(stored: np.ndarray, quality: int) -> np.ndarray:
    """Through JPEG and back: H x W x 3 uint8, quality of libjpeg from 1 to 100."""
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(stored[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1])


_TENT = (0.5, 1.0, 0.5)
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def _spread(values: np.ndarray, axis: int, step: int, weights: tuple[float, ...]) -> np.ndarray:
    """Weighted sum of shifted copies along an axis, mirrored at the borders."""
    reach = step * (len(weights) // 2)
    padded = np.pad(values, [(reach, reach) if dimension == axis else (0, 0) for dimension in range(values.ndim)], mode="reflect")
    length = values.shape[axis]
    total = np.zeros_like(values)
    for place, weight in enumerate(weights):
        window = [slice(None)] * values.ndim
        window[axis] = slice(place * step, place * step + length)
        total += weight * padded[tuple(window)]
    return total
