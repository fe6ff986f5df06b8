"""What public data sets exist, where they live, under which terms, and how their folders are laid out."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, model_validator

from lle.config.base import Strict
from lle.data.images import find_images
from lle.data.pairs import SPLITS, Row, read_folder
from lle.errors import DataError, did_you_mean

CATALOG = Path(__file__).parent / "catalog.yaml"

Byte = Annotated[int, Field(ge=0, le=255)]
Split = Literal["train", "val", "test"]


class File(Strict):
    """One file or shared folder of a source; exactly one of `url`, `gdrive` and `huggingface` says where it is."""

    name: str
    """File name to keep it under; for Hugging Face also its path in the repository."""
    url: str | None = None
    """http(s) address."""
    gdrive: str | None = None
    """Google Drive id."""
    huggingface: str | None = None
    """Hugging Face data set repository."""
    folder: bool = False
    """Whether the Google Drive id is a folder."""
    checksum: str | None = None
    """`sha256:` or `md5:` and hex digits; None where none is known."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.url, self.gdrive, self.huggingface)) != 1:
            raise ValueError(f"{self.name}: name exactly one of url, gdrive and huggingface")
        if self.checksum is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", self.checksum):
            raise ValueError(f"{self.name}: the checksum must be sha256: or md5: and lower-case hex digits")
        return self


class Source(Strict):
    """One place from which a whole set can be had; all its files are needed."""

    files: tuple[File, ...]
    """What to download."""
    note: str | None = None
    """What a user should know about it."""


class Part(Strict):
    """Folders whose pictures belong together by key."""

    split: Split
    """Where the rows go."""
    low: str | None = None
    """Folder of the low-light pictures."""
    normal: str | None = None
    """Folder of the normal-light pictures."""
    mask: str | None = None
    """Folder of the masks."""

    @property
    def folders(self) -> dict[str, str]:
        """Folder patterns by column."""
        return {key: value for key, value in (("low", self.low), ("normal", self.normal), ("mask", self.mask)) if value is not None}


class Layout(Strict):
    """One form in which a set is kept: parts, or a reader of its own."""

    parts: tuple[Part, ...] = ()
    """Folders and their splits."""
    key: str = "(.+)"
    """Regular expression over file names without suffix; its first group is the pair's key."""
    reader: Literal["folder", "sice", "voc", "exdark"] | None = None
    """Reads what folders and keys cannot say."""
    counts: Mapping[Split, int] | None = None
    """Rows by split of a complete set; None where the number is not known."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if bool(self.parts) == (self.reader is not None):
            raise ValueError("a layout has either parts or a reader")
        return self


class Class(Strict):
    """One class of a segmentation set; its index is its place in the list."""

    name: str
    """As the set's authors call it."""
    colour: tuple[Byte, Byte, Byte]
    """RGB for pictures of masks."""


class Segmentation(Strict):
    """What the values of masks mean."""

    classes: tuple[Class, ...]
    """By index."""
    ignore: int
    """Value in the files that belongs to no class."""
    remap: Mapping[int, int] | None = None
    """From values in the files to class indices, where they differ; values left out are ignored."""
    unlisted: tuple[str, ...] = ()
    """Classes that published tables of segmentation in the dark leave out of their mean."""


class Entry(Strict):
    """One data set of the catalog."""

    id: str
    """Key in the catalog."""
    title: str
    """Name the field uses."""
    task: Literal["enhancement", "segmentation"]
    """What its rows hold."""
    licence: str | None
    """Terms of use; None where none is known."""
    citation: str
    """Whom to cite."""
    page: str | None
    """Official page; None where there is none."""
    note: str | None
    """What a user should know."""
    sources: tuple[Source, ...]
    """Places to download from, tried in this order; none for sets that have to be asked for or brought."""
    layouts: tuple[Layout, ...]
    """Forms in which it is kept, tried in this order."""
    segmentation: Segmentation | None = None
    """Classes, for segmentation sets."""

    @model_validator(mode="after")
    def _classes(self) -> Self:
        if (self.task == "segmentation") != (self.segmentation is not None):
            raise ValueError(f"{self.id}: segmentation sets, and only they, name their classes")
        return self


