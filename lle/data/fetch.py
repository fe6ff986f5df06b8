"""Getting public data sets: from a mirror, an archive at hand, http(s), Google Drive or Hugging Face.

A set is complete exactly when its folder `build/raw/<id>` exists: everything happens in hidden folders beside it, and a
rename is the last step.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import click
from filelock import FileLock

from lle.data import catalog
from lle.errors import DataError, LleError

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""Endings of archives that can be unpacked."""

_CHUNK = 1 << 20
_RETRIES = 5
_TIMEOUT = 60.0
_WAIT = 1.0
"""Seconds before the first retry; doubled each time."""


def fetch(name: str, source: Path | None = None, mirror: Path | None = None, folder: Path = Path("build/raw")) -> Path:
    """Makes a data set of the catalog available on this machine.

    Looked at in this order: `source`; the mirror's folder `<mirror>/<id>/`, which is used where it lies; what was fetched before;
    the mirror's archives (`<mirror>/<id>.zip`, or under their official names); the places in the catalog.

    Args:
        name: the catalog's id.
        source: an archive or a folder that the user has.
        mirror: folder with sets for machines without internet; None takes the environment variable LLE_DATA_MIRROR, if set.
        folder: where fetched sets are kept.

    Returns:
        The folder that holds the set.

    Raises:
        DataError: what was found has not the layout of the set.
        LleError: the set has to be asked for, cannot be reached, arrives damaged, or the disk is full.
    """
    item = catalog.entry(name)
    target = Path(folder) / name
    mirror = _mirror() if mirror is None else mirror
    found = [source] if source is not None else _in_mirror(item, mirror) if mirror is not None else []
    if len(found) == 1 and found[0].is_dir():
        catalog.find_layout(item, found[0])
        return found[0]
    if source is not None and not source.is_file():
        raise DataError(f"{source} does not exist. Name an archive or a folder that holds {item.title}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / f".{name}.lock"):
        if target.is_dir() and source is None:
            return target
        if not found and not item.sources:
            raise LleError(f"{item.title} cannot be downloaded by a program. {catalog.how_to_get(item, target)}")
        downloads = target.parent / f".{name}-download"
        for left in target.parent.glob(f".{name}~*"):  # of a killed run
            shutil.rmtree(left)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{name}~"))
        temporary.chmod(0o755)
        try:
            with _disk_errors(target.parent):
                for file in found or _download(item, downloads):
                    _unpack(file, temporary)
                catalog.find_layout(item, temporary)
                if target.exists():
                    shutil.rmtree(target)
                temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(downloads, ignore_errors=True)
    click.echo(f"{name}: {item.title} is in {target}. Licence: {item.licence or 'not stated; see ' + str(item.page)}")
    return target


def mirrored(item: catalog.Entry) -> bool:
    """Whether the mirror that LLE_DATA_MIRROR names has a set."""
    mirror = _mirror()
    return mirror is not None and bool(_in_mirror(item, mirror))


def _mirror() -> Path | None:
    named = os.environ.get("LLE_DATA_MIRROR")
    return Path(named) if named else None


def _in_mirror(item: catalog.Entry, mirror: Path) -> list[Path]:
    """What a mirror has of a set: its folder, or all archives of one source; an empty list if nothing."""
    if not mirror.is_dir():
        raise LleError(f"LLE_DATA_MIRROR names {mirror}, which is no folder. Correct or unset it.")
    for ending in ARCHIVES:
        if (mirror / f"{item.id}{ending}").is_file():
            return [mirror / f"{item.id}{ending}"]
    for place in (mirror / item.id, mirror):
        for option in item.sources:
            files = [place / Path(file.name).name for file in option.files]
            if all(path.is_file() for path in files):
                for path, file in zip(files, option.files, strict=True):
                    _verify(path, file.checksum)
                return files
    return [mirror / item.id] if (mirror / item.id).is_dir() else []


def _download(item: catalog.Entry, downloads: Path) -> list[Path]:
    """Downloads all files of the first source that works."""
    failures = []
    for option in item.sources:
        try:
            return [_get(file, downloads) for file in option.files]
        except LleError as error:
            failures.append(str(error))
    raise LleError(f"{item.title} could not be downloaded. {' '.join(failures)} {catalog.how_to_get(item, Path('build/raw') / item.id)}")


def _get(file: catalog.File, downloads: Path) -> Path:
    path = downloads / Path(file.name).name
    if path.is_dir() or (path.is_file() and (file.checksum is None or _checksum(path, file.checksum) == file.checksum)):
        return path
    downloads.mkdir(parents=True, exist_ok=True)
    if file.url is not None:
        download(file.url, path)
    elif file.gdrive is not None:
        _from_gdrive(file, path)
    else:
        _from_huggingface(file, path)
    if path.is_file():
        _verify(path, file.checksum, delete=True)
    return path


def download(url: str, path: Path, retries: int = _RETRIES, wait: float = _WAIT) -> None:
    """Downloads over http(s), going on where an earlier try stopped.

    Args:
        url: the address.
        path: the file; until it is complete, its bytes are in `<path>.part` beside it.
        retries: further tries after a failure; what has arrived is kept between them, and between calls.
        wait: seconds before the first of them, doubled each time.

    Raises:
        LleError: the address does not exist, all tries failed, or the disk is too small.
    """
    for attempt in range(retries + 1):
        try:
            _transfer(url, path)
            return
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 416, 429):
                raise LleError(f"{url} answers {error.code} {error.reason}.") from error
            failure: Exception = error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, _ShortTransferError) as error:
            failure = error
        if attempt < retries:
            time.sleep(wait * 2**attempt)
    raise LleError(f"{url} failed {retries + 1} times, last with: {failure}. Run it again later: it goes on where it stopped.") from failure


