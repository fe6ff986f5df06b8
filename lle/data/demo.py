"""Made sets: photographs darkened here, the same on every machine.

Those of the demonstration sets are installed by packages, so there is no download; `photographs: photos` takes those of the set
`photos` instead, which are ten times as many.

The split is by photograph and is part of this file (of `photos.csv` for the others), not of the settings, so that no setting can
let a crop of a test photograph into training.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from lle.config.data import DemoData
from lle.data import degrade, varied
from lle.data.images import read_rgb, write_png
from lle.data.pairs import Row
from lle.errors import DataError

_PLACES = {"skimage": "data", "sklearn": "datasets/images", "matplotlib": "mpl-data/sample_data"}
_DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}


@dataclass(frozen=True)
class Photograph:
    """One installed photograph.

    Attributes:
        scene: what is pictured.
        package: which package installs it.
        files: its files (two views of one scene are one photograph).
        split: where its pairs go.
        weight: how often it is drawn for training, against the others.
        grey: whether it is a black-and-white texture, which is tinted for training.
        name: in the names of the pictures made from it; empty stands for the scene, where that has no other photograph.
    """

    scene: str
    package: str
    files: tuple[str, ...]
    split: str
    weight: float = 1.0
    grey: bool = False
    name: str = ""


PHOTOGRAPHS = (
    # Well lit, in colour, a close view, a table and a workshop: what a low-light picture may show.
    Photograph("chelsea", "skimage", ("chelsea.png",), "test"),
    Photograph("coffee", "skimage", ("coffee.png",), "test"),
    Photograph("motorcycle", "skimage", ("motorcycle_left.png",), "test"),
    Photograph("grace_hopper", "matplotlib", ("grace_hopper.jpg",), "val"),
    Photograph("astronaut", "skimage", ("astronaut.png",), "train", 4),
    Photograph("china", "sklearn", ("china.jpg",), "train", 4),
    Photograph("flower", "sklearn", ("flower.jpg",), "train", 2),
    Photograph("rocket", "skimage", ("rocket.jpg",), "train", 1),
    Photograph("camera", "skimage", ("camera.png",), "train", 2, grey=True),
    Photograph("brick", "skimage", ("brick.png",), "train", 1, grey=True),
    Photograph("grass", "skimage", ("grass.png",), "train", 1, grey=True),
    Photograph("gravel", "skimage", ("gravel.png",), "train", 1, grey=True),
    Photograph("coins", "skimage", ("coins.png",), "train", 0.5, grey=True),
)


def make(settings: DemoData, folder: Path) -> list[Row]:
    """Makes the pictures of a demonstration set.

    Args:
        settings: counts, lighting and ranges.
        folder: receives `low/` and `normal/` with equal file names.

    Returns:
        Rows, without digests.

    Raises:
        DataError: a package that installs a photograph is missing.
        LleError: the set `photos` is asked for and cannot be fetched.
    """
    rows = []
    everything = PHOTOGRAPHS if settings.photographs == "demo" else _photos()
    load = functools.lru_cache(maxsize=64)(_load)
    for number, split in enumerate(("train", "val", "test")):
        photographs = [photograph for photograph in everything if photograph.split == split]
        if split == "test":
            jobs = [(index, place) for index in range(len(photographs)) for place in range(settings.test_full + settings.test_crops)]
        else:
            weights = np.array([photograph.weight for photograph in photographs])
            chosen = np.random.default_rng([settings.seed, number]).choice(
                len(photographs), settings.train if split == "train" else settings.val, p=weights / weights.sum()
            )
            jobs = [(int(index), place) for place, index in enumerate(chosen)]
        for serial, (index, place) in enumerate(jobs):
            photograph = photographs[index]
            rng = np.random.default_rng([settings.seed, number, index, place])
            picture = load(photograph, photograph.files[int(rng.integers(len(photograph.files)))])
            if split == "test":
                full = place < settings.test_full
                normal = picture if full else _crop(picture, settings.crop, rng)
                name = f"{photograph.name or photograph.scene}_{'full' if full else 'crop'}_{place if full else place - settings.test_full}"
            else:
                if split == "train":
                    window = _crop(_vary(picture, photograph.grey, settings.crop, rng), settings.crop, rng)
                    normal = expose(window, rng.uniform(*_reference_mean(settings, serial)))
                else:
                    normal = _crop(picture, settings.crop, rng)
                name = f"{split}_{place:04d}_{photograph.name or photograph.scene}"
            low, normal, parameters = _light(settings, place, serial, normal, rng)
            write_png(folder / "normal" / f"{name}.png", normal)
            write_png(folder / "low" / f"{name}.png", low)
            rows.append(Row(split, photograph.scene, folder / "low" / f"{name}.png", folder / "normal" / f"{name}.png", parameters))
    return rows


def photographs(split: str) -> list[tuple[Photograph, list[np.ndarray]]]:
    """Reads the photographs of one split as they are installed: each with its views, H x W x 3 uint8.

    Raises:
        DataError: a package that installs one is missing.
    """
    return [(photograph, [_load(photograph, file) for file in photograph.files]) for photograph in PHOTOGRAPHS if photograph.split == split]


def installed(package: str, file: str) -> np.ndarray:
    """Reads a picture that a package installs, H x W x 3 uint8.

    Raises:
        DataError: the package is missing.
    """
    spec = find_spec(package)  # finds the folder without importing the package
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / _PLACES[package] / file
    if path is None or not path.is_file():
        name = _DISTRIBUTIONS[package]
        raise DataError(f"the photograph {file} of {name} is not installed. Install the extra `suite`: pip install 'lle-suite[suite]'.")
    return read_rgb(path)


def _light(
    settings: DemoData, place: int, serial: int, image: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, degrade.Parameters]:
    """Takes a photograph under the light of its number: the picture, the answer and what was drawn."""
    if settings.mode == "published":
        low, drawn = degrade.published(image, settings.published, settings.camera, rng)
    elif settings.varied is not None:
        return varied.take(varied.kind_of(serial, settings.varied.shares), image, settings.varied, rng)
    elif settings.lighting == "mine" or (settings.lighting == "mixed" and place % 2):
        low, drawn = degrade.mine(image, settings.mine, settings.camera, rng)
    else:
        low, drawn = degrade.room(image, settings.room, settings.camera, rng)
    return low, image, drawn


def _reference_mean(settings: DemoData, serial: int) -> tuple[float, float]:
    mixture = settings.varied
    return mixture.lit_mean if mixture is not None and varied.kind_of(serial, mixture.shares) == "lit" else settings.reference_mean


def _load(photograph: Photograph, file: str) -> np.ndarray:
    return installed(photograph.package, file) if photograph.package in _PLACES else read_rgb(Path(file))


def _photos() -> tuple[Photograph, ...]:
    """The photographs of the set `photos`, fetched where it is not there."""
    from lle.data import catalog, fetch, layouts

    rows = layouts.read(catalog.entry("photos"), fetch.fetch("photos")).rows
    files = [row.normal for row in rows if row.normal is not None]
    return tuple(Photograph(row.scene, "photos", (str(file),), row.split, name=file.stem) for row, file in zip(rows, files, strict=True))


def _crop(picture: np.ndarray, bounds: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A random window with sides drawn from `bounds`, no greater than the picture."""
    height, width = (min(int(rng.integers(bounds[0], bounds[1] + 1)), side) for side in picture.shape[:2])
    top = int(rng.integers(picture.shape[0] - height + 1))
    left = int(rng.integers(picture.shape[1] - width + 1))
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def expose(picture: np.ndarray, mean: float) -> np.ndarray:
    """Brightens or darkens a picture along a power curve until its mean is as asked, as automatic exposure would.

    Args:
        picture: H x W x 3 uint8.
        mean: of all values, in (0, 1). The exponent stays within [0.5, 2], so an extreme picture ends nearer to it only.

    Returns:
        H x W x 3 uint8.
    """
    levels = np.arange(256) / 255
    share = np.bincount(picture.ravel(), minlength=256) / picture.size
    low, high = 0.5, 2.0  # the mean falls as the exponent rises
    for _ in range(20):
        exponent = (low + high) / 2
        low, high = (exponent, high) if share @ levels**exponent > mean else (low, exponent)
    return np.rint(255 * levels**exponent).astype(np.uint8)[picture]


def _vary(picture: np.ndarray, grey: bool, bounds: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Another plausible photograph of the same thing, so that few photographs teach more than their own colours."""
    smallest = (bounds[1] + 1) / min(picture.shape[:2])
    scale = max(rng.uniform(0.5, 1.0), smallest)
    if scale < 1:
        # In double precision, as all that follows: OpenCV's own rounding of bytes differs between processors.
        picture = np.rint(cv2.resize(picture.astype(np.float64), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)).astype(np.uint8)
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    if grey:  # shadows in one colour, highlights in another
        dark, bright = rng.uniform(0, 0.25, 3), rng.uniform(0.6, 1.0, 3)
        table = dark + (bright - dark) * (np.arange(256) / 255)[:, None]
        return np.rint(table * 255).astype(np.uint8)[picture[..., 0]]
    if rng.random() < 0.5:
        from skimage.color import hsv2rgb, rgb2hsv

        hsv = rgb2hsv(picture / 255)
        hsv[..., 0] = (hsv[..., 0] + rng.uniform(0, 1)) % 1
        hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.6, 1.8), 0, 1)
        picture = np.rint(255 * hsv2rgb(hsv)).astype(np.uint8)
    return np.ascontiguousarray(picture)
