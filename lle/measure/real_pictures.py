"""What models do to real pictures that have no reference: do lamps spread, and do grey areas take on a colour?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab

from lle.data.images import find_images, read_rgb, write_webp
from lle.errors import DataError
from lle.files import significant
from lle.measure.quality import Enhance, as_picture
from lle.metrics.protocol import Image, luma
from lle.provenance import provenance
from lle.results.benchmarks import RealPicture, RealPictures

WHITE = 250
"""Level from which all channels of a pixel have to be up for it to count as blown out."""
BLOCK = 8
"""Side of the blocks over which colours are averaged: single dark pixels are noise."""
DARKEST = 8.0
"""Level of the brightest channel below which a block has no colour that could be told."""
GREY = 6.0
"""CIELAB chroma below which a block counts as grey, at the brightness of the result."""
LEAST = 0.01
"""Share of the blocks that have to be grey."""
HEIGHT = 140
"""Of a picture on the sheet, pixels."""


def measure(
    models: Mapping[str, Enhance], folder: Path, reports: Path = Path("reports"), command: str = "", sheet: Path | None = None
) -> RealPictures:
    """Enhances the pictures of a folder with every model and writes `benchmarks/real_<folder>.json`.

    Args:
        models: what enhances a picture, H x W x 3 uint8 RGB, by name.
        folder: of pictures.
        reports: receives the file.
        command: that makes it again.
        sheet: WebP file that receives all of them, a row a picture: the input, then the models in their order; None writes none.

    Raises:
        DataError: the folder holds no picture, or one that cannot be read.
        LleError: a model gave a picture of another size, or NaN.
    """
    paths = find_images(folder)
    if not paths:
        raise DataError(f"{folder} holds no picture. Name a folder with photographs or frames of a camera.")
    found: dict[str, dict[str, RealPicture]] = {name: {} for name in models}
    rows = []
    for path in paths:
        low = read_rgb(path)
        results = {name: as_picture(name, path.name, enhance(low.copy()), low) for name, enhance in models.items()}
        for name, result in results.items():
            found[name][path.name] = compare(low, result)
        if sheet is not None:
            rows.append(np.hstack([_small(picture) for picture in (low, *results.values())]))
    record = {
        "pictures": len(paths),
        "models": {name: {picture: one.plain() for picture, one in pictures.items()} for name, pictures in found.items()},
        "provenance": provenance(seed=None, data_digest=None, command=command),
    }
    if sheet is not None:
        stacked = _stacked(rows)
        write_webp(sheet, stacked, side=max(stacked.shape), quality=82)
    return RealPictures.written(record, RealPictures.path(reports, folder.resolve().name))


def compare(low: Image, result: Image) -> RealPicture:
    """Compares a result with its input.

    A grey area that a method lifts should look as if it had been exposed for longer. So its colour is compared with that of the input,
    multiplied to the brightness of the result.

    Args:
        low: H x W x 3 uint8 RGB, from one block of 8 x 8 pixels up.
        result: the same shape.
    """
    blown_in, blown_out = (float((picture.min(axis=2) >= WHITE).mean()) for picture in (low, result))
    before, after = _blocks(low), _blocks(result)
    gain = _blocks(luma(result)[..., None]) / np.maximum(_blocks(luma(low)[..., None]), 1)
    exposed = before * gain
    # What would clip has lost its colour.
    told = (before.max(axis=1) >= DARKEST) & (exposed.max(axis=1) <= 255)
    wanted, got = (rgb2lab(colours[told] / 255)[:, 1:] for colours in (exposed, after))
    grey = np.hypot(*wanted.T) < GREY
    share = float(grey.sum() / told.size)
    shift = float(np.hypot(*(got[grey] - wanted[grey]).mean(axis=0))) if share >= LEAST else None
    return RealPicture(
        blown_out=significant(blown_out),
        blown_more=significant(blown_out - blown_in),
        chroma_shift=None if shift is None else significant(shift),
        grey=significant(share),
    )


def _blocks(picture: NDArray[Any]) -> NDArray[np.float64]:
    """Returns the means of whole blocks of H x W x C, N x C."""
    height, width = (side // BLOCK for side in picture.shape[:2])
    cut = picture[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK, -1)
    means: NDArray[np.float64] = cut.mean(axis=(1, 3), dtype=np.float64).reshape(height * width, -1)
    return means


def _small(picture: Image) -> Image:
    height, width = picture.shape[:2]
    small: Image = cv2.resize(picture, (max(1, round(width * HEIGHT / height)), HEIGHT), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return small


def _stacked(rows: Sequence[Image]) -> Image:
    """Puts rows below each other, in black where one is narrower."""
    widest = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0))) for row in rows])
