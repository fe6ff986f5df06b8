"""Data sets as users keep them: a list of pairs, folders of low-light pictures and references, or pictures alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lle.data.images import SUFFIXES, natural_key, shown, unreadable
from lle.data.pairs import LOW_FOLDERS, NORMAL_FOLDERS, Row, some
from lle.errors import DataError

SPLIT_FOLDERS = {
    "train": ("train", "training", "our485"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing", "eval", "eval15"),
}
"""Names, in any case, of folders that hold one split with `low/` and its references inside."""

LeftOut = tuple[Path, str]
"""A file or folder that is not part of the set, and why."""


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        rows: with their splits; all say `test` where the set has none of its own.
        own_splits: whether the splits come from the set itself.
        left_out: what looks like a part of the set and is none.
        whole: whether all pictures of its folders are meant, so that one which no row names does not belong there.
    """

    rows: list[Row]
    own_splits: bool
    left_out: list[LeftOut] = field(default_factory=list)
    whole: bool = False


def find_pictures(folder: Path) -> tuple[list[Path], list[LeftOut]]:
    """Finds the pictures in a folder and in those below it, linked ones too.

    Returns:
        Pictures in natural order (`a2` before `a10`), and what looks like a picture but cannot be taken.
    """
    pictures: list[Path] = []
    left_out: list[LeftOut] = []

    def walk(place: Path, above: frozenset[Path]) -> None:
        for path in sorted(place.iterdir(), key=natural_key):
            if path.is_dir() and not path.name.startswith((".", "__MACOSX")):
                if (real := path.resolve()) in above:
                    left_out.append((path, "links to a folder that holds it"))
                else:
                    walk(path, above | {real})
            elif reason := _unusable(path):
                left_out.append((path, reason))
            elif path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith("._"):  # `._` is macOS's own
                pictures.append(path)

    walk(Path(folder), frozenset({Path(folder).resolve()}))
    return pictures, left_out


def _unusable(path: Path) -> str | None:
    if reason := unreadable(path):
        return reason
    if path.is_symlink() and not path.exists():
        return "links to something that is not there"
    if path.name.startswith(".") and not path.name.startswith("._") and path.suffix.lower() in SUFFIXES:
        return "is hidden"
    return None


def read_folder(source: Path, paired: bool | None = None, orphans: bool = False) -> Found:
    """Reads a data set as users keep them.

    Known forms, the first that is there: `pairs.csv` (see `lle.data.pair_lists`); a folder of low-light pictures and one of
    references under the names of `LOW_FOLDERS` and `NORMAL_FOLDERS`; both of them inside folders for splits (`SPLIT_FOLDERS`);
    pictures alone, which are low-light and unpaired. Each may be the only folder inside the given one.

    Args:
        source: the folder.
        paired: True requires a reference for every low-light picture; False makes each picture a row of its own; None takes
            pairs where there is a folder of references.
        orphans: leave out pictures without a partner instead of refusing them.

    Raises:
        DataError: the folder is missing or empty, pictures have no partner, or `pairs.csv` is not as described.
    """
    source = Path(source)
    if not source.is_dir():
        raise DataError(
            f"the folder {shown(source)} does not exist. Put low-light pictures into {source}/low and their normal-light partners, "
            f"under the same names, into {source}/normal; or low-light pictures alone directly into {source}."
        )
    if (source / "pairs.csv").is_file():
        from lle.data.pair_lists import read_pairs

        return read_pairs(source, paired, orphans)
    place = _inner(source)
    parts = {split: folder for split, names in SPLIT_FOLDERS.items() if (folder := _named(place, names)) is not None}
    if parts and _named(place, LOW_FOLDERS) is None:
        found = [_read_place(folder, split, paired, orphans, f"{shown(folder.name)}/") for split, folder in parts.items()]
        rows, left_out = [row for part in found for row in part[0]], [item for part in found for item in part[1]]
        left_out += _strangers(place, list(parts.values()))
    else:
        rows, left_out = _read_place(place, "test", paired, orphans, "")
    if not rows:
        told = f" Left out: {say_left_out(left_out, source)}." if left_out else ""
        raise DataError(f"{shown(source)} holds no picture that can be read.{told} Put them into {source}/low and {source}/normal.")
    return Found(rows, len({row.split for row in rows}) > 1, left_out, whole=True)


def say_left_out(left_out: Sequence[LeftOut], source: Path) -> str:
    """Says how many files and folders were left out, which and why."""
    by_reason: dict[str, list[Path | str]] = {}
    for path, reason in left_out:
        by_reason.setdefault(reason, []).append(path.relative_to(source) if path.is_relative_to(source) else path)
    return "; ".join(f"{len(paths)} ({some(paths)}): {reason}" for reason, paths in by_reason.items())


