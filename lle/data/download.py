"""Downloading single files: http(s) with resumption, Google Drive, Hugging Face."""

from __future__ import annotations

import errno
import hashlib
import http.client
import importlib
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from lle.data import catalog
from lle.errors import LleError

_CHUNK = 1 << 20
_RETRIES = 5
_TIMEOUT = 60.0
_WAIT = 1.0
"""Seconds before the first retry; doubled each time."""


def get(file: catalog.File, downloads: Path) -> Path:
    """Downloads one file or folder of the catalog, unless it is there already.

    Raises:
        LleError: it cannot be reached, or arrives damaged.
    """
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
        verify(path, file.checksum, delete=True)
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
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise LleError(f"downloads from {place} need the package {module}: pip install {module}.") from error


def _checksum(path: Path, like: str) -> str:
    kind = like.partition(":")[0]
    with path.open("rb") as stream:
        return f"{kind}:{hashlib.file_digest(stream, kind).hexdigest()}"


def verify(path: Path, checksum: str | None, delete: bool = False) -> None:
    """Compares a file with its checksum, if one is known.

    Raises:
        LleError: it is another one.
    """
    if checksum is None:
        return
    actual = _checksum(path, checksum)
    if actual != checksum:
        if delete:
            path.unlink()
        raise LleError(f"{path} is damaged or another file: its checksum is {actual}, expected {checksum}. Get it again.")
