"""Looks for what is wrong with a prepared data set without being an error of form: a report, not a refusal."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from lle.data import catalog
from lle.data.folders import find_pictures
from lle.data.images import read_rgb, shown, size
from lle.data.layouts import find_layout
from lle.data.pairs import Prepared, Row, open_prepared, some
from lle.errors import DataError
from lle.files import sha256

log = logging.getLogger("lle.data")

_WIDTH = 384
"""Pictures are compared at this greatest side, in pixels."""
_SAME = 4
"""Perceptual hashes of 64 bits that differ in so many bits at most count as one picture."""
_SHIFT = 1.5
"""Pairs displaced by more than so many pixels of the reduced pictures count as misaligned."""
_SAMPLE = 48
"""Rows of each split that are looked at where all would take too long."""
_PIXELS = 150_000_000
"""Pixels that are decoded then, at most."""
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

    kind: Literal["counts", "orphans", "changed", "unreadable", "sizes", "duplicates", "alignment", "black"]
    message: str
    severity: Literal["error", "warning"] = "error"


def check(prepared: Prepared) -> list[Finding]:
    """Examines a prepared data set.

    Counts against the catalog; files beside the set's own that no row names; files that changed since the set was prepared, which
    the pipeline does not see where they lie outside of the project; unreadable pictures; pairs of unequal size;
    pictures of one split that look like one of another (perceptual hash of the reference, or of the low-light picture where there
    is none); pairs that are displaced against each other (phase correlation, which does not mind their brightness); low-light
    pictures that are black all over.

    Args:
        prepared: the data set.

    Returns:
        Findings, in the order above; none if all is well.
    """
    return [*_counts(prepared), *_orphans(prepared), *_changed(prepared), *_look_at(prepared.all_rows)]


def misfits(rows: Sequence[Row]) -> tuple[list[tuple[Row, str]], list[str]]:
    """Compares the sizes of the pictures of each row by their heads alone.

    Returns:
        Rows whose pictures are not of one size, and what is said of each; and what is said of heads that cannot be read.
    """
    paths = list(dict.fromkeys(path for row in rows for path in row.files.values()))
    with ThreadPoolExecutor() as pool:
        heads = dict(zip(paths, pool.map(_head, paths), strict=True))
    wrong = []
    for row in rows:
        sizes = {name: head for name, path in row.files.items() if not isinstance(head := heads[path], str)}
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"{name} is {width}x{height}" for name, (width, height) in sizes.items())
            wrong.append((row, f"{row.image or shown(next(iter(row.files.values())))}: {told}"))
    return wrong, [head for head in heads.values() if isinstance(head, str)]


def at_fetch(prepared: Prepared) -> list[Finding]:
    """Looks at a sample of a set's pictures for what `check` looks for in all of them, as far as that is no error."""
    findings = _look_at(_sample(prepared), "in a sample of its pictures ")
    return [finding for finding in findings if finding.kind in {"duplicates", "alignment", "black"}]


def before_training(prepared: Prepared) -> None:
    """Refuses a set that cannot be learned from as it is now, and warns of what looks wrong with it.

    Sizes are compared by the pictures' heads, the folders are listed, and displaced pairs and equal pictures in two splits are looked
    for in a sample. Sets that were made here are taken as they are.

    Raises:
        DataError: the pictures of a pair are of different sizes, a folder has pictures that are not in the set, a part of a join is
            another one now, or there is no training split.
    """
    prepared.rows("train")
    for name, digest in prepared.facts.get("parts", {}).items():
        if open_prepared(name, prepared.folder.parent).digest != digest:
            raise DataError(
                f"the data set '{prepared.name}' was put together from another '{name}'. Run `lle fetch {prepared.name}` again."
            )
    if not _brought(prepared):
        return
    wrong, damaged = misfits(prepared.all_rows)
    if wrong:
        raise DataError(
            f"the data set '{prepared.name}' has {len(wrong)} pairs that do not fit: {some([text for _, text in wrong])}. Give both "
            f"pictures of a pair the same size, then run `lle fetch {prepared.name}` again."
        )
    if damaged:
        raise DataError(damaged[0])
    for finding in _orphans(prepared):
        if finding.severity == "error":
            raise DataError(f"{finding.message} They are not in the data set '{prepared.name}': run `lle fetch {prepared.name}` again.")
        log.warning("%s: %s", prepared.name, finding.message)
    for finding in at_fetch(prepared) if prepared.kind != "join" else ():
        log.warning("%s: %s", prepared.name, finding.message)


