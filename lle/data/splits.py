"""Dividing a set's rows into train, val and test, so that no scene is in two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lle.data.pairs import SPLITS, Row
from lle.errors import DataError

DEFAULT: Mapping[str, float] = {"train": 0.7, "val": 0.15, "test": 0.15}
"""Shares of the scenes of a set that says nothing of its splits."""


def split_by_scene(rows: Sequence[Row], fractions: Mapping[str, float], seed: int) -> list[Row]:
    """Divides rows among splits so that no scene is in two of them.

    Args:
        rows: any; their splits are replaced.
        fractions: share of the scenes by split, adding up to 1.
        seed: of the shuffle; the same rows in any order and the same seed give the same splits.

    Raises:
        DataError: a split with a positive share would stay empty.
    """
    scenes = sorted({row.scene for row in rows})
    order = np.random.default_rng(seed).permutation(len(scenes))
    bounds = np.rint(np.cumsum([fractions.get(split, 0.0) for split in SPLITS]) * len(scenes)).astype(int)
    of = {scenes[index]: SPLITS[int(np.searchsorted(bounds, place, side="right"))] for place, index in enumerate(order)}
    empty = [split for split in SPLITS if fractions.get(split, 0.0) > 0 and split not in of.values()]
    if empty:
        share = fractions[empty[0]]
        raise DataError(f"{len(scenes)} scenes are too few for a split '{empty[0]}' of {share:.0%}. Raise its share or add scenes.")
    return [replace(row, split=of[row.scene]) for row in rows]


def default_split(rows: Sequence[Row], seed: int) -> tuple[list[Row], str]:
    """Divides rows by `DEFAULT`, with at least one scene in each split as long as there are three.

    Two scenes go to train and test, a single one to test: what was learned from is never what is measured. Scenes that have only
    normal-light pictures are divided by themselves, so that every split has something to enhance.

    Args:
        rows: any; their splits are replaced.
        seed: of the shuffle; the same rows in any order and the same seed give the same splits.

    Returns:
        The rows, and a sentence that says what was done.
    """
    dark = {row.scene for row in rows if row.low is not None}
    groups = [sorted(dark), sorted({row.scene for row in rows} - dark)]
    of: dict[str, str] = {}
    for number, scenes in enumerate(groups):
        order = np.random.default_rng([seed, number]).permutation(len(scenes))
        names = _names(len(scenes), dark=number == 0 and bool(dark))
        of |= {scenes[index]: name for index, name in zip(order, names, strict=True)}
    divided = [replace(row, split=of[row.scene]) for row in rows]
    count = {split: list(of.values()).count(split) for split in SPLITS}
    shares = "/".join(f"{share:.0%}".rstrip("%") for share in DEFAULT.values())
    told = ", ".join(f"{number} to {split}" for split, number in count.items() if number)
    text = f"no split is given, so its {len(of)} {'scene was' if len(of) == 1 else 'scenes were'} divided {shares} (seed {seed}): {told}"
    if not count["train"]:
        text += "; one scene cannot be learned from and measured as well, so there is no train and no val"
    elif not count["val"]:
        text += "; there is no scene left for val, so no checkpoint can be chosen by it"
    return divided, text


def _names(count: int, dark: bool) -> list[str]:
    """How many scenes go where: names of splits, one a scene."""
    if count < 3:
        return {0: [], 1: ["test" if dark else "train"], 2: ["train", "test"]}[count]
    val, test = max(1, round(DEFAULT["val"] * count)), max(1, round(DEFAULT["test"] * count))
    return ["train"] * (count - val - test) + ["val"] * val + ["test"] * test