@functools.cache
def entries() -> Mapping[str, Entry]:
    """Returns every entry by id, in the file's order."""
    return {key: Entry(id=key, **value) for key, value in yaml.safe_load(CATALOG.read_text(encoding="utf-8")).items()}


def entry(name: str) -> Entry:
    """Returns an entry.

    Raises:
        DataError: there is none of that name; the message names the nearest one.
    """
    if name not in entries():
        raise DataError(f"the catalog has no data set '{name}'.{did_you_mean(name, entries())} `lle datasets` lists them.")
    return entries()[name]


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
    raise DataError(f"{source} does not look like {item.title}. Expected in it, or up to two folders further down: {_expected(item)}.")


def read(item: Entry, source: Path) -> tuple[list[Row], bool]:
    """Reads a set in its official layout.

    Args:
        item: the catalog's entry.
        source: the folder that holds it.

    Returns:
        Rows with the official splits, and whether the set has splits of its own (else every row says `test`).

    Raises:
        DataError: the folder has none of the known layouts, or pictures have no partner.
    """
    layout, home = find_layout(item, source)
    if layout.reader is not None:
        return READERS[layout.reader](home)
    rows = [row for part in layout.parts for row in _read_part(part, re.compile(layout.key), home)]
    rows = [replace(row, scene=_scene(row, Path(source))) for row in rows]
    if not rows:
        raise DataError(f"{source} has the folders of {item.title}, but no picture in them. Download it again.")
    return rows, {part.split for part in layout.parts} != {"test"}


def how_to_get(item: Entry, target: Path) -> str:
    """Says in a sentence or two how a user comes by a set and where to put it."""
    if item.sources:
        return f"Run `lle fetch {item.id}`, or put {item.title} into {target} as {_expected(item)}."
    where = f"Ask for it at {item.page}" if item.page else "It cannot be downloaded"
    note = f" ({item.note.rstrip('.')})" if item.note else ""
    return f"{where}{note}, then put it into {target} as {_expected(item)}, or set LLE_DATA_MIRROR to a folder that has {item.id}/ in it."


def _expected(item: Entry) -> str:
    names = {
        "folder": "pairs.csv, or low/ and normal/, or pictures alone",
        "sice": "Dataset_Part1/<number>/ with the exposures and Dataset_Part1/Label/, the same for Dataset_Part2",
        "voc": "JPEGImages/, SegmentationClass/ and ImageSets/Segmentation/",
        "exdark": "Bicycle/, Boat/, Bottle/ and the other nine classes",
    }
    return ", or ".join(
        names[layout.reader] if layout.reader else " and ".join(f"{folder}/" for part in layout.parts for folder in part.folders.values())
        for layout in item.layouts
    )


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
        return (home / "pairs.csv").is_file() or (home / "low").is_dir() or bool(find_images(home))
    if layout.reader == "sice":
        return any(_sice_parts(home))
    if layout.reader == "voc":
        return (home / "ImageSets" / "Segmentation").is_dir() and (home / "SegmentationClass").is_dir()
    return (home / "Bicycle").is_dir() and (home / "Boat").is_dir()


def _read_part(part: Part, key: re.Pattern[str], home: Path) -> Iterator[Row]:
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
    orphans = sorted(str(path) for side in sides.values() for name, path in side.items() if name not in paired)
    if orphans:
        some = ", ".join(orphans[:5]) + (f" and {len(orphans) - 5} more" if len(orphans) > 5 else "")
        raise DataError(f"{len(orphans)} of {len(everything)} pictures have no partner: {some}. Download the set again.")
    for name in next(iter(sides.values())):
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


READERS: Mapping[str, Callable[[Path], tuple[list[Row], bool]]] = {
    "folder": read_folder,
    "sice": _read_sice,
    "voc": _read_voc,
    "exdark": _read_exdark,
}
"""Readers of sets that folders and keys cannot describe: from the folder to rows, and whether they have splits."""
