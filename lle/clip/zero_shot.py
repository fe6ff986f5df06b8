"""Whether a CLIP tells dark photographs from lit ones by texts alone, on a data set that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lle.clip.backbone import Clip, load
from lle.clip.small_clip import similarities
from lle.config.clip import Backbone
from lle.data.images import read_rgb
from lle.data.pairs import open_prepared
from lle.errors import DataError
from lle.keys import folder_digest
from lle.provenance import provenance
from lle.results.clip import ClipDarkness

DARK = tuple(f"a {words} photo" for words in ("low-light", "dark", "very dark", "dim", "back-lit", "unevenly lit", "lamp-lit underground"))
LIT = tuple(
    f"a {words} photo"
    for words in ("normal-light", "well lit", "evenly lit", "bright and clear", "normally exposed", "over-exposed", "hazy", "noisy")
)
"""Texts of the test, averaged by side: light that is missing somewhere, and light that is not."""

SIDE = 224


def measure(
    dataset: str, backbone: Backbone, reports: Path = Path("reports"), data: Path = Path("build/data"), split: str = "test"
) -> ClipDarkness | None:
    """Measures zero-shot accuracy on every dark picture of a split, and on every normal one once.

    Args:
        dataset: a prepared data set of pairs.
        backbone: the CLIP.
        reports: receives `clip/darkness/<dataset>.json`.
        data: prepared data sets.
        split: whose pictures are taken.

    Returns:
        What was written; None where the data set is not on disk, and then nothing is written.

    Raises:
        DataError: the split has no pairs.
        WeightsError: the CLIP is missing.
    """
    if not (data / dataset).is_dir():
        return None
    prepared = open_prepared(dataset, data)
    rows = [row for row in prepared.rows(split) if row.low is not None and row.normal is not None]
    if not rows:
        raise DataError(f"{dataset} has no pairs in its split `{split}`. Name a data set with some.")
    dark, lit = (_pictures(sorted({path for row in rows if (path := getattr(row, side)) is not None})) for side in ("low", "normal"))
    report = {
        "schema": ClipDarkness.SCHEMA,
        "dataset": dataset,
        "split": split,
        "clip_backbone": backbone.title,
        **accuracy(load(backbone), dark, lit),
        "texts_dark": DARK,
        "texts_lit": LIT,
        "provenance": provenance(
            data_digest=prepared.digest,
            clip_digest=folder_digest(backbone.folder) if backbone.folder is not None else None,
            command=f"lle clip darkness {dataset}",
        ),
    }
    return ClipDarkness.written(report, ClipDarkness.path(reports, dataset))


def accuracy(clip: Clip, dark: np.ndarray, lit: np.ndarray) -> dict[str, Any]:
    """Tells dark pictures from lit ones: nearer on average to `DARK` or to `LIT`.

    Args:
        clip: the model.
        dark: N x H x W x 3 uint8.
        lit: M x H x W x 3 uint8.

    Returns:
        Accuracy on both, on the dark ones and on the lit ones.
    """
    scores = [similarities(clip, images, [*DARK, *LIT]) for images in (dark, lit)]
    darker = [(score[:, : len(DARK)].mean(1) > score[:, len(DARK) :].mean(1)).numpy() for score in scores]
    right = [darker[0], ~darker[1]]
    return {
        "images": len(dark) + len(lit),
        "accuracy": round(float(np.concatenate(right).mean()), 4),
        "accuracy_dark": round(float(right[0].mean()), 4),
        "accuracy_lit": round(float(right[1].mean()), 4),
    }


def _pictures(files: list[Path]) -> np.ndarray:
    """Reads pictures at one small size, which is more than any CLIP looks at here."""
    return np.stack([cv2.resize(read_rgb(path), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for path in files])
