"""Pictures that the report computes from the sample pictures in git: error maps, illumination maps, histograms.

Everything is small and of whole numbers where it can be, so that equal samples give equal bytes.
"""

from __future__ import annotations

import base64
import functools
import io
from pathlib import Path
from typing import TYPE_CHECKING

from lle.report.gallery import webp_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LUMA = (0.299, 0.587, 0.114)
WIDTH = 200
"""Pixels of the width of a map."""
ERROR = 96
"""Difference of brightness, of 255, at which the scale of the error maps ends."""
FLOOR = 0.01
"""Smallest output that an input is divided by, as in SLLEN's illumination loss."""
BINS = 64
STEPS = 256
"""Steps of a scale of colours."""
SIGNED = ((0, 66, 157), (86, 152, 214), (242, 242, 242), (238, 140, 60), (163, 62, 0))
"""Blue, white, orange: told apart by people who see no red or no green."""
ORDERED = ((0, 32, 77), (66, 78, 107), (124, 123, 120), (188, 175, 111), (255, 234, 70))
"""Colours of the map cividis, dark to light (Nunez et al., PLoS ONE 13, 2018)."""


@functools.lru_cache(maxsize=256)
def read(path: Path) -> NDArray[np.uint8]:
    """Returns a WebP picture as H x W x 3 uint8 RGB.

    Raises:
        LleError: the file is no WebP picture.
    """
    import numpy as np
    from PIL import Image

    webp_size(path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def coloured(values: NDArray[np.floating], colours: tuple[tuple[int, int, int], ...]) -> NDArray[np.uint8]:
    """Returns values in [0, 1], H x W, as H x W x 3 uint8 by interpolating between evenly spaced colours, in `STEPS` steps."""
    import numpy as np

    places = np.linspace(0, STEPS, len(colours))
    channels = [np.interp(range(STEPS + 1), places, [colour[channel] for colour in colours]) for channel in range(3)]
    found: NDArray[np.uint8] = np.stack(channels, axis=-1).round().astype(np.uint8)[(STEPS * values).round().astype(np.intp)]
    return found


def brightness(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Returns the luma of an RGB picture, H x W, in [0, 255]."""
    import numpy as np

    return image.astype(np.float64) @ np.array(LUMA)


def error(output: NDArray[np.uint8], normal: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the difference of brightness as colours: blue where the output is too dark, orange where it is too bright."""
    change = brightness(output) - brightness(normal)
    return coloured(0.5 + change.clip(-ERROR, ERROR) / (2 * ERROR), SIGNED)


def illumination(low: NDArray[np.uint8], output: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the light that an output stands for, input over output (Retinex; SLLEN's equations 1 and 8), as colours."""
    import numpy as np

    light = low.astype(np.float64) / np.maximum(output.astype(np.float64), 255 * FLOOR)
    return coloured(light.mean(axis=-1).clip(0, 1), ORDERED)


def psnr(output: NDArray[np.uint8], normal: NDArray[np.uint8]) -> float:
    """Returns the PSNR in dB of two pictures of a size, as they are in git (shrunk and compressed)."""
    import numpy as np

    mean = float(np.mean((output.astype(np.float64) - normal.astype(np.float64)) ** 2))
    return 99.0 if mean == 0 else 10 * float(np.log10(255**2 / mean))


def histograms(image: NDArray[np.uint8]) -> tuple[tuple[float, ...], ...]:
    """Returns the shares of hue, saturation and value in `BINS` equal bins each; grey pixels have no hue and count for none."""
    import numpy as np
    from PIL import Image

    hue, saturation, value = np.asarray(Image.fromarray(image).convert("HSV")).reshape(-1, 3).T
    found = []
    for values in (hue[saturation > 0], saturation, value):
        counts = np.bincount(values // (256 // BINS), minlength=BINS)
        found.append(tuple((counts / max(len(value), 1)).round(5).tolist()))
    return tuple(found)


def webp(pixels: NDArray[np.uint8]) -> str:
    """Returns a picture, shrunk to `WIDTH`, as a data URI."""
    from PIL import Image

    image = Image.fromarray(pixels)
    if image.width > WIDTH:
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.BOX)
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=62, method=4)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
