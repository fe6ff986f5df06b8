"""A data set of pairs, with masks, made from rendered scenes: the camera is applied here, so that no user has to render."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lle.config.data import MineData
from lle.data.catalog import Class, Segmentation
from lle.data.images import write_png
from lle.data.mine.camera import make_pair
from lle.data.mine.materials import CLASSES, COLOURS
from lle.data.mine.plan import PairKind
from lle.data.mine.store import finished, load_scene
from lle.data.pairs import Row
from lle.errors import DataError

SEGMENTATION = Segmentation(
    classes=tuple(Class(name=name, colour=colour) for name, colour in zip(CLASSES, COLOURS, strict=True)), ignore=255
)
"""What the masks mean."""


def make(settings: MineData, folder: Path) -> list[Row]:
    """Makes the pictures of a set.

    The first pair of a scene is of the kind that the scene was lit for. Every second one is the even light exposed briefly, or, for
    scenes that were meant for that, the working light.

    Args:
        settings: the folder of scenes and the number of pairs.
        folder: receives `low/`, `normal/` and `mask/` with equal file names.

    Returns:
        Rows, without digests, by scene.

    Raises:
        DataError: there is no such folder, it has no finished scene of some split, or a scene is damaged.
    """
    source = settings.source
    scenes = finished(source)
    if not scenes:
        raise DataError(
            f"{source} holds no rendered scene. The project's own are in data/mine_rendered; `lle render mine --out {source}` renders more."
        )
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return [row for rows in pool.map(lambda scene: _pairs(scene, settings, folder), scenes) for row in rows]


def _pairs(name: str, settings: MineData, folder: Path) -> list[Row]:
    """Makes the pairs of one scene."""
    scene = load_scene(settings.source, name)
    split: str = scene.meta["split"]
    lit: PairKind = scene.meta["pair"]
    other: PairKind = "relit" if lit == "short_exposure" else "short_exposure"
    about = {"roadway": scene.meta["kind"], **({"signs": scene.meta["signs"]} if scene.meta.get("signs") else {})}
    rows = []
    for number in range(settings.train_pairs if split == "train" else 1):
        kind = other if number % 2 else lit
        low, normal, taken = make_pair(scene.even, scene.working, kind, (settings.seed, int(name), number))
        file = f"{split}_{name}_{kind}" + (f"_{number}" if number else "") + ".png"
        pictures = {"low": low, "normal": normal, "mask": scene.mask}
        for part, picture in pictures.items():
            write_png(folder / part / file, picture)
        rows.append(Row(split, name, folder / "low" / file, folder / "normal" / file, {**taken, **about}, folder / "mask" / file))
    return rows
