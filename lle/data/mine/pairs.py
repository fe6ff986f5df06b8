"""A data set of pairs, with masks, made from rendered scenes: the camera is applied here, so that no user has to render."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lle.config.data import MineData
from lle.data.catalog import Class, Segmentation
from lle.data.images import write_png
from lle.data.mine.camera import make_pair
from lle.data.mine.materials import CLASSES, COLOURS
from lle.data.mine.plan import PairKind
from lle.data.mine.store import finished, load_scene
from lle.data.pairs import Row
from lle.errors import DataError
from lle.files import read_json

SEGMENTATION = Segmentation(
    classes=tuple(Class(name=name, colour=colour) for name, colour in zip(CLASSES, COLOURS, strict=True)), ignore=255
)
"""What the masks mean."""


@dataclass(frozen=True)
class _Job:
    scene: str
    split: str
    number: int
    """Which of the pairs of this scene, from 0."""
    kind: PairKind


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
    jobs = list(_jobs(settings, scenes))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(lambda job: _pair(job, settings, folder), jobs))


def _jobs(settings: MineData, scenes: list[str]) -> Iterator[_Job]:
    for scene in scenes:
        meta = read_json(settings.source / "meta" / f"{scene}.json")
        lit: PairKind = meta["pair"]
        other: PairKind = "relit" if lit == "short_exposure" else "short_exposure"
        for number in range(settings.train_pairs if meta["split"] == "train" else 1):
            yield _Job(scene, meta["split"], number, other if number % 2 else lit)


def _pair(job: _Job, settings: MineData, folder: Path) -> Row:
    scene = load_scene(settings.source, job.scene)
    low, normal, taken = make_pair(scene.even, scene.working, job.kind, (settings.seed, int(job.scene), job.number))
    name = f"{job.split}_{job.scene}_{job.kind}" + (f"_{job.number}" if job.number else "")
    files = {part: folder / part / f"{name}.png" for part in ("low", "normal", "mask")}
    write_png(files["low"], low)
    write_png(files["normal"], normal)
    write_png(files["mask"], np.ascontiguousarray(scene.mask))
    parameters = {**taken, "roadway": scene.meta["kind"]}
    if signs := scene.meta.get("signs"):
        parameters["signs"] = signs
    return Row(job.split, job.scene, files["low"], files["normal"], parameters, files["mask"])
