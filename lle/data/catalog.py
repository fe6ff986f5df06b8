"""What public data sets exist, where they live, under which terms, and how their folders are laid out.

A data set is a file `lle/data/catalog/<id>.yaml` with the fields of `Entry`. A field that is null is not known to us: it was left
out rather than guessed. See `docs/add_a_data_set.md`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from lle.config.base import Strict
from lle.config.data import CATALOG, catalog_names
from lle.errors import DataError, did_you_mean

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
    """Folder of the low-light pictures; a pattern with wildcards, looked for up to two folders below the one that is given."""
    normal: str | None = None
    """Folder of the normal-light pictures, as `low`."""
    mask: str | None = None
    """Folder of the masks, as `low`."""

    @property
    def folders(self) -> dict[str, str]:
        """Folder patterns by column."""
        return {key: value for key, value in (("low", self.low), ("normal", self.normal), ("mask", self.mask)) if value is not None}


class Layout(Strict):
    """One form in which a set is kept: parts, or a reader of its own."""

    parts: tuple[Part, ...] = ()
    """Folders and their splits."""
    key: str = "(.+)"
    """Regular expression over file names without suffix; its first group is the pair's key. Other files are no part."""
    reader: Literal["folder", "sice", "voc", "exdark", "photos"] | None = None
    """Reads what folders and keys cannot say."""
    lonely: int = 0
    """Most pictures without a partner that the published set is known to have: they are left out instead of being refused."""
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
    """The name of its file."""
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
    maker: Literal["photos"] | None = None
    """Gets it from packages, where there is no archive to download."""
    own: bool = False
    """Whether it is what users bring, and therefore divided by scene where it comes without splits, as a folder of theirs is."""

    @model_validator(mode="after")
    def _classes(self) -> Self:
        if (self.task == "segmentation") != (self.segmentation is not None):
            raise ValueError(f"{self.id}: segmentation sets, and only they, name their classes")
        return self


@functools.cache
def entries() -> Mapping[str, Entry]:
    """Returns every entry by id, in alphabetical order.

    Raises:
        DataError: a file has a field that is wrong.
    """
    return {name: _read(CATALOG / f"{name}.yaml") for name in catalog_names()}


def _read(path: Path) -> Entry:
    try:
        return Entry(id=path.stem, **yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}. `lle.data.catalog` explains the fields.") from error


def entry(name: str) -> Entry:
    """Returns an entry.

    Raises:
        DataError: there is none of that name; the message names the nearest one.
    """
    if name not in entries():
        raise DataError(f"the catalog has no data set '{name}'.{did_you_mean(name, entries())} `lle datasets` lists them.")
    return entries()[name]


def how_to_get(item: Entry, target: Path) -> str:
    """Says in a sentence or two how a user comes by a set and where to put it."""
    if item.sources or item.maker:
        return f"Run `lle fetch {item.id}`, or put {item.title} into {target} as {expected(item)}."
    where = f"Ask for it at {item.page}" if item.page else "It cannot be downloaded"
    note = f" ({item.note.rstrip('.')})" if item.note else ""
    return f"{where}{note}, then put it into {target} as {expected(item)}, or set LLE_DATA_MIRROR to a folder that has {item.id}/ in it."


def expected(item: Entry) -> str:
    """Says what a folder must hold to be taken for a set."""
    names = {
        "folder": "pairs.csv, or low/ and normal/, or pictures alone",
        "sice": "Dataset_Part1/<number>/ with the exposures and Dataset_Part1/Label/, the same for Dataset_Part2",
        "voc": "JPEGImages/, SegmentationClass/ and ImageSets/Segmentation/",
        "exdark": "Bicycle/, Boat/, Bottle/ and the other nine classes",
        "photos": "photos.csv and the pictures it lists",
    }
    return ", or ".join(
        names[layout.reader] if layout.reader else " and ".join(f"{folder}/" for part in layout.parts for folder in part.folders.values())
        for layout in item.layouts
    )