def _brought(prepared: Prepared) -> bool:
    """Tells whether a set, or a part of a join, has pictures that were not made here."""
    if prepared.kind != "join":
        return prepared.kind in {"folder", "catalog"}
    return any(_brought(open_prepared(part, prepared.folder.parent)) for part in prepared.facts["parts"])


def _head(path: Path) -> tuple[int, int] | str:
    try:
        return size(path)
    except DataError as error:
        return str(error)


def _sample(prepared: Prepared) -> list[Row]:
    """Rows spread evenly over each split, fewer where pictures are large."""
    rows: list[Row] = []
    for split in prepared.counts:
        of = prepared.rows(split)
        head = _head(next(iter(of[0].files.values())))
        pixels = 2 * head[0] * head[1] if not isinstance(head, str) else 1
        count = max(1, min(len(of), _SAMPLE, _PIXELS // (pixels * len(prepared.counts))))
        rows += [of[round(place)] for place in np.linspace(0, len(of) - 1, count)]
    return rows


def _look_at(rows: Sequence[Row], where: str = "") -> list[Finding]:
    """Decodes the pictures of rows and says what is wrong with them."""
    with ThreadPoolExecutor() as pool:
        looked = list(pool.map(_look, rows))
    findings = [Finding("unreadable", look) for look in looked if isinstance(look, str)]
    seen = [(row, look) for row, look in zip(rows, looked, strict=True) if isinstance(look, _Look)]
    findings += [Finding("sizes", f"{row.image}: {look.sizes}.") for row, look in seen if look.sizes]
    findings += _duplicates(seen)
    moved = [(row, look.shift) for row, look in seen if look.shift is not None]
    if where and len(moved) > 3:
        told = some([row.image for row, _ in moved])
        findings.append(
            Finding("alignment", f"{where}{len(moved)} low-light pictures are displaced against their references: {told}.", "warning")
        )
    else:
        findings += [
            Finding("alignment", f"{row.image}: the low-light picture is displaced by {shift:.1f} pixels against its reference.", "warning")
            for row, shift in moved
        ]
    black = [row.image for row, look in seen if look.black]
    if black:
        findings.append(Finding("black", f"{len(black)} low-light pictures are black all over: {some(black)}.", "warning"))
    return findings


@dataclass(frozen=True)
class _Look:
    """What one row shows: the hash of its picture, what is wrong with its sizes, its displacement if certain, whether it is black.

    The hash is of the reference where there is one; displacement is in pixels; black is the low-light picture.
    """

    hash: np.ndarray
    sizes: str
    shift: float | None
    black: bool


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
    black = "low" in pictures and int(pictures["low"].max()) == 0
    return _Look(np.packbits(imagehash.phash(Image.fromarray(picture)).hash), sizes, shift, black)


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
    expected = find_layout(item, prepared.root)[0].counts
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
    """Pictures beside the set's own; an error where the set was made of all pictures of its folders and nothing was left out."""
    known = {path.resolve() for row in prepared.all_rows for path in row.files.values()}
    whole = bool(prepared.facts.get("whole")) and not prepared.facts.get("left_out")
    for folder in sorted({path.parent for row in prepared.all_rows for path in row.files.values()}):
        beside = [path for path in find_pictures(folder)[0] if path.parent == folder and path.resolve() not in known]
        if beside:
            names = some([path.name for path in beside])
            severity: Literal["error", "warning"] = "error" if whole else "warning"
            yield Finding("orphans", f"{shown(folder)} has {len(beside)} pictures that no row names: {names}.", severity)


def _changed(prepared: Prepared) -> Iterator[Finding]:
    known = {path: row.digests[column] for row in prepared.all_rows for column, path in row.files.items()}
    with ThreadPoolExecutor() as pool:
        changed = [path for path, found in zip(known, pool.map(sha256, known), strict=True) if found != known[path]]
    if changed:
        names = some([path.name for path in changed])
        yield Finding("changed", f"{len(changed)} files changed since the set was prepared: {names}. Run `lle fetch {prepared.name}`.")


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
