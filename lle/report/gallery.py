"""Pictures of the report: sample files as data URIs, ordered for the before/after view."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lle.errors import LleError
from lle.results.quality import INPUT, NORMAL
from lle.results.read import Results


@dataclass(frozen=True)
class Picture:
    """One sample: `who` is a method, `input` or `normal`; `label` is its name; `uri` holds the file."""

    who: str
    label: str
    uri: str


@dataclass(frozen=True)
class Scene:
    """All samples of one test picture, the input first, the reference second."""

    dataset: str
    image: str
    pictures: tuple[Picture, ...]
    width: int
    height: int


def data_uri(path: Path) -> str:
    """Returns a WebP file as a data URI.

    Raises:
        LleError: the file is no WebP picture.
    """
    webp_size(path)
    return "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def webp_size(path: Path) -> tuple[int, int]:
    """Returns width and height of a WebP file in pixels.

    Read from its head (RFC 9649), so that building the report needs no image library.

    Raises:
        LleError: the file is no WebP picture.
    """
    head = path.read_bytes()[:30]
    kind = head[12:16]
    if len(head) == 30 and head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        if kind == b"VP8X":
            return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
        if kind == b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
        if kind == b"VP8 ":
            return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    raise LleError(f"{path} is not a WebP picture. Restore it with `git checkout -- {path}`, or run dvc repro.")


def scenes(results: Results, order: Mapping[str, Sequence[str]]) -> list[Scene]:
    """Returns the samples of every data set.

    Args:
        results: what was read.
        order: methods of every data set, best first, as in its table.
    """
    found = []
    for dataset, images in results.samples.items():
        known = order.get(dataset, ())
        for image, files in images.items():
            methods = [method for method in known if method in files and method != INPUT]
            methods += sorted(set(files) - set(methods) - {INPUT, NORMAL})
            labels = [(INPUT, "Input"), (NORMAL, "Normal light"), *((method, results.title(method)) for method in methods)]
            pictures = tuple(Picture(who, label, data_uri(files[who])) for who, label in labels if who in files)
            if len(pictures) < 2:
                continue
            width, height = webp_size(next(iter(files.values())))
            found.append(Scene(dataset, image, pictures, width, height))
    return found
