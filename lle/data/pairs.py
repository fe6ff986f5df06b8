"""Prepared data sets: a folder with `manifest.csv` and `dataset.json`.

Every data set, made or brought, ends as the same manifest: one row a pair with its split, its scene (what must not be
in two splits), its files and their SHA-256.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lle.data.images import shown
from lle.errors import DataError, did_you_mean
from lle.files import atomic_path, digest, read_json, sha256, write_json

SPLITS = ("train", "val", "test")
COLUMNS = ("split", "scene", "low", "normal", "parameters", "sha256_low", "sha256_normal")
MASK_COLUMNS = ("mask", "sha256_mask")
"""Columns of segmentation sets, behind the others."""
ABOUT_COLUMNS = ("part", "licence", "author", "source")
"""Columns of sets that know it: the set of a join that a row is from, and whose picture it is under which licence."""
LOW_FOLDERS = ("low", "input", "dark", "lowlight", "low_light")
"""Names, in any case, under which low-light pictures are kept."""
NORMAL_FOLDERS = ("normal", "high", "gt", "target", "reference", "label")
"""Names, in any case, under which their references are kept."""


_CLOSED: ContextVar[bool] = ContextVar("closed_test_splits", default=False)


@contextmanager
def closed_test_splits() -> Iterator[None]:
    """Refuses to read any test split in a block: settings are chosen there, and must be chosen on validation splits."""
    before = _CLOSED.set(True)
    try:
        yield
    finally:
        _CLOSED.reset(before)


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
        about: what is known of where it comes from, by the name of the column (`ABOUT_COLUMNS`).
    """

    split: str
    scene: str
    low: Path | None = None
    normal: Path | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    mask: Path | None = None
    image: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, Path]:
        """Its files by the name of the column."""
        return {key: path for key, path in (("low", self.low), ("normal", self.normal), ("mask", self.mask)) if path is not None}


@dataclass(frozen=True)
class Prepared:
    """A data set ready for use.

    Attributes:
        name: its key under `data:` in `params.yaml`.
        kind: `kind` of its settings, such as `demo`, `folder` or `catalog`.
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

    def has_split(self, split: str) -> bool:
        """Whether the set has a row of a split; where it has no `val`, training goes without choosing a checkpoint."""
        return any(row.split == split for row in self.all_rows)

    def rows(self, split: str) -> tuple[Row, ...]:
        """Returns the rows of one split.

        Raises:
            DataError: the set has no row of that split; the message says which it has, and what to write. Or it is the test split,
                inside of `closed_test_splits`.
        """
        if split == "test" and _CLOSED.get():
            raise DataError(
                f"the test split of '{self.name}' is not read while settings are chosen: what is chosen on test pictures looks better on "
                "them than it is. Choose on `val`."
            )
        found = tuple(row for row in self.all_rows if row.split == split)
        if not found:
            has = ", ".join(f"{key} ({count})" for key, count in self.counts.items())
            raise DataError(f"the data set '{self.name}' has no split '{split}'; it has {has}. {self._how_to_split(split)}")
        return found

    def _how_to_split(self, split: str) -> str:
        section, again = f"data.{self.name}", f"and run `lle fetch {self.name}`."
        shares = "split: {train: 0.7, val: 0.15, test: 0.15}"
        if self.kind == "catalog" and split == "val" and self.has_split("train"):
            return f"To set a share of its training scenes aside write `{section}: {{kind: catalog, {self._entry()}val: 0.1}}` {again}"
        if self.kind == "catalog" and set(self.counts) == {"test"}:
            text = f"{section}: {{kind: catalog, {self._entry()}{shares}}}"
            return f"It is published for testing only; to divide it by scene write `{text}` {again}"
        if self.kind == "folder":
            return f"Add scenes, or divide it otherwise with `{section}.{shares}` in params.yaml, {again}"
        return f"Choose another data set, or set its counts under `{section}` in params.yaml {again}"

    def _entry(self) -> str:
        entry = self.facts.get("entry", self.name)
        return "" if entry == self.name else f"entry: {entry}, "


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
    # `.` is the set's own folder; a root that is the working directory is written as `./`.
    root = home if facts["root"] == "." else Path(facts["root"])
    rows = _read_manifest(home / "manifest.csv", root)
    if _digest(rows, root) != facts["digest"]:
        raise DataError(f"{home / 'manifest.csv'} was changed after it was made. Run `lle fetch {name}` again.")
    missing = [path for row in rows for path in row.files.values() if not path.is_file()]
    if missing:
        raise DataError(f"the data set '{name}' lacks {some(missing)}. Put the files back, or run `lle fetch {name}` again.")
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
        kind: `kind` of its settings.
        rows: with paths below `root`, or absolute ones; file digests are computed where a row lacks them, names from the files' paths.
        root: what the paths are made relative to; None stands for `folder` itself.
        facts: more keys of `dataset.json`.
        published: the splits are those of a published set, which a user cannot put right, or the user allows it: pictures in two
            splits are then counted in `dataset.json` (`shared_pictures`) instead of being refused.

    Raises:
        DataError: no rows, an unknown split, a scene or the same picture in two splits, or a row twice.
    """
    base = Path(folder) if root is None else Path(root)
    rows = _name(_add_digests(rows), base)
    shared = _validate(name, rows, published)
    columns = COLUMNS + (MASK_COLUMNS if any(row.mask is not None for row in rows) else ())
    columns += tuple(column for column in ABOUT_COLUMNS if any(row.about.get(column) for row in rows))
    lines = [columns, *([cells.get(column, "") for column in columns] for cells in (_cells(row, base) for row in rows))]
    text = "\n".join(",".join(_quote(cell) for cell in line) for line in lines) + "\n"
    with atomic_path(Path(folder) / "manifest.csv") as temporary:  # file names need not be UTF-8
        temporary.write_bytes(text.encode("utf-8", "surrogateescape"))
    counts = Counter(row.split for row in rows)
    head = {
        "name": name,
        "kind": kind,
        "root": "." if root is None else _root(Path(root)),
        "digest": _digest(rows, base),
        "counts": {split: counts[split] for split in SPLITS if counts[split]},
    }
    write_json(Path(folder) / "dataset.json", {**(facts or {}), **({"shared_pictures": shared} if shared else {}), **head})


