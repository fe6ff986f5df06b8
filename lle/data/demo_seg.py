"""A segmentation set without a download: installed textures pasted into irregular regions, whose masks are therefore exact.

Every picture is a partition of the plane: random sites, the nearest of which owns a pixel, after a smooth random displacement
has bent the borders. A region shows one texture, or a window of a photograph, which is the class of everything else. Textures
are tinted with much variation, so that colour alone does not tell classes apart.

Which part of a texture belongs to which split is part of this file, not of the settings, as it is for the photographs in
`lle.data.demo`, whose splits hold here too: nothing that is trained on this set has seen a test photograph of the other ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lle.config.data import DemoSegData
from lle.data import demo
from lle.data.catalog import Class, Segmentation
from lle.data.images import write_png
from lle.data.pairs import SPLITS, Row

Box = tuple[float, float, float, float]
"""Top, left, bottom and right in fractions of height and width."""
Colour = tuple[float, float, float]

# Half for training; the other half is shared between choosing and testing. Parts touch but do not overlap.
_PARTS: Mapping[str, Box] = {"train": (0, 0, 1, 0.5), "val": (0, 0.5, 0.45, 1), "test": (0.45, 0.5, 1, 1)}


@dataclass(frozen=True)
class Texture:
    """One class.

    Attributes:
        name: of the class.
        colour: RGB for pictures of masks.
        file: of scikit-image.
        tint: colours of its darkest and its brightest value; None leaves a coloured texture as it is.
    """

    name: str
    colour: tuple[int, int, int]
    file: str
    tint: tuple[Colour, Colour] | None


TEXTURES = (
    Texture("brick", (178, 60, 50), "brick.png", ((0.18, 0.06, 0.04), (0.95, 0.62, 0.48))),
    Texture("grass", (60, 160, 60), "grass.png", ((0.02, 0.08, 0.01), (0.70, 0.95, 0.45))),
    Texture("gravel", (130, 130, 140), "gravel.png", ((0.06, 0.06, 0.07), (0.90, 0.87, 0.82))),
    Texture("coins", (230, 190, 60), "coins.png", ((0.08, 0.07, 0.06), (1.0, 0.88, 0.62))),
    Texture("print", (240, 240, 240), "page.png", ((0.12, 0.11, 0.10), (1.0, 0.97, 0.88))),
    Texture("tissue", (190, 80, 200), "ihc.png", None),
)
OTHER = Class(name="photograph", colour=(40, 40, 60))
"""Class 0: windows of the photographs of the demonstration sets."""
SEGMENTATION = Segmentation(classes=(OTHER, *(Class(name=texture.name, colour=texture.colour) for texture in TEXTURES)), ignore=255)
"""What the values of the masks mean."""


def make(settings: DemoSegData, folder: Path) -> list[Row]:
    """Makes the pictures and masks.

    Args:
        settings: counts, size and ranges.
        folder: receives `normal/` and `mask/` with equal file names.

    Returns:
        Rows, without digests.

    Raises:
        DataError: a package that installs a photograph is missing.
    """
    rows = []
    for number, split in enumerate(SPLITS):
        sources = [
            [
                view
                for photograph, views in demo.photographs(split)
                if not photograph.grey or photograph.scene == "camera"
                for view in views
            ],
            *([_part(demo.installed("skimage", texture.file), _PARTS[split])] for texture in TEXTURES),
        ]
        for place in range(getattr(settings, split)):
            rng = np.random.default_rng([settings.seed, number, place])
            picture, mask = _compose(settings, sources, rng)
            name = f"{split}_{place:04d}"
            write_png(folder / "normal" / f"{name}.png", picture)
            write_png(folder / "mask" / f"{name}.png", mask)
            rows.append(Row(split, name, normal=folder / "normal" / f"{name}.png", mask=folder / "mask" / f"{name}.png"))
    return rows


def _part(picture: np.ndarray, box: Box) -> np.ndarray:
    height, width = picture.shape[:2]
    return picture[round(box[0] * height) : round(box[2] * height), round(box[1] * width) : round(box[3] * width)]


def _compose(settings: DemoSegData, sources: list[list[np.ndarray]], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns a picture, S x S x 3 uint8, and its mask, S x S uint8."""
    size = settings.size
    regions = _regions(size, int(rng.integers(settings.regions[0], settings.regions[1] + 1)), settings.bend, rng)
    order = rng.permutation(len(sources))  # neighbours are of different classes as long as there are enough
    picture, mask = np.zeros((size, size, 3), np.uint8), np.zeros((size, size), np.uint8)
    for region in range(int(regions.max()) + 1):
        index = int(order[region % len(order)])
        views = sources[index]
        window = _window(views[int(rng.integers(len(views)))], size, settings.scale, index > 0, rng)
        if index:
            tint = TEXTURES[index - 1].tint
            if tint is not None:
                window = _tinted(window[..., 0], tint, settings.tint_jitter, rng)
            window = demo.expose(window, rng.uniform(*settings.texture_mean))
        inside = regions == region
        picture[inside], mask[inside] = window[inside], index
    return picture, mask


def _regions(size: int, count: int, bend: float, rng: np.random.Generator) -> np.ndarray:
    """Numbers the cells of a bent Voronoi diagram: S x S, 0 ... count - 1."""
    sites = rng.uniform(0, size, (count, 2))
    # A coarse and a fine displacement: large curves with ragged edges.
    shift = sum(
        share * cv2.resize(rng.standard_normal((grid, grid, 2)), (size, size), interpolation=cv2.INTER_CUBIC)
        for grid, share in ((5, 0.75), (14, 0.25))
    )
    places = np.moveaxis(np.mgrid[:size, :size], 0, -1) + bend * size * shift
    return np.argmin([((places - site) ** 2).sum(-1) for site in sites], axis=0)


def _window(view: np.ndarray, size: int, scales: tuple[float, float], turn: bool, rng: np.random.Generator) -> np.ndarray:
    """A square window of a texture or photograph: scaled, mirrored, and turned by quarters if it has no upside."""
    scale = max(rng.uniform(*scales), (size + 1) / min(view.shape[:2]))
    view = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (int(rng.integers(side - size + 1)) for side in view.shape[:2])
    view = view[top : top + size, left : left + size]
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    return np.rot90(view[:, ::-1] if flip else view, turns if turn else 0)


def _tinted(grey: np.ndarray, tint: tuple[Colour, Colour], jitter: float, rng: np.random.Generator) -> np.ndarray:
    """Colours a grey picture from dark to bright; H x W x 3 uint8."""
    dark, bright = np.array(tint)
    bright = bright * rng.uniform(1 - jitter, 1, 3)
    table = np.clip(dark + (bright - dark) * (np.arange(256) / 255)[:, None], 0, 1)
    return np.rint(table * 255).astype(np.uint8)[grey]