class _ShortTransferError(Exception):
    """The connection ended before all announced bytes arrived."""


def _transfer(url: str, path: Path) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    part, tag_file = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.tag")
    have = part.stat().st_size if part.is_file() and tag_file.is_file() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "lle-suite"})
    if have:
        # If-Range: a server whose file has changed since sends it whole.
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", json.loads(tag_file.read_text(encoding="utf-8")))
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # more bytes here than there: begin anew
            part.unlink(missing_ok=True)
        raise
    with response:
        if response.status != 206:
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None else None
        if total is not None and shutil.disk_usage(path.parent).free < total - have:
            raise LleError(f"{url} has {total} bytes, and {path.parent} has too little room left. Free space, then run it again.")
        tag = response.headers.get("ETag") or response.headers.get("Last-Modified")
        if tag and not tag.startswith("W/"):
            tag_file.write_text(json.dumps(tag), encoding="utf-8")
        else:
            tag_file.unlink(missing_ok=True)  # without a tag nobody knows whether the rest belongs to the beginning
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with part.open("ab" if have else "wb") as stream, Progress(*columns, transient=True) as progress:
            task = progress.add_task(path.name, total=total, completed=have)
            while chunk := response.read(_CHUNK):
                stream.write(chunk)
                progress.advance(task, len(chunk))
    size = part.stat().st_size
    if total is not None and size != total:
        raise _ShortTransferError(f"{size} of {total} bytes arrived")
    os.replace(part, path)
    tag_file.unlink(missing_ok=True)


def _from_gdrive(file: catalog.File, path: Path) -> None:
    gdown = _import("gdown", "Google Drive")
    try:
        if file.folder:
            temporary = path.with_name(f"{path.name}.part")
            shutil.rmtree(temporary, ignore_errors=True)
            got = gdown.download_folder(id=file.gdrive, output=str(temporary), quiet=False)
            if got:
                temporary.rename(path)
        else:
            got = gdown.download(id=file.gdrive, output=str(path), quiet=False, resume=True)
    # gdown's own errors, and those of the library it downloads with, which derive from OSError.
    except (gdown.DownloadError, gdown.FileURLRetrievalError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        got = None
        reason = f": {error}"
    else:
        reason = ""
    if not got:
        raise LleError(
            f"Google Drive refused {file.name} (id {file.gdrive}){reason}. Often too many people asked for it: try again tomorrow, or "
            f"download https://drive.google.com/uc?id={file.gdrive} with a browser and run `lle fetch` with --from FILE."
        )


def _from_huggingface(file: catalog.File, path: Path) -> None:
    hub = _import("huggingface_hub", "Hugging Face")
    try:
        got = hub.hf_hub_download(repo_id=file.huggingface, filename=file.name, repo_type="dataset", local_dir=str(path.parent / "hub"))
    except (hub.errors.HfHubHTTPError, hub.errors.LocalEntryNotFoundError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise LleError(f"Hugging Face did not give {file.name} of {file.huggingface}: {error}.") from error
    os.replace(got, path)


def _import(module: str, place: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise LleError(f"downloads from {place} need the package {module}: pip install {module}.") from error


def _checksum(path: Path, like: str) -> str:
    kind = like.partition(":")[0]
    with path.open("rb") as stream:
        return f"{kind}:{hashlib.file_digest(stream, kind).hexdigest()}"


def _verify(path: Path, checksum: str | None, delete: bool = False) -> None:
    if checksum is None:
        return
    actual = _checksum(path, checksum)
    if actual != checksum:
        if delete:
            path.unlink()
        raise LleError(f"{path} is damaged or another file: its checksum is {actual}, expected {checksum}. Get it again.")


def _unpack(archive: Path, target: Path) -> None:
    """Unpacks an archive, or copies a folder, into a folder that is not in use yet.

    Raises:
        LleError: the archive is damaged, or has members that would land outside of the folder.
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
        _require_room(archive, sum(member.file_size for member in members), target)
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            _place(archive, member.filename, target, plain=kind in (0, stat.S_IFREG, stat.S_IFDIR))
        for member in members:
            place = _place(archive, member.filename, target, plain=True)
            if member.is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                with stream.open(member) as content:  # checks the CRC
                    _write(content, place)


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


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LleError(f"cannot write in {folder}: {error.strerror or error}. Free space or mend the folder, then run it again.") from error
