"""Unpacking archives that come from elsewhere: nothing lands outside of the folder, and damage is told from a full disk."""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from lle.errors import LleError

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""Endings of archives that can be unpacked."""

_CHUNK = 1 << 20
_ENCRYPTED, _UTF8 = 0x1, 0x800
"""Bits of a zip member's flags."""


def unpack(archive: Path, target: Path) -> None:
    """Unpacks an archive, or copies a folder, into a folder that is not in use yet.

    Raises:
        LleError: the archive is damaged or asks for a password, or has members that would land outside of the folder.
    """
    if archive.is_dir():
        shutil.copytree(archive, target, dirs_exist_ok=True)
        return
    try:
        if zipfile.is_zipfile(archive):
            _unzip(archive, target)
        elif archive.name.lower().endswith(ARCHIVES[1:]):
            _untar(archive, target)
        elif archive.name.lower().endswith(".zip"):
            raise LleError(f"{archive} is no complete zip archive. Get it again.")
        else:
            raise LleError(f"{archive} is no archive that can be unpacked here ({', '.join(ARCHIVES)}). Unpack it and name the folder.")
    # Damage shows as one of these, depending on the format and on what is damaged.
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, NotImplementedError, zlib.error, lzma.LZMAError) as error:
        raise LleError(f"{archive} is damaged: {error}. Get it again.") from error
    except OSError as error:
        if error.errno is not None:  # the disk's errors; gzip and bz2 raise OSError without a number for damaged data
            raise
        raise LleError(f"{archive} is damaged: {error}. Get it again.") from error


def _unzip(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as stream:
        members = stream.infolist()
        if any(member.flag_bits & _ENCRYPTED for member in members):
            raise LleError(
                f"{archive} is protected by a password, which its authors give on request. Unpack it yourself and name the folder: "
                "`lle fetch` with --from FOLDER."
            )
        _require_room(archive, sum(member.file_size for member in members), target)
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            _place(archive, _name(member), target, plain=kind in (0, stat.S_IFREG, stat.S_IFDIR))
        for member in members:
            place = _place(archive, _name(member), target, plain=True)
            if member.is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                with stream.open(member) as content:  # checks the CRC
                    _write(content, place)


def _name(member: zipfile.ZipInfo) -> str:
    """A member's name; those of old Chinese zip tools are GBK, which the format has no word for."""
    if member.flag_bits & _UTF8 or member.filename.isascii():
        return member.filename
    raw = member.filename.encode("cp437", "replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename


def _untar(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as stream:
        members = stream.getmembers()
        end = stream.offset
        stream.fileobj.seek(end)
        # Without the zero block at the end tarfile takes an archive cut between two members for a whole one.
        if len(stream.fileobj.read(tarfile.BLOCKSIZE)) < tarfile.BLOCKSIZE:
            raise tarfile.ReadError("its end is missing")
        _require_room(archive, sum(member.size for member in members), target)
        for member in members:
            _place(archive, member.name, target, plain=member.isreg() or member.isdir())
        for member in members:
            place = _place(archive, member.name, target, plain=True)
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                content = stream.extractfile(member)
                assert content is not None
                _write(content, place)
                if place.stat().st_size != member.size:
                    raise tarfile.ReadError(f"{member.name} ends early")


def _place(archive: Path, name: str, target: Path, plain: bool) -> Path:
    """Where a member lands; refuses what is no plain file or folder, or lands outside of the target."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not plain or path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
        raise LleError(f"{archive} holds '{name}', a link or a path that leads out of its folder. It was not unpacked: do not trust it.")
    return target.joinpath(*path.parts)


def _write(content: IO[bytes], place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as stream:
        shutil.copyfileobj(content, stream, _CHUNK)


def _require_room(archive: Path, need: int, target: Path) -> None:
    free = shutil.disk_usage(target).free
    if free < need:
        raise LleError(f"unpacking {archive} takes {need} bytes, and {target.parent} has {free} left. Free space, then run it again.")
