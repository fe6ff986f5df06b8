"""The pictures of a form: dark ones of a data set or a folder, and what methods, here or elsewhere, made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lle.data.images import find_images, read_rgb
from lle.data.pairs import Prepared, some
from lle.errors import DataError, LleError
from lle.measure.quality import Enhance, as_picture
from lle.metrics.protocol import Image


@dataclass(frozen=True)
class Dark:
    """A dark picture.

    Attributes:
        image: its name, unique.
        scene: what it shows.
        path: its file.
    """

    image: str
    scene: str
    path: Path


Source = Callable[[Dark, Image], Image]
"""From a dark picture and its content, H x W x 3 uint8 RGB, to the enhanced one of the same size."""


def of_dataset(prepared: Prepared, count: int) -> list[Dark]:
    """Returns dark test pictures, spread evenly over the set.

    Args:
        prepared: the data set.
        count: of pictures; fewer where the set has not so many.
    """
    found = [Dark(row.image, row.scene, row.low) for row in prepared.rows("test") if row.low is not None]
    if not found:
        raise DataError(f"data set '{prepared.name}' has no dark picture in its split 'test'. Name another one.")
    return _spread(found, count)


def of_folder(folder: Path, count: int) -> list[Dark]:
    """Returns the pictures of a folder, each of a scene of its own, spread evenly over it."""
    found = _by_stem(folder)
    if not found:
        raise DataError(f"{folder} holds no picture. Name a folder of dark pictures, or a data set: `lle datasets` lists them.")
    return _spread([Dark(stem, stem, path) for stem, path in found.items()], count)


def made_by(name: str, enhance: Enhance) -> Source:
    """Returns the source of a method that runs here."""
    return lambda dark, low: as_picture(name, dark.image, enhance(low.copy()), low)


def made_elsewhere(name: str, folder: Path, darks: list[Dark]) -> Source:
    """Returns the source of pictures that lie in a folder under the names of the dark ones.

    Args:
        name: of the method that made them.
        folder: where they lie.
        darks: the dark pictures.

    Raises:
        DataError: some are missing.
    """
    found = _by_stem(folder)
    missing = [dark.image for dark in darks if dark.image not in found]
    if missing:
        raise DataError(
            f"{folder} ({name}) lacks {len(missing)} of {len(darks)} pictures: {some(missing)}. A picture has the name of the dark one, "
            "with any ending."
        )

    def read(dark: Dark, low: Image) -> Image:
        picture = read_rgb(found[dark.image])
        if picture.shape != low.shape:
            sizes = " and ".join(f"{one.shape[1]}x{one.shape[0]}" for one in (picture, low))
            raise DataError(f"{found[dark.image]} and the dark picture {dark.path} differ in size: {sizes}. Save it at the latter.")
        return picture

    return read


def encoded(
    darks: list[Dark], sources: Mapping[str, Source], side: int, quality: int
) -> Iterator[tuple[tuple[int, int], dict[str, bytes]]]:
    """Yields, for each dark picture, its width and height as shown, and WebP files by method, the dark one under "".

    Args:
        darks: the dark pictures.
        sources: by method.
        side: pixels of the longer side, to which larger pictures are reduced.
        quality: of WebP, 1 to 100.
    """
    for dark in darks:
        low = read_rgb(dark.path)
        made = {"": low, **{name: source(dark, low) for name, source in sources.items()}}
        scale = min(1.0, side / max(low.shape[:2]))
        height, width = (max(1, round(length * scale)) for length in low.shape[:2])
        yield (width, height), {name: _webp(picture, (width, height), quality) for name, picture in made.items()}


def _webp(picture: Image, size: tuple[int, int], quality: int) -> bytes:
    if (picture.shape[1], picture.shape[0]) != size:
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    done, data = cv2.imencode(".webp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not done:
        raise LleError("this OpenCV has no WebP encoder. Install opencv-python-headless again.")
    return data.tobytes()


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in find_images(folder):
        if path.stem in found:
            raise DataError(f"{folder} has two pictures called '{path.stem}': {found[path.stem].name} and {path.name}. Rename one.")
        found[path.stem] = path
    return found


def _spread(found: list[Dark], count: int) -> list[Dark]:
    places = np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int).tolist()
    return [found[place] for place in dict.fromkeys(places)]
