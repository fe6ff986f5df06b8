"""What a segmentation set says of its pictures: the classes, which pictures have a mask, and the masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lle.data.images import read_mask
from lle.data.pairs import Prepared, Row
from lle.errors import DataError


def class_names(prepared: Prepared) -> tuple[list[str], list[int]]:
    """Returns the names of a data set's classes, and the indices of those that published tables list.

    Raises:
        DataError: it is no segmentation set.
    """
    meaning = prepared.facts.get("segmentation")
    if meaning is None:
        raise DataError(f"the data set '{prepared.name}' has no masks. Choose a segmentation set: demo_seg, camvid, voc2012.")
    names = [str(entry["name"]) for entry in meaning["classes"]]
    return names, [index for index, name in enumerate(names) if name not in meaning["unlisted"]]


def rows_with_mask(prepared: Prepared, split: str) -> list[tuple[Row, Path, Path]]:
    """Returns the rows of a split that have a picture with a mask, and both files.

    Raises:
        DataError: there is none.
    """
    rows = [(row, row.normal, row.mask) for row in prepared.rows(split)]
    found = [(row, picture, mask) for row, picture, mask in rows if picture is not None and mask is not None]
    if not found:
        raise DataError(f"the split '{split}' of data set '{prepared.name}' has no picture with a mask.")
    return found


def read_labels(prepared: Prepared, mask: Path) -> np.ndarray:
    """Reads a mask as class indices, H x W uint8, 255 for what belongs to no class."""
    meaning = prepared.facts["segmentation"]
    remap = None if meaning["remap"] is None else {int(key): value for key, value in meaning["remap"].items()}
    return read_mask(mask, meaning["ignore"], remap)
