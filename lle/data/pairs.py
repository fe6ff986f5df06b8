"""Prepared data sets: a folder with `manifest.csv` and `dataset.json`, and the ways to find pairs on disk.

Every data set, made or brought, ends as the same manifest: one row a pair with its split, its scene (what must not be
in two splits), its files and their SHA-256.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lle.data.images import find_images
from lle.errors import DataError, did_you_mean
from lle.files import digest, read_json, sha256, write_json, write_text

SPLITS = ("train", "val", "test")
COLUMNS = ("split", "scene", "low", "normal", "parameters", "sha256_low", "sha256_normal")
MASK_COLUMNS = ("mask", "sha256_mask")
"""Columns of segmentation sets, behind the others."""


@dataclass(frozen=True)
class Row:
    """One pair, or one picture where there is no partner.

    Attributes:
        split: `train`, `val` or `test`.
        scene: what is pictured; all rows of a scene are in one split.
        low: the low-light picture, or None in a set of normal-light pictures.
        normal: the normal-light picture, or None in an unpaired set.
        parameters: how `low` was made from `normal`; empty for photographs.
        mask: class indices of `normal` (or of `low`), or None.
        image: name of the row, unique in its set, fit for a file name.
        digests: SHA-256 by the name of the column (`low`, `normal`, `mask`).
    """

    split: str
    scene: str
    low: Path | None = None
    normal: Path | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    mask: Path | None = None
    image: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A data set ready for use.

    Attributes:
        name: its key under `data:` in `params.yaml`.
        kind: `demo`, `folder` or `catalog`.
        folder: where its manifest is.
        root: what the manifest's paths are relative to.
        digest: SHA-256 of the splits, scenes, paths, parameters and file digests, hence of all content.
        all_rows: every row, in the manifest's order.
        facts: what `dataset.json` says beyond that.
    """

    name: str
    kind: str
    folder: Path
    root: Path
    digest: str
    all_rows: tuple[Row, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Rows by split, splits without rows left out."""
        found = Counter(row.split for row in self.all_rows)
        return {split: found[split] for split in SPLITS if found[split]}

    def rows(self, split: str) -> tuple[Row, ...]:
        """Returns the rows of one split.

        Raises:
            DataError: the set has no row of that split; the message says which it has.
        """
        found = tuple(row for row in self.all_rows if row.split == split)
        if not found:
            has = ", ".join(f"{key} ({count})" for key, count in self.counts.items())
            raise DataError(f"the data set '{self.name}' has no split '{split}'; it has {has}. See data.{self.name}.split in params.yaml.")
        return found


def open_prepared(name: str, folder: Path = Path("build/data")) -> Prepared:
    """Opens a prepared data set.

    Args:
        name: the set's name.
        folder: the folder of all prepared sets.

    Raises:
        DataError: it was not prepared, its manifest does not fit its digest, or a picture it names is gone.
    """
    home = Path(folder) / name
    if not (home / "dataset.json").is_file():
        known = sorted(path.parent.name for path in Path(folder).glob("*/dataset.json"))
        raise DataError(f"the data set '{name}' is not prepared ({home} is not there).{did_you_mean(name, known)} Run `lle fetch {name}`.")
    facts = read_json(home / "dataset.json")
    root = home if facts["root"] == "." else Path(facts["root"])
    rows = _read_manifest(home / "manifest.csv", root)
    if _digest(rows, root) != facts["digest"]:
        raise DataError(f"{home / 'manifest.csv'} was changed after it was made. Run `lle fetch {name}` again.")
    missing = [path for row in rows for path in (row.low, row.normal, row.mask) if path is not None and not path.is_file()]
    if missing:
        raise DataError(f"the data set '{name}' lacks {_some(missing)}. Put the files back, or run `lle fetch {name}` again.")
    rest = {key: value for key, value in facts.items() if key not in {"name", "kind", "root", "digest", "counts"}}
    return Prepared(name, facts["kind"], home, root, facts["digest"], tuple(rows), rest)


def write_manifest(
    folder: Path,
    name: str,
    kind: str,
    rows: Sequence[Row],
    root: Path | None = None,
    facts: Mapping[str, Any] | None = None,
    published: bool = False,
) -> None:
    """Checks the rows and writes `manifest.csv` and `dataset.json`.

    Args:
        folder: where to.
        name: the set's name.
        kind: `demo`, `folder` or `catalog`.
        rows: with paths below `root`; file digests are computed where a row lacks them, names from the files' paths.
        root: what the paths are made relative to; None stands for `folder` itself.
        facts: more keys of `dataset.json`.
        published: the splits are those of a published set, which a user cannot put right: pictures in two splits are then
            counted in `dataset.json` (`shared_pictures`) instead of being refused.

    Raises:
        DataError: no rows, an unknown split, a scene or the same picture in two splits, or a row twice.
    """
    base = Path(folder) if root is None else Path(root)
    rows = _name(_add_digests(rows), base)
    shared = _validate(name, rows, published)
    columns = COLUMNS + (MASK_COLUMNS if any(row.mask is not None for row in rows) else ())
    lines = [columns, *([cells[column] for column in columns] for cells in (_cells(row, base) for row in rows))]
    text = "\n".join(",".join(_quote(cell) for cell in line) for line in lines) + "\n"
    write_text(Path(folder) / "manifest.csv", text)
    counts = Counter(row.split for row in rows)
    head = {
        "name": name,
        "kind": kind,
        "root": "." if root is None else Path(root).as_posix(),
        "digest": _digest(rows, base),
        "counts": {split: counts[split] for split in SPLITS if counts[split]},
    }
    write_json(Path(folder) / "dataset.json", {**(facts or {}), **({"shared_pictures": shared} if shared else {}), **head})


def match_stems(low: Iterable[Path], normal: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Pairs low-light and normal-light pictures whose file names without suffix are equal.

    Returns:
        Pairs in the order of `low`.

    Raises:
        DataError: two files of one side share a stem, or a picture has no partner; up to five orphans are named.
    """
    sides = []
    for paths in (low, normal):
        side: dict[str, Path] = {}
        for path in paths:
            if path.stem in side:
                raise DataError(f"{path} and {side[path.stem].name} have the same name but for their suffix. Keep one of them.")
            side[path.stem] = path
        sides.append(side)
    lows, normals = sides
    orphans = [lows[stem] for stem in lows if stem not in normals] + [normals[stem] for stem in normals if stem not in lows]
    if orphans:
        raise DataError(
            f"{len(orphans)} of {len(lows) + len(normals)} pictures have no partner: {_some(orphans)}. "
            "A pair's two files need equal names but for their suffix; rename or remove them, or write a pairs.csv."
        )
    return [(path, normals[stem]) for stem, path in lows.items()]


def read_folder(source: Path, paired: bool = True) -> tuple[list[Row], bool]:
    """Reads a data set as users keep them.

    Known forms, the first that is there: `pairs.csv` (columns at least `low` and `normal`, paths relative to `source`;
    `split` and `scene` optional); `low/` and `normal/`; `low/` alone; pictures directly inside (low-light, unpaired).

    Args:
        source: the folder.
        paired: whether `low/` and `normal/` belong together picture by picture; if not, each picture is a row of its own.

    Returns:
        Rows, and whether their splits come from the set itself (otherwise every row says `test`).

    Raises:
        DataError: the folder is missing or empty, pictures have no partner, or `pairs.csv` is not as described.
    """
    source = Path(source)
    if not source.is_dir():
        raise DataError(
            f"the folder {source} does not exist. Put low-light pictures into {source}/low and their normal-light partners, "
            f"under the same names, into {source}/normal; or low-light pictures alone directly into {source}."
        )
    if (source / "pairs.csv").is_file():
        return _read_pairs(source)
    if (source / "low").is_dir():
        lows = find_images(source / "low")
        normals = find_images(source / "normal") if (source / "normal").is_dir() else []
        if normals and paired:
            rows = [Row("test", low.stem, low, normal) for low, normal in match_stems(lows, normals)]
        else:
            rows = [Row("test", f"low-{path.stem}" if normals else path.stem, low=path) for path in lows]
            rows += [Row("test", f"normal-{path.stem}", normal=path) for path in normals]
    else:
        rows = [Row("test", path.stem, low=path) for path in find_images(source)]
    if not rows:
        raise DataError(f"{source} holds no picture that is known by its suffix. Put them into {source}/low and {source}/normal.")
    return rows, False


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


def _read_pairs(source: Path) -> tuple[list[Row], bool]:
    file = source / "pairs.csv"
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        columns = set(reader.fieldnames or ())
        if not {"low", "normal"} <= columns:
            raise DataError(f"{file} needs the columns low and normal in its first line; it has {', '.join(sorted(columns)) or 'none'}.")
        rows = []
        for number, cells in enumerate(reader, start=2):
            paths: dict[str, Any] = {}
            for column in ("low", "normal", "mask"):
                if not cells.get(column):
                    continue
                path = source / cells[column]
                if not path.is_file():
                    raise DataError(f"{file}, line {number}: {column} names {cells[column]}, which is not there.")
                paths[column] = path
            if not paths:
                raise DataError(f"{file}, line {number}: both low and normal are empty.")
            partner = paths.get("normal") or paths["low"]
            split = cells.get("split") or ("test" if "split" not in columns else "")
            if split not in SPLITS:
                raise DataError(f"{file}, line {number}: the split is '{split}'; it must be one of {', '.join(SPLITS)}.")
            rows.append(Row(split, cells.get("scene") or partner.stem, **paths))
    if not rows:
        raise DataError(f"{file} has no line below its head.")
    return rows, "split" in columns


def _add_digests(rows: Sequence[Row]) -> list[Row]:
    wanted = {path for row in rows for path in _files(row).values() if not row.digests}
    with ThreadPoolExecutor() as pool:
        known = dict(zip(wanted, pool.map(sha256, wanted), strict=True))
    return [row if row.digests else replace(row, digests={key: known[path] for key, path in _files(row).items()}) for row in rows]


def _name(rows: Sequence[Row], base: Path) -> list[Row]:
    """Gives each row the name of its first file: its path below `base` without `low/` or `normal/` and without suffix."""
    named = []
    for row in rows:
        path = Path(_relative(next(iter(_files(row).values())), base)).with_suffix("")
        parts = path.parts[1:] if len(path.parts) > 1 and path.parts[0] in {"low", "normal"} else path.parts
        named.append(replace(row, image="-".join(part for part in parts if part != "..")))
    return named


def _validate(name: str, rows: Sequence[Row], published: bool) -> int:
    """Returns how many files have the content of a file of another split."""
    if not rows:
        raise DataError(f"the data set '{name}' is empty.")
    scenes: dict[str, str] = {}
    pictures: dict[str, tuple[str, Path]] = {}
    names: dict[str, Row] = {}
    shared: set[Path] = set()
    for row in rows:
        if row.split not in SPLITS:
            raise DataError(f"the data set '{name}' has a split '{row.split}'; it must be one of {', '.join(SPLITS)}.")
        if scenes.setdefault(row.scene, row.split) != row.split:
            both = f"{scenes[row.scene]} and in {row.split}"
            raise DataError(f"the data set '{name}' has scene '{row.scene}' in {both}. A scene belongs to one split.")
        twin = names.setdefault(row.image, row)
        if twin is not row and (twin.low, twin.normal) == (row.low, row.normal):
            raise DataError(f"the data set '{name}' has the row of {row.low or row.normal} twice.")
        if twin is not row and twin.low is not None and row.low is not None:
            raise DataError(f"the data set '{name}' has two pictures called '{row.image}': {twin.low} and {row.low}. Rename one.")
        for column, path in _files(row).items():
            if column == "mask":  # two pictures may well have the same classes, say none
                continue
            split, first = pictures.setdefault(row.digests[column], (row.split, path))
            if split != row.split and published:
                shared.add(path)
            elif split != row.split:
                raise DataError(f"the data set '{name}' has the same picture in {split} ({first}) and in {row.split} ({path}). Remove one.")
    return len(shared)


def _files(row: Row) -> dict[str, Path]:
    return {key: path for key, path in (("low", row.low), ("normal", row.normal), ("mask", row.mask)) if path is not None}


def _relative(path: Path, root: Path) -> str:
    return Path(path).relative_to(root).as_posix()


def _cells(row: Row, root: Path) -> dict[str, str]:
    cells = dict.fromkeys(COLUMNS + MASK_COLUMNS, "")
    cells |= {"split": row.split, "scene": row.scene}
    cells["parameters"] = json.dumps(row.parameters, sort_keys=True, allow_nan=False) if row.parameters else ""
    for key, path in _files(row).items():
        cells[key] = _relative(path, root)
        cells[f"sha256_{key}"] = row.digests[key]
    return cells


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\r\n') else cell


def _digest(rows: Sequence[Row], root: Path) -> str:
    return digest([_cells(row, root) for row in rows])


def _read_manifest(file: Path, root: Path) -> list[Row]:
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                raise DataError(f"{file} lacks columns; it needs {', '.join(COLUMNS)}. Run `lle fetch` for this data set again.")
            rows = [
                Row(
                    split=cells["split"],
                    scene=cells["scene"],
                    low=root / cells["low"] if cells["low"] else None,
                    normal=root / cells["normal"] if cells["normal"] else None,
                    mask=root / cells["mask"] if cells.get("mask") else None,
                    parameters=json.loads(cells["parameters"]) if cells["parameters"] else {},
                    digests={key: cells[f"sha256_{key}"] for key in ("low", "normal", "mask") if cells.get(key)},
                )
                for cells in reader
            ]
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {error}. Run `lle fetch` for this data set again.") from error
    return _name(rows, root)


def _some(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(str(path) for path in paths[:5]) + more
