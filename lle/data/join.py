"""Several prepared sets as one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lle.data.pairs import Prepared, Row
from lle.errors import DataError


def join(name: str, parts: Mapping[str, Prepared], shares: Sequence[float] | None) -> tuple[list[Row], Path, dict[str, Any]]:
    """Puts the rows of several sets together: each stays in its split, and says which part it is from.

    Args:
        name: of the joined set.
        parts: the sets, by name.
        shares: how often each is drawn from in training against the others; None draws every picture equally often.

    Returns:
        Rows, what their paths are relative to, and facts for `dataset.json`: the digests of the parts, `shares` by part as far as
        it has training pictures, and what masks mean.

    Raises:
        DataError: parts have masks of different meaning, or there is nothing to train on.
    """
    rows = [
        replace(row, scene=f"{part}/{row.scene}", about={**row.about, "part": part})
        for part, prepared in parts.items()
        for row in prepared.all_rows
    ]
    if not any(row.split == "train" for row in rows):
        raise DataError(f"the data set '{name}' has nothing to train on: none of {', '.join(parts)} has a split train.")
    facts: dict[str, Any] = {"parts": {part: prepared.digest for part, prepared in parts.items()}}
    if shares is not None:
        facts["shares"] = {part: share / sum(shares) for part, share in zip(parts, shares, strict=True)}
        empty = [part for part, prepared in parts.items() if not prepared.has_split("train")]
        if empty:
            raise DataError(f"data.{name}.shares: {empty[0]} has no split train to draw from. Leave it out, or divide it first.")
    meanings = {part: prepared.facts["segmentation"] for part, prepared in parts.items() if "segmentation" in prepared.facts}
    if meanings:
        first = next(iter(meanings.values()))
        other = next((part for part, meaning in meanings.items() if meaning != first), None)
        if other is not None:
            raise DataError(f"the masks of {next(iter(meanings))} and {other} mean different classes. Join sets of the same classes.")
        facts["segmentation"] = first
    if any(path.is_absolute() for row in rows for path in row.files.values()):
        rows = [replace(row, low=_absolute(row.low), normal=_absolute(row.normal), mask=_absolute(row.mask)) for row in rows]
    return rows, _above([path for row in rows for path in row.files.values()]), facts


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else Path(os.path.abspath(path))


def _above(paths: Sequence[Path]) -> Path:
    """The folder that all files are below: relative where they are, so that the set can be moved with its project."""
    return Path(os.path.commonpath([path.parent for path in paths]))
