"""Reading Qt's resource files (`.rcc`), in which Debian ships the pictures of some programs.

The format is that of Qt's tool `rcc`: a head with the places of a tree, of names and of contents; big-endian numbers throughout.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from lle.errors import DataError

_COMPRESSED, _FOLDER, _ZSTD = 1, 2, 4


def read_rcc(file: Path) -> dict[str, bytes]:
    """Returns the contents of a resource file by path.

    Files that are packed with zstd are left out: pictures, which are compressed already, are not.

    Raises:
        DataError: it is no resource file, or damaged.
    """
    data = Path(file).read_bytes()
    try:
        magic, version, tree, contents, names = struct.unpack_from(">4s4I", data)
        if magic != b"qres" or version not in (1, 2, 3):
            raise DataError(f"{file} is no Qt resource file of version 1 to 3.")
        return _Reader(data, tree, contents, names, 14 if version == 1 else 22).files()
    except (struct.error, UnicodeDecodeError, zlib.error, RecursionError) as error:
        raise DataError(f"{file} is damaged: {error}. Get its package again.") from error


class _Reader:
    """Walks the tree of a resource file; `size` is that of a node, which newer versions give a time of change."""

    def __init__(self, data: bytes, tree: int, contents: int, names: int, size: int) -> None:
        self.data, self.tree, self.contents, self.names, self.size = data, tree, contents, names, size

    def files(self, node: int = 0, above: tuple[str, ...] = ()) -> dict[str, bytes]:
        place = self.tree + node * self.size
        name, flags = struct.unpack_from(">IH", self.data, place)
        path = (*above, self._name(name)) if node else above
        if flags & _FOLDER:
            count, first = struct.unpack_from(">II", self.data, place + 6)
            found: dict[str, bytes] = {}
            for child in range(first, first + count):
                found |= self.files(child, path)
            return found
        if flags & _ZSTD:
            return {}
        (start,) = struct.unpack_from(">I", self.data, place + 10)
        (length,) = struct.unpack_from(">I", self.data, self.contents + start)
        content = self.data[self.contents + start + 4 : self.contents + start + 4 + length]
        return {"/".join(path): zlib.decompress(content[4:]) if flags & _COMPRESSED else content}

    def _name(self, start: int) -> str:
        (length,) = struct.unpack_from(">H", self.data, self.names + start)
        first = self.names + start + 6  # behind a hash of the name
        return self.data[first : first + 2 * length].decode("utf-16-be")
