"""Reading a set of the catalog in the form in which its authors keep it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lle.data.catalog import Entry, Layout, Part, expected, how_to_get
from lle.data.folders import Found, LeftOut, read_folder
from lle.data.images import find_images
from lle.data.pairs import ABOUT_COLUMNS, LOW_FOLDERS, SPLITS, Row, some
from lle.data.photos import listed
from lle.errors import DataError


def find_layout(item: Entry, source: Path) -> tuple[Layout, Path]:
    """Returns the first layout that a folder has, and the folder it begins in (up to two folders further down).

    Raises:
        DataError: it has none; the message says what was looked for.
    """
    source = Path(source)
    if not source.is_dir():
        raise DataError(f"the folder {source} does not exist. {how_to_get(item, source)}")
    for layout in item.layouts:
        for home in _homes(source, only=layout.reader == "folder"):
            if _fits(layout, home):
                return layout, home
    raise DataError(f"{source} does not look like {item.title}. Expected in it, or up to two folders further down: {expected(item)}.")


def read(item: Entry, source: Path, orphans: bool = False) -> Found:
    """Reads a set in its official layout.

    Args:
        item: the catalog's entry.
        source: the folder that holds it.
        orphans: leave out pictures without a partner instead of refusing them.

    Raises:
        DataError: the folder has none of the known layouts, or pictures have no partner.
    """
    layout, home = find_layout(item, source)
    if layout.reader == "folder":
        return read_folder(home, orphans=orphans)
    if layout.reader is not None:
        rows, own = READERS[layout.reader](home)
        return Found(rows, own)
    left_out: list[LeftOut] = []
    rows = [row for part in layout.parts for row in _read_part(part, re.compile(layout.key), home, left_out)]
    if left_out and not orphans and len(left_out) > layout.lonely:
        raise DataError(
            f"{len(left_out)} of {len(rows) + len(left_out)} pictures have no partner: {some([path for path, _ in left_out])}. "
            "Download the set again, or leave them out with `allow: [orphan]`."
        )
    rows = [replace(row, scene=_scene(row, Path(source))) for row in rows]
    if not rows:
        raise DataError(f"{source} has the folders of {item.title}, but no picture in them. Download it again.")
    return Found(rows, {part.split for part in layout.parts} != {"test"}, left_out)


def _homes(source: Path, only: bool) -> Iterator[Path]:
    """The folder and those up to two further down; with `only`, as long as there is but one, for forms that many folders have."""
    level = [source]
    for _ in range(3):
        yield from level
        level = sorted(path for folder in level for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        if only and len(level) != 1:
            return


def _fits(layout: Layout, home: Path) -> bool:
    if layout.parts:
        return all(any(path.is_dir() for path in home.glob(folder)) for part in layout.parts for folder in part.folders.values())
    if layout.reader == "folder":
        inside = {path.name.lower() for path in home.iterdir() if path.is_dir()}
        return (home / "pairs.csv").is_file() or bool(inside & set(LOW_FOLDERS)) or bool(find_images(home))
    if layout.reader == "sice":
        return any(_sice_parts(home))
    if layout.reader == "photos":
        return (home / "photos.csv").is_file()
    if layout.reader == "voc":
        return (home / "ImageSets" / "Segmentation").is_dir() and (home / "SegmentationClass").is_dir()
    return (home / "Bicycle").is_dir() and (home / "Boat").is_dir()


def _read_part(part: Part, key: re.Pattern[str], home: Path, left_out: list[LeftOut]) -> Iterator[Row]:
    sides: dict[str, dict[str, Path]] = {}
    for column, pattern in part.folders.items():
        side = sides[column] = {}
        for folder in sorted(home.glob(pattern)):
            for path in find_images(folder) if folder.is_dir() else ():
                if match := key.fullmatch(path.stem):
                    if match[1] in side:
                        raise DataError(f"{path} and {side[match[1]]} are both the {column} picture of '{match[1]}'. Keep one of them.")
                    side[match[1]] = path
    everything = {name for side in sides.values() for name in side}
    paired = {name for name in everything if all(name in side for side in sides.values())}
    orphans = sorted(path for side in sides.values() for name, path in side.items() if name not in paired)
    left_out += [(path, "has no partner") for path in orphans]
    for name in next(iter(sides.values())):
        if name not in paired:
            continue
        yield Row(part.split, name, **{column: side[name] for column, side in sides.items()})  # type: ignore[arg-type]


def _scene(row: Row, source: Path) -> str:
    """A name that is unique in the set: two parts of one set may well number their pictures alike."""
    path = row.normal or row.low
    assert path is not None
    return path.relative_to(source).with_suffix("").as_posix()


def _sice_parts(home: Path) -> Iterator[Path]:
    for name in ("Dataset_Part1", "Dataset_Part2"):
        if any((home / name / label).is_dir() for label in ("Label", "label")):
            yield home / name


def _read_sice(home: Path) -> tuple[list[Row], bool]:
    """Exposures in `<part>/<number>/`, references in `<part>/Label/<number>`; part 1 trains, part 2 tests.

    As in Zero-DCE's protocol, the low-light pictures of a sequence are those below its middle exposure: 3 of 7, 4 of 9.
    """
    rows = []
    for part in _sice_parts(home):
        split = "train" if part.name.endswith("1") else "test"
        labels = {path.stem: path for path in find_images(next(part / name for name in ("Label", "label") if (part / name).is_dir()))}
        folders = {path.name: path for path in part.iterdir() if path.is_dir() and path.name.lower() != "label"}
        lonely = sorted(set(labels) ^ set(folders))
        if lonely:
            some = ", ".join(lonely[:5])
            raise DataError(f"{part}: {len(lonely)} sequences lack their label or their pictures: {some}. Download the set again.")
        for name in sorted(folders, key=lambda text: (len(text), text)):
            exposures = find_images(folders[name])
            rows += [Row(split, f"{part.name}/{name}", low=path, normal=labels[name]) for path in exposures[: (len(exposures) - 1) // 2]]
    return rows, True


def _read_voc(home: Path) -> tuple[list[Row], bool]:
    rows = []
    for split in ("train", "val"):
        file = home / "ImageSets" / "Segmentation" / f"{split}.txt"
        for name in file.read_text(encoding="utf-8").split():
            image, mask = home / "JPEGImages" / f"{name}.jpg", home / "SegmentationClass" / f"{name}.png"
            for path in (image, mask):
                if not path.is_file():
                    raise DataError(f"{file} names {name}, but {path} is not there. Extract the archive again.")
            rows.append(Row(split, name, normal=image, mask=mask))
    return rows, True


def _read_exdark(home: Path) -> tuple[list[Row], bool]:
    """Class folders; `imageclasslist.txt` (name, class, light, in/outdoor, set) gives the official split."""
    table = home / "imageclasslist.txt"
    split_of: dict[str, str] = {}
    if table.is_file():
        for line in table.read_text(encoding="utf-8").splitlines():
            cells = line.split()
            if len(cells) >= 5 and cells[4] in {"1", "2", "3"}:
                split_of[cells[0].lower()] = SPLITS[int(cells[4]) - 1]
    rows = []
    for folder in sorted(path for path in home.iterdir() if path.is_dir()):
        for path in find_images(folder):
            if split_of and path.name.lower() not in split_of:
                raise DataError(f"{table} does not list {path.name}. Download the list again, or remove it to have all pictures in test.")
            rows.append(Row(split_of.get(path.name.lower(), "test"), f"{folder.name}/{path.stem}", low=path))
    return rows, bool(split_of)


def _read_photos(home: Path) -> tuple[list[Row], bool]:
    """The photographs of the list `lle/data/photos.csv`, which says whose each is and under which licence."""
    rows = []
    for line in listed():
        path = home / line["file"]
        if not path.is_file():
            raise DataError(f"{home} lacks {path.name}. Remove the folder and run `lle fetch photos` again.")
        rows.append(Row(line["split"], line["scene"], normal=path, about={key: line[key] for key in ABOUT_COLUMNS if line.get(key)}))
    return rows, True


READERS: Mapping[str, Callable[[Path], tuple[list[Row], bool]]] = {
    "sice": _read_sice,
    "voc": _read_voc,
    "exdark": _read_exdark,
    "photos": _read_photos,
}
"""Readers of sets that folders and keys cannot describe: from the folder to rows, and whether they have splits."""