def _add_digests(rows: Sequence[Row]) -> list[Row]:
    wanted = {path for row in rows for path in row.files.values() if not row.digests}
    with ThreadPoolExecutor() as pool:
        known = dict(zip(wanted, pool.map(sha256, wanted), strict=True))
    return [row if row.digests else replace(row, digests={key: known[path] for key, path in row.files.items()}) for row in rows]


def _name(rows: Sequence[Row], base: Path) -> list[Row]:
    """Gives each row the name of its first file: its path below `base` without `low/`, `normal/` or the like and without suffix."""
    named = []
    for row in rows:
        path = Path(shown(_relative(next(iter(row.files.values())), base))).with_suffix("")
        known = len(path.parts) > 1 and path.parts[0].lower() in {*LOW_FOLDERS, *NORMAL_FOLDERS}
        parts = path.parts[1:] if known else path.parts
        named.append(replace(row, image="-".join(part for part in parts if part not in {"..", path.anchor})))
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
        for column, path in row.files.items():
            if column == "mask":  # two pictures may well have the same classes, say none
                continue
            split, first = pictures.setdefault(row.digests[column], (row.split, path))
            if split != row.split and published:
                shared.add(path)
            elif split != row.split:
                raise DataError(
                    f"the data set '{name}' has the same picture in {split} ({shown(first)}) and in {row.split} ({shown(path)}). "
                    f"Remove one, or let it pass with data.{name}.allow: [duplicate]."
                )
    return len(shared)


def _root(root: Path) -> str:
    text = root.as_posix()
    if text != shown(root):
        raise DataError(f"the name of the folder {shown(root)} is not UTF-8. Rename it, or name it through a link.")
    return "./" if text == "." else text


def _relative(path: Path, root: Path) -> str:
    """A path as the manifest has it: relative to the root, absolute where it leads elsewhere."""
    return (path if path.is_absolute() and not path.is_relative_to(root) else path.relative_to(root)).as_posix()


def _cells(row: Row, root: Path) -> dict[str, str]:
    cells = dict.fromkeys(COLUMNS + MASK_COLUMNS, "")
    cells |= {"split": row.split, "scene": row.scene}
    cells["parameters"] = json.dumps(row.parameters, sort_keys=True, allow_nan=False) if row.parameters else ""
    for key, path in row.files.items():
        cells[key] = _relative(path, root)
        cells[f"sha256_{key}"] = row.digests[key]
    return cells | {key: value for key, value in row.about.items() if value}


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\r\n') else cell


def _digest(rows: Sequence[Row], root: Path) -> str:
    # File names that are not UTF-8 have no JSON; their bytes are written out.
    plain = [
        {key: cell.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for key, cell in _cells(row, root).items()}
        for row in rows
    ]
    return digest(plain)


def _read_manifest(file: Path, root: Path) -> list[Row]:
    try:
        with file.open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
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
                    about={key: cells[key] for key in ABOUT_COLUMNS if cells.get(key)},
                )
                for cells in reader
            ]
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {error}. Run `lle fetch` for this data set again.") from error
    return _name(rows, root)


def some(items: Sequence[Path | str]) -> str:
    """Names up to five of the items, and how many more there are."""
    more = f" and {len(items) - 5} more" if len(items) > 5 else ""
    return ", ".join(shown(item) for item in items[:5]) + more
