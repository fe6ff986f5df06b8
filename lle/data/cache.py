"""Decoded pictures in one memory-mapped file, so that training reads crops without decoding anything twice."""

from __future__ import annotations

import errno
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from lle.data.images import read_mask, read_rgb, size
from lle.data.pairs import Prepared, Row
from lle.errors import DataError, LleError
from lle.files import read_json, write_json

_VERSION = 2


class Cache:
    """The decoded pictures of one split of a prepared data set.

    The first use decodes every picture once, with threads, into `folder/<digest>/<split>/pixels.bin`; a second process that
    asks meanwhile waits for it. A file of the wrong length, or without a readable index, is built again. Pictures that
    several rows share (one reference for many exposures) are kept once. Masks are kept beside them, as class indices with 255 for
    what belongs to no class. Instances may be pickled to worker processes.

    Args:
        prepared: the data set.
        split: `train`, `val` or `test`.
        folder: of all caches; may be deleted at any time.

    Attributes:
        rows: the rows of the split; `low(i)` and `normal(i)` belong to `rows[i]`.
        shares: how often each part of a joined set is drawn from, by part; None draws every row equally often.

    Raises:
        DataError: a picture cannot be decoded, or those of a row are of different sizes; it is named.
        LleError: the disk has too little room; the needed bytes are named.
    """

    def __init__(self, prepared: Prepared, split: str, folder: Path = Path("build/cache")) -> None:
        self.rows = prepared.rows(split)
        self.shares: Mapping[str, float] | None = prepared.facts.get("shares")
        home = Path(folder) / prepared.digest[:20] / split
        sources = list(dict.fromkeys(path for row in self.rows for path in row.files.values()))
        # A file outside of the root keeps its whole path; one whose name is not UTF-8 is written with its bytes.
        names = [(path.relative_to(prepared.root) if path.is_relative_to(prepared.root) else path).as_posix() for path in sources]
        names = [name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for name in names]
        index = _load(home, names)
        if index is None:
            home.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(home.parent / f".{split}.lock"):
                index = _load(home, names) or _build(home, sources, names, _decoder(prepared, self.rows))
        self._file = home / "pixels.bin"
        self._places = {path: tuple(place) for path, place in zip(sources, index["places"], strict=True)}
        self._pixels: np.memmap | None = None
        for row in self.rows:
            sizes = {side: self._places[path][1:3] for side, path in row.files.items()}
            if len(set(sizes.values())) > 1:
                told = ", ".join(f"{side} is {width}x{height}" for side, (height, width) in sizes.items())
                raise DataError(f"the pictures of '{row.image}' do not fit: {told}. Run `lle fetch {prepared.name}` again.")

    def __len__(self) -> int:
        return len(self.rows)

    def low(self, index: int) -> np.ndarray:
        """Returns the low-light picture of a row: a read-only view of H x W x 3 uint8.

        Raises:
            DataError: the row has none.
        """
        return self._view(self.rows[index], self.rows[index].low, "low-light picture")

    def normal(self, index: int) -> np.ndarray:
        """Returns the normal-light picture of a row: a read-only view of H x W x 3 uint8.

        Raises:
            DataError: the row has none.
        """
        return self._view(self.rows[index], self.rows[index].normal, "normal-light picture")

    def mask(self, index: int) -> np.ndarray:
        """Returns the mask of a row: a read-only view of H x W uint8, class indices, 255 for what belongs to no class.

        Raises:
            DataError: the row has none.
        """
        return self._view(self.rows[index], self.rows[index].mask, "mask")[..., 0]

    def _view(self, row: Row, path: Path | None, kind: str) -> np.ndarray:
        if path is None:
            raise DataError(f"'{row.image}' (scene '{row.scene}') has no {kind}. This method needs a data set that has it.")
        if self._pixels is None:
            self._pixels = np.memmap(self._file, dtype=np.uint8, mode="r")
        start, *shape = self._places[path]
        return self._pixels[start : start + math.prod(shape)].reshape(shape)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pixels": None}


def _load(home: Path, names: list[str]) -> dict[str, Any] | None:
    """Returns the index if the cache is there, complete and of these pictures."""
    if not (home / "index.json").is_file() or not (home / "pixels.bin").is_file():
        return None
    try:
        index: dict[str, Any] = read_json(home / "index.json")
    except (LleError, UnicodeDecodeError):
        return None
    whole = (home / "pixels.bin").stat().st_size == index.get("bytes") and index.get("version") == _VERSION
    return index if whole and index.get("names") == names else None


def _decoder(prepared: Prepared, rows: Sequence[Row]) -> Callable[[Path], np.ndarray]:
    """How a file of the set becomes H x W x C uint8."""
    masks = {row.mask for row in rows}
    meaning = prepared.facts.get("segmentation", {"ignore": 255, "remap": None})
    remap = None if meaning["remap"] is None else {int(key): value for key, value in meaning["remap"].items()}
    return lambda path: read_mask(path, meaning["ignore"], remap)[..., None] if path in masks else read_rgb(path)


def _build(home: Path, sources: list[Path], names: list[str], decode: Callable[[Path], np.ndarray]) -> dict[str, Any]:
    need = sum(3 * width * height for width, height in map(size, sources))  # a little more than masks take
    free = shutil.disk_usage(home.parent).free
    room = f"{home.parent} has {free} bytes free; the decoded pictures need {need} bytes. Free space there, or name another cache folder."
    if free < need:
        raise LleError(room)
    for left in home.parent.glob(f".{home.name}~*"):  # of a killed run
        shutil.rmtree(left)
    temporary = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{home.name}~"))
    try:
        places, start = [], 0
        with (temporary / "pixels.bin").open("wb") as stream:
            for array in _decode(sources, decode):
                stream.write(array.data)
                places.append([start, *array.shape])
                start += array.nbytes
        index = {"version": _VERSION, "names": names, "places": places, "bytes": start}
        write_json(temporary / "index.json", index)
        shutil.rmtree(home, ignore_errors=True)  # what is there is damaged
        temporary.rename(home)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise LleError(room) from error
        raise LleError(f"cannot write the cache {home}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return index


def _decode(sources: list[Path], decode: Callable[[Path], np.ndarray]) -> Iterator[np.ndarray]:
    """Decodes in order with threads (the decoders release the GIL), a few pictures ahead and no more."""
    workers = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        waiting = iter(sources)
        running = [pool.submit(decode, path) for path in islice(waiting, 2 * workers)]
        try:
            while running:
                array = running.pop(0).result()
                running.extend(pool.submit(decode, path) for path in islice(waiting, 1))
                yield array
        finally:
            for future in running:
                future.cancel()
