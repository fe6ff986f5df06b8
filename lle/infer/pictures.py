"""Pictures with all that a user would miss: levels, transparency, colour profile and camera data go in and come out again."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from lle.data.images import DAMAGE, eight_bits, opened, pixels, require_size, unreadable
from lle.errors import DataError, LleError
from lle.files import atomic_path

LOG = logging.getLogger(__name__)

WRITES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Endings of files that can be written."""
QUALITY = 95
"""Of JPEG and WebP, 1 to 100."""
LARGEST = 400_000_000
"""Pixels above which a file is refused: a header can promise any number."""
LONGEST = 1_000_000
"""Pixels of a side above which a file is refused: no PNG of that size could be written (a limit of libpng)."""
_SIXTEEN = (".png", ".tif", ".tiff")
_PNG_HEADER = 33  # signature, and the chunk IHDR
_KEEPS_ALPHA = (".png", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class Photo:
    """A picture and what stands beside its colours.

    Attributes:
        colours: H x W x 3, RGB, uint8 or uint16, upright.
        alpha: H x W of the same type, None where the picture is opaque.
        profile: ICC profile, None where there is none.
        exif: camera data without the orientation, which is applied; None where there are none.
    """

    colours: NDArray[Any]
    alpha: NDArray[Any] | None = None
    profile: bytes | None = None
    exif: bytes | None = None

    def with_colours(self, colours: NDArray[Any]) -> Photo:
        """Returns the same with other colours of the same size; transparency gets their type."""
        alpha = self.alpha
        if alpha is not None and alpha.dtype != colours.dtype:
            alpha = eight_bits(alpha) if colours.dtype == np.uint8 else alpha.astype(np.uint16) * 257
        return replace(self, colours=colours, alpha=alpha)


def read_photo(path: Path, sixteen: bool = True) -> Photo:
    """Reads a picture.

    Grey becomes three equal channels. An animation or a file of several pages is refused.

    Args:
        path: of any format that `lle.data.images.SUFFIXES` lists.
        sixteen: keep 16 bits a channel where the file has them; else they are rounded to 8.

    Raises:
        DataError: the file is missing, damaged, no picture, too large, or smaller than 16 pixels on a side.
    """
    if (reason := unreadable(path)) is not None:
        raise DataError(f"{path} cannot be read: {reason}.")
    with _any_size(), opened(path) as image:
        if image.width * image.height > LARGEST:
            raise DataError(f"{path} claims to be {image.width}x{image.height} pixels, which is more than {LARGEST // 10**6} million.")
        if max(image.size) > LONGEST:
            raise DataError(f"{path} claims to be {image.width}x{image.height} pixels; a side may have {LONGEST:,} at most.")
        colours, alpha = pixels(path, image)
        photo = Photo(colours, alpha, *_beside(image))
    require_size(path, colours)
    return photo if sixteen else photo.with_colours(eight_bits(colours))


def _beside(image: Image.Image) -> tuple[bytes | None, bytes | None]:
    """Returns colour profile and camera data; the latter without orientation, thumbnail and what describes the old pixels."""
    # That of CMYK is of colours that the result does not have.
    profile = image.info.get("icc_profile") or None if image.mode != "CMYK" else None
    if profile is not None:
        try:
            ImageCms.ImageCmsProfile(io.BytesIO(profile))
        except (OSError, ImageCms.PyCMSError, TypeError):
            profile = None
    try:
        return profile, _camera(image)
    except DAMAGE:
        return profile, None  # a damaged header costs itself alone


def _camera(image: Image.Image) -> bytes | None:
    exif = image.getexif()
    if "exif" not in image.info and image.format != "TIFF":
        return None
    # Of TIFF the directory of the file itself, with its strips and compression, comes along; the sub-directory holds the camera's data.
    camera = Image.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298):
        if tag in exif:
            camera[tag] = exif[tag]
    for directory in (0x8769, 0x8825):
        if found := exif.get_ifd(directory):
            camera.get_ifd(directory).update(found)
    return camera.tobytes() if len(camera) or camera.get_ifd(0x8769) or camera.get_ifd(0x8825) else None


def write_photo(path: Path, photo: Photo, quality: int = QUALITY) -> None:
    """Writes a picture in the format that its name asks for, whole or not at all.

    PNG and TIFF keep 16 bits; other formats get 8. JPEG and BMP cannot be transparent: transparency is left out, with a warning.

    Args:
        path: ends in one of `WRITES`.
        photo: the picture.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        LleError: the disk is full, the folder cannot be written, or the format cannot hold a picture of this size.
    """
    suffix = path.suffix.lower()
    if photo.colours.dtype == np.uint16 and suffix not in _SIXTEEN:
        photo = photo.with_colours(eight_bits(photo.colours))
    if photo.alpha is not None and suffix not in _KEEPS_ALPHA:
        LOG.warning("%s: %s cannot be transparent; write PNG, WebP or TIFF to keep it.", path, suffix)
        photo = replace(photo, alpha=None)
    try:
        data = (
            _png(photo) if suffix == ".png" else _tiff(path, photo) if photo.colours.dtype == np.uint16 else _pillow(suffix, photo, quality)
        )
    except (OSError, ValueError, cv2.error) as error:
        raise LleError(f"{path} cannot be written: {error}. Choose a name that ends in .png.") from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _png(photo: Photo) -> bytes:
    # OpenCV writes 16 bits and is several times as fast; pictures of noise gain nothing from more compression.
    done, encoded = cv2.imencode(".png", _for_opencv(photo), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise ValueError("OpenCV could not encode it")
    data = encoded.tobytes()
    chunks = b""
    if photo.profile is not None:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.profile))
    if photo.exif is not None:
        chunks += _chunk(b"eXIf", photo.exif.removeprefix(b"Exif\0\0"))
    return data[:_PNG_HEADER] + chunks + data[_PNG_HEADER:] if chunks else data


def _chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG chunk: length, name, content, checksum (PNG specification, 5.3)."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _tiff(path: Path, photo: Photo) -> bytes:
    if photo.profile is not None or photo.exif is not None:
        LOG.warning("%s: colour profile and camera data are left out of 16-bit TIFF; write PNG to keep them.", path)
    return bytes(cv2.imencode(".tif", _for_opencv(photo))[1])


def _pillow(suffix: str, photo: Photo, quality: int) -> bytes:
    options: dict[str, Any] = {"icc_profile": photo.profile} if photo.profile is not None else {}
    if photo.exif is not None:
        options["exif"] = photo.exif
    if suffix in (".jpg", ".jpeg", ".webp"):
        options["quality"] = quality
    # libtiff, which compresses, refuses the camera's directory.
    if suffix in (".tif", ".tiff") and photo.exif is None:
        options["compression"] = "tiff_lzw"
    values = photo.colours if photo.alpha is None else np.dstack([photo.colours, photo.alpha])
    stream = io.BytesIO()
    Image.fromarray(values).save(
        stream, format={".jpg": "JPEG", ".tif": "TIFF"}.get(suffix) or suffix[1:].replace("tiff", "TIFF"), **options
    )
    return stream.getvalue()


def _for_opencv(photo: Photo) -> NDArray[Any]:
    if photo.alpha is None:
        return np.asarray(cv2.cvtColor(photo.colours, cv2.COLOR_RGB2BGR))
    return np.asarray(cv2.cvtColor(np.dstack([photo.colours, photo.alpha]), cv2.COLOR_RGBA2BGRA))


@contextmanager
def _any_size() -> Iterator[None]:
    """Lifts Pillow's own limit, above which it takes a picture for an attack; `LARGEST` stands in its place."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
