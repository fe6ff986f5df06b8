"""Looks for what is wrong with a prepared data set without being an error of form: a report, not a refusal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from lle.data import catalog
from lle.data.images import find_images, read_rgb
from lle.data.pairs import Prepared, Row
from lle.errors import DataError
from lle.files import sha256

_WIDTH = 384
"""Pictures are compared at this greatest side, in pixels."""
_SAME = 4
"""Perceptual hashes of 64 bits that differ in so many bits at most count as one picture."""
_SHIFT = 1.5
"""Pairs displaced by more than so many pixels of the reduced pictures count as misaligned."""
_CERTAIN = 0.08
"""Least height of the correlation's peak, 1 being a pure shift, below which no displacement is reported."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: what was looked at.
        message: what was found, with the files' names.
        severity: `error` for what makes figures wrong, `warning` for what may.
    """

    kind: Literal["counts", "orphans", "changed", "unreadable", "sizes", "duplicates", "alignment"]
    message: str
    severity: Literal["error", "warning"] = "error"


def check(prepared: Prepared) -> list[Finding]:
    """Examines a prepared data set.

    Counts against the catalog; files beside the set's own that no row names; files that changed since the set was prepared, which
    the pipeline does not see where they lie outside of the project; unreadable pictures; pairs of unequal size;
    pictures of one split that look like one of another (perceptual hash of the reference, or of the low-light picture where there
    is none); pairs that are displaced against each other (phase correlation, which does not mind their brightness).

    Args:
        prepared: the data set.

    Returns:
        Findings, in the order above; none if all is well.
    """
    with ThreadPoolExecutor() as pool:
        looked = list(pool.map(_look, prepared.all_rows))
    findings = [*_counts(prepared), *_orphans(prepared), *_changed(prepared)]
    findings += [Finding("unreadable", look) for look in looked if isinstance(look, str)]
    seen = [(row, look) for row, look in zip(prepared.all_rows, looked, strict=True) if isinstance(look, _Look)]
    findings += [Finding("sizes", f"{row.image}: {look.sizes}.") for row, look in seen if look.sizes]
    findings += _duplicates(seen)
    findings += [
        Finding(
            "alignment", f"{row.image}: the low-light picture is displaced by {look.shift:.1f} pixels against its reference.", "warning"
        )
        for row, look in seen
        if look.shift is not None
    ]
    return findings


@dataclass(frozen=True)
class _Look:
    """What one row shows: the hash of its picture, what is wrong with its sizes, its displacement in pixels if certain."""

    hash: np.ndarray
    sizes: str
    shift: float | None


def _look(row: Row) -> _Look | str:
    import imagehash
    from PIL import Image

    try:
        pictures = {name: read_rgb(path) for name, path in (("low", row.low), ("normal", row.normal)) if path is not None}
        shapes = {name: picture.shape[:2] for name, picture in pictures.items()}
        if row.mask is not None:
            with Image.open(row.mask) as mask:
                shapes["mask"] = (mask.height, mask.width)
    except (DataError, OSError) as error:
        return str(error)
    equal = len(set(shapes.values())) == 1
    sizes = "" if equal else ", ".join(f"{name} is {width}x{height}" for name, (height, width) in shapes.items())
    shift = _shift(pictures["low"], pictures["normal"]) if len(pictures) == 2 and equal else None
    picture = pictures.get("normal", pictures.get("low"))
    assert picture is not None
    return _Look(np.packbits(imagehash.phash(Image.fromarray(picture)).hash), sizes, shift)


def _shift(low: np.ndarray, normal: np.ndarray) -> float | None:
    """Displacement in pixels of the full pictures; None where it is small or the correlation has no clear peak."""
    scale = min(1.0, _WIDTH / max(low.shape[:2]))
    grey = []
    for picture in (low, normal):
        reduced = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        # The logarithm turns uneven light into something slow, which the blurred picture then takes away; noise has no phase.
        values = np.log(cv2.GaussianBlur(reduced, (0, 0), 1.0).astype(np.float32) + 2)
        grey.append(values - cv2.GaussianBlur(values, (0, 0), 12))
    (x, y), peak = cv2.phaseCorrelate(grey[0], grey[1], cv2.createHanningWindow(grey[0].shape[::-1], cv2.CV_32F))
    moved = float(np.hypot(x, y))
    return moved / scale if moved > _SHIFT and peak > _CERTAIN else None


def _counts(prepared: Prepared) -> Iterator[Finding]:
    if "entry" not in prepared.facts:
        return
    item = catalog.entry(str(prepared.facts["entry"]))
    expected = catalog.find_layout(item, prepared.root)[0].counts
    if expected is not None and not complete(prepared.counts, expected):
        yield Finding("counts", f"{item.title} has {_say(expected)}; here are {_say(prepared.counts)}.")


def complete(counts: Mapping[Any, int], expected: Mapping[Any, int]) -> bool:
    """Tells whether a set has the rows that the catalog expects.

    Args:
        counts: rows by split.
        expected: rows by split of a complete set. Where it names one split only, the settings may have divided that one, or the
            number of the others is not known; where it has no `val`, a share of `train` may have been set aside for it.
    """
    if len(expected) == 1:
        ((split, number),) = expected.items()
        return counts.get(split, 0) == number or sum(counts.values()) == number
    groups = [(split,) for split in expected] if "val" in expected else [("train", "val"), ("test",)]
    return all(sum(counts.get(s, 0) for s in group) == sum(expected.get(s, 0) for s in group) for group in groups)


def _say(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} {split}" for split, count in counts.items())


def _orphans(prepared: Prepared) -> Iterator[Finding]:
    known = {path.resolve() for row in prepared.all_rows for path in (row.low, row.normal, row.mask) if path is not None}
    for folder in sorted({path.parent for path in known}):
        beside = [path for path in find_images(folder) if path.resolve() not in known]
        if beside:
            some = ", ".join(path.name for path in beside[:5]) + (f" and {len(beside) - 5} more" if len(beside) > 5 else "")
            yield Finding("orphans", f"{Path(folder)} has {len(beside)} pictures that no row names: {some}.", "warning")


def _changed(prepared: Prepared) -> Iterator[Finding]:
    known = {
        path: row.digests[column]
        for row in prepared.all_rows
        for column, path in (("low", row.low), ("normal", row.normal), ("mask", row.mask))
        if path is not None
    }
    with ThreadPoolExecutor() as pool:
        changed = [path for path, found in zip(known, pool.map(sha256, known), strict=True) if found != known[path]]
    if changed:
        some = ", ".join(path.name for path in changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        yield Finding("changed", f"{len(changed)} files changed since the set was prepared: {some}. Run `lle fetch {prepared.name}`.")


def _duplicates(seen: list[tuple[Row, _Look]]) -> Iterator[Finding]:
    if not seen:
        return
    hashes = np.stack([look.hash for _, look in seen])
    splits = np.array([row.split for row, _ in seen])
    bits = np.array([bin(value).count("1") for value in range(256)], np.uint8)
    told = set()
    for index, (row, _) in enumerate(seen):
        others = np.flatnonzero((splits[:index] != row.split) & (bits[hashes[:index] ^ hashes[index]].sum(axis=1) <= _SAME))
        for other in others:
            twin = seen[int(other)][0]
            if (twin.scene, row.scene) not in told:
                told.add((twin.scene, row.scene))
                yield Finding(
                    "duplicates", f"{twin.image} ({twin.split}) and {row.image} ({row.split}) look like the same picture.", "warning"
                )
