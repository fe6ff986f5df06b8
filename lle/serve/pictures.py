"""From bytes to pictures and back, as `lle enhance` does it with files, after a look at what the bytes claim to be."""

from __future__ import annotations

import logging
import uuid
import warnings
from pathlib import Path

from PIL import Image

from lle.data.images import DAMAGE, SUFFIXES, opened
from lle.errors import LleError, first_line
from lle.infer.pictures import Photo, read_photo, write_photo
from lle.serve.settings import RefusedError

LOG = logging.getLogger(__name__)

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".gif": "GIF",
    ".ppm": "PPM",
    ".avif": "AVIF",
    ".heic": "HEIF",
}
"""Pillow's names of what is read, by the ending that a file of it gets. Pillow knows many more, which nobody needs."""
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"BM", ".bmp"),
    *((mark, ".tif") for mark in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    *((mark, ".gif") for mark in (b"GIF87a", b"GIF89a")),
    *((b"P%d" % number, ".ppm") for number in range(1, 7)),
)
_AVIF = (b"avif", b"avis")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")


def suffix_of(data: bytes) -> str | None:
    """Returns the ending that belongs to the content, None where it is no picture that can be read here."""
    found = next((suffix for mark, suffix in _SIGNATURES if data.startswith(mark)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = ".webp"
    elif data[4:8] == b"ftyp":
        found = ".avif" if data[8:12] in _AVIF else ".heic" if data[8:12] in _HEIC else None
    return found if found in SUFFIXES else None


class Scratch:
    """A folder for pictures on their way; names are made here, and come from no request.

    Args:
        folder: exists, and belongs to the service alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self, data: bytes) -> tuple[Path, int]:
        """Writes a picture to a file, if its header promises one; nothing is decoded.

        Returns:
            The file, and the number of pixels that its header names.

        Raises:
            RefusedError: 413 far too many pixels, 415 no picture, 422 a damaged header or several pictures in one.
        """
        suffix = suffix_of(data)
        if suffix is None:
            known = ", ".join(sorted({suffix[1:].upper() for suffix in FORMATS} & {suffix[1:].upper() for suffix in SUFFIXES}))
            raise RefusedError(415, f"this is no picture that can be read here; these are: {known}")
        path = self.folder / f"{uuid.uuid4().hex}{suffix}"
        path.write_bytes(data)
        try:
            return path, _pixels(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def read(self, path: Path, sixteen: bool) -> Photo:
        """Reads a stored picture.

        Raises:
            RefusedError: 422: it is damaged, too small, or of values that are not understood.
        """
        try:
            return read_photo(path, sixteen)
        except LleError as error:
            raise refused(error, path) from error

    def encode(self, photo: Photo, format_: str, quality: int) -> bytes:
        """Returns a picture as bytes.

        Raises:
            RefusedError: 422: the format cannot hold a picture of this size.
        """
        path = self.folder / f"{uuid.uuid4().hex}.{format_}"
        try:
            write_photo(path, photo, quality)
            return path.read_bytes()
        except LleError as error:
            raise refused(error, path) from error
        finally:
            path.unlink(missing_ok=True)


def refused(error: LleError, path: Path | None = None) -> RefusedError:
    """Returns an error of the suite as an answer that names no file."""
    text = str(error) if path is None else str(error).replace(str(path), "the picture")
    return RefusedError(422, text)


def _pixels(path: Path) -> int:
    """Reads width and height with the one decoder that belongs to the file's ending.

    Raises:
        RefusedError: see `Scratch.store`.
    """
    wanted = FORMATS[path.suffix]
    try:
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
            if wanted == "HEIF":
                with opened(path) as image:  # makes the format known to Pillow
                    return image.width * image.height
            with Image.open(path, formats=[wanted]) as image:
                if getattr(image, "is_animated", False) and image.format != "MPO":
                    raise RefusedError(422, "the file holds several pictures; send each of them on its own")
                return image.width * image.height
    except Image.DecompressionBombError as error:
        raise RefusedError(413, f"the picture claims too many pixels: {first_line(error)}") from error
    except (LleError, *DAMAGE) as error:
        LOG.debug("%s", path, exc_info=True)
        if isinstance(error.__cause__, Image.DecompressionBombError):
            raise RefusedError(413, "the picture claims too many pixels") from error
        raise RefusedError(422, "the picture cannot be read: its header is damaged") from error