def _inner(folder: Path) -> Path:
    """The folder, or the one below it where it holds nothing else, as archives often do."""
    known = {*LOW_FOLDERS, *NORMAL_FOLDERS, *(name for names in SPLIT_FOLDERS.values() for name in names)}
    inside = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink() and inside[0].name.lower() not in known:
        return _inner(inside[0])
    return folder


def _named(place: Path, names: Sequence[str]) -> Path | None:
    """The folder that has one of the names, in any case.

    Raises:
        DataError: there are several.
    """
    found = sorted(path for path in place.iterdir() if path.is_dir() and path.name.lower() in names)
    if len(found) > 1:
        both = " and ".join(f"{path.name}/" for path in found)
        raise DataError(f"{shown(place)} has {both}, which mean the same. Keep one of them.")
    return found[0] if found else None


def _read_place(place: Path, split: str, paired: bool | None, orphans: bool, prefix: str) -> tuple[list[Row], list[LeftOut]]:
    """Reads one place with low-light pictures and references, or with pictures alone."""
    low, normal = _named(place, LOW_FOLDERS), _named(place, NORMAL_FOLDERS)
    if low is None and normal is None:
        pictures, left_out = find_pictures(place)
        if paired and pictures:
            raise DataError(_no_references(place, len(pictures)))
        return [Row(split, prefix + key, low=path) for key, path in _keys(pictures, place).items()], left_out
    lows: dict[str, Path] = {}
    normals: dict[str, Path] = {}
    left_out = _strangers(place, [folder for folder in (low, normal) if folder is not None])
    for folder, side in ((low, lows), (normal, normals)):
        if folder is not None:
            pictures, more = find_pictures(folder)
            side.update(_keys(pictures, folder))
            left_out += more
    if paired is not False and low is not None and normal is not None and not (lows and normals):
        empty = normal if lows else low
        told = f" ({say_left_out(left_out, place)})" if left_out else ""
        raise DataError(f"{shown(empty)} holds no picture that can be read{told}. Put the pictures there, or remove the folder.")
    if paired and not normals:
        raise DataError(_no_references(place, len(lows)))
    if paired is False or not (lows and normals):
        rows = [Row(split, prefix + key, low=path) for key, path in lows.items()]
        return rows + [Row(split, prefix + key, normal=path) for key, path in normals.items()], left_out
    pairs, lonely = _match(lows, normals)
    if not orphans or not pairs:
        _refuse(lonely, len(lows) + len(normals))
    left_out += [(path, "has no partner") for path in lonely]
    assert low is not None
    return [Row(split, prefix + _key(one, low), one, other) for one, other in pairs], left_out


def _no_references(place: Path, count: int) -> str:
    beside = [f"{path.name}/" for path in sorted(place.iterdir()) if path.is_dir()]
    has = f" (it has {some(beside)})" if beside else ""
    names = ", ".join(f"{name}/" for name in NORMAL_FOLDERS)
    return (
        f"{shown(place)} has {count} low-light pictures and no reference, and `paired` is true. Put the references under the same "
        f"names into a folder beside them that is called one of {names}{has}, or set `paired: false`."
    )


def _strangers(place: Path, known: Sequence[Path]) -> list[LeftOut]:
    """Folders and pictures beside the known folders."""
    found: list[LeftOut] = []
    for path in sorted(place.iterdir(), key=natural_key):
        if path in known or path.name.startswith((".", "__MACOSX")):
            continue
        if path.is_dir():
            pictures, _ = find_pictures(path)
            if pictures:
                found.append((path, f"is none of {', '.join(folder.name + '/' for folder in known)}"))
        elif path.suffix.lower() in SUFFIXES or unreadable(path):
            found.append((path, "lies beside the folders"))
    return found


def _key(path: Path, folder: Path) -> str:
    return shown(path.relative_to(folder).with_suffix("").as_posix())


def _keys(pictures: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Pictures by their path without suffix, which the two files of a pair share."""
    return {_key(path, folder): path for path in _unlike(pictures)}


def _unlike(paths: Iterable[Path]) -> list[Path]:
    seen: dict[Path, Path] = {}
    for path in paths:
        twin = seen.setdefault(path.with_suffix(""), path)
        if twin is not path:
            raise DataError(f"{shown(path)} and {shown(twin.name)} have the same name but for their suffix. Keep one of them.")
    return list(seen.values())


def _match(lows: dict[str, Path], normals: dict[str, Path]) -> tuple[list[tuple[Path, Path]], list[Path]]:
    """Pairs in the order of the low-light pictures, and what has no partner."""
    lonely = [path for key, path in lows.items() if key not in normals] + [path for key, path in normals.items() if key not in lows]
    return [(path, normals[key]) for key, path in lows.items() if key in normals], lonely


def _refuse(orphans: Sequence[Path], count: int) -> None:
    if orphans:
        raise DataError(
            f"{len(orphans)} of {count} pictures have no partner: {some(orphans)}. A pair's two files need equal names but for their "
            "suffix; rename or remove them, write a pairs.csv, or leave them out with `allow: [orphan]`."
        )
