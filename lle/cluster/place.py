"""Folders and object stores, both by fsspec: which pictures are there, reading one, writing one whole or not at all."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from lle.cluster.session import require
from lle.data.folders import find_pictures, say_left_out
from lle.data.images import SUFFIXES, natural_key
from lle.errors import DataError, LleError, first_line
from lle.files import atomic_path

T = TypeVar("T")


def is_address(text: str) -> bool:
    """Says whether a word names a place by fsspec, such as `s3://bucket/frames`, and not a path."""
    return "://" in text


@dataclass(frozen=True)
class Place:
    """A folder or a prefix of an object store.

    Attributes:
        address: a path, absolute if other machines are to find it, or an address of fsspec.
    """

    address: str

    @property
    def folder(self) -> Path | None:
        """The folder on this machine; None for what only fsspec reaches."""
        if not is_address(self.address):
            return Path(self.address)
        return Path(self.address.removeprefix("file://")) if self.address.startswith("file://") else None

    def names(self) -> list[str]:
        """Returns the files below, relative, with `/` between folders; none where there is nothing."""
        if (folder := self.folder) is not None:
            return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
        fs, root = _opened(self.address)
        try:
            found = _ask(self.address, lambda: fs.find(root))
        except FileNotFoundError:
            return []
        return [str(PurePosixPath(path).relative_to(PurePosixPath(root))) for path in found]

    def join(self, name: str) -> str:
        """Returns the address of a file below; a path for what is on this machine."""
        return str(self.folder / name) if self.folder is not None else f"{self.address.rstrip('/')}/{name}"

    def covers(self, address: str) -> bool:
        """Says whether a file, by its path or its address, lies below."""
        return address.startswith(self.join("x")[:-1])

    def is_source(self, name: str, address: str) -> bool:
        """Says whether a file below is the one at an address, by whatever links."""
        if self.join(name) == address:
            return True
        here = self.folder / name if self.folder is not None and not is_address(address) else None
        return here is not None and here.exists() and here.samefile(address)

    def holds(self, name: str) -> bool:
        """Says whether a file is there."""
        if (folder := self.folder) is not None:
            return (folder / name).is_file()
        fs, root = _opened(self.address)
        return bool(_ask(self.join(name), lambda: fs.isfile(f"{root}/{name}")))

    def write(self, name: str, data: bytes) -> None:
        """Writes a file, whole or not at all: a reader sees the old one, none, or the whole new one.

        Raises:
            LleError: it cannot be written.
        """
        if (folder := self.folder) is not None:
            with atomic_path(folder / name) as temporary:
                temporary.write_bytes(data)
            return
        fs, root = _opened(self.address)
        target = f"{root}/{name}"

        def put() -> None:
            fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            # What is opened in a transaction appears when that ends, and not at all if it ends with an error. A file system of its own:
            # transactions are of an instance, and several threads write.
            own, _ = _opened(self.address, fresh=True)
            with own.transaction, own.open(target, "wb") as stream:
                stream.write(data)

        try:
            _ask(self.join(name), put)
        except FileNotFoundError as error:
            raise LleError(f"{self.join(name)} cannot be written: {first_line(error)}. Make the bucket first.") from error

    def read(self, name: str) -> bytes:
        """Returns the bytes of a file below.

        Raises:
            FileNotFoundError: there is none.
            LleError: it cannot be read.
        """
        return read(self.join(name))


def read(address: str) -> bytes:
    """Returns the bytes of a file.

    Args:
        address: a path, or an address of fsspec.

    Raises:
        FileNotFoundError: there is none.
        LleError: it cannot be read.
    """
    if not is_address(address):
        return Path(address).read_bytes()
    fs, path = _opened(address)
    return bytes(_ask(address, lambda: fs.cat_file(path)))


def pictures(source: str) -> tuple[list[tuple[str, str]], str]:
    """Finds the pictures at a place: a file is one, a folder is looked through with those below it.

    Args:
        source: a path, or an address of fsspec.

    Returns:
        Address and relative name of each, in natural order; and what was left out, in words.

    Raises:
        DataError: there is none.
    """
    place = Place(source)
    if (path := place.folder) is not None:
        if not path.exists():
            raise DataError(f"the input {source} does not exist.")
        path = path.absolute()
        if not path.is_dir():
            return [(str(path), path.name)], ""
        found, left_out = find_pictures(path)
        taken, told = [(str(one), one.relative_to(path).as_posix()) for one in found], say_left_out(left_out, path)
    else:
        fs, root = _opened(source)
        if _ask(source, lambda: fs.isfile(root)):
            return [(source, PurePosixPath(root).name)], ""
        names = [name for name in place.names() if PurePosixPath(name).suffix.lower() in SUFFIXES]
        shown = [name for name in names if not any(part.startswith((".", "_")) for part in PurePosixPath(name).parts)]
        shown.sort(key=lambda name: (name.rpartition("/")[0], natural_key(Path(name))))
        taken, told = [(place.join(name), name) for name in shown], ""
    if not taken:
        raise DataError(f"{source} holds no pictures ({', '.join(sorted(SUFFIXES))}).{f' Left out: {told}.' if told else ''}")
    return taken, told


def _ask(address: str, work: Callable[[], T]) -> T:
    """Does something with a file system and turns its errors into a sentence; that a file is missing passes through."""
    try:
        return work()
    except FileNotFoundError:
        raise
    # Each file system has errors of its own, of which fsspec knows none in common: credentials, addresses, quotas.
    except Exception as error:
        raise LleError(f"{address}: {type(error).__name__}: {first_line(error)}. Check the address and your rights there.") from error


def _opened(address: str, fresh: bool = False) -> tuple[Any, str]:
    require("fsspec")
    try:
        return _file_system(address) if not fresh else _new_file_system(address)
    except (ImportError, ValueError) as error:
        raise LleError(f"{address} cannot be reached: {first_line(error)}") from error


def _new_file_system(address: str, **options: Any) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    fs, root = url_to_fs(address, **options, skip_instance_cache=True)
    return fs, root.rstrip("/")


@functools.lru_cache(maxsize=256)
def _file_system(address: str) -> tuple[Any, str]:
    return _new_file_system(address)


def under(name: str, suffix: str) -> str:
    """Returns a relative name with another ending."""
    return PurePosixPath(name).with_suffix(suffix).as_posix()


def absolute(words: Sequence[str]) -> list[str]:
    """Returns paths made absolute, addresses as they are."""
    return [word if is_address(word) else str(Path(word).absolute()) for word in words]
