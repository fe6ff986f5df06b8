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
from PIL import Image, ImageCms, ImageOps

from lle.data.images import SMALLEST, SUFFIXES, unreadable
from lle.errors import DataError, LleError
from lle.files import atomic_path

LOG = logging.getLogger(__name__)

WRITES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Endings of files that can be written."""
QUALITY = 95
"""Of JPEG and WebP, 1 to 100."""
LARGEST = 400_000_000
"""Pixels above which a file is refused: a header can promise any number."""
_ORIENTATION = 0x0112
_SIXTEEN = (".png", ".tif", ".tiff")
_PNG_HEADER = 33  # signature, and the chunk IHDR
_FULL = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
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
            alpha = _eight(alpha) if colours.dtype == np.uint8 else alpha.astype(np.uint16) * 257
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
    with _any_size():
        try:
            with Image.open(path) as image:
                if image.width * image.height > LARGEST:
                    raise DataError(
                        f"{path} claims to be {image.width}x{image.height} pixels, which is more than {LARGEST // 10**6} million."
                    )
                if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                    raise DataError(f"{path} holds several pictures in one file. Save each of them in a file of its own.")
                photo = _read_sixteen(path, image) if _is_sixteen(path, image) else _read_eight(path, image)
        except FileNotFoundError as error:
            raise DataError(f"the picture {path} does not exist.") from error
        # Pillow's decoders report damage as almost anything, depending on the format.
        except (
            OSError,
            SyntaxError,
            ValueError,
            TypeError,
            KeyError,
            IndexError,
            AttributeError,
            struct.error,
            zlib.error,
            cv2.error,
        ) as error:
            raise DataError(f"{path} cannot be read as a picture: {error}. It may be damaged: fetch it again, or remove it.") from error
    height, width = photo.colours.shape[:2]
    if min(height, width) < SMALLEST:
        raise DataError(f"{path} is {width}x{height} pixels; each side needs at least {SMALLEST}.")
    return photo if sixteen or photo.colours.dtype == np.uint8 else photo.with_colours(_eight(photo.colours))


def _read_eight(path: Path, image: Image.Image) -> Photo:
    if image.mode not in {"1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "RGBA", "LA", "PA", "RGBa", "La"}:
        raise DataError(f"{path} holds values of Pillow's mode '{image.mode}', whose range is unknown. Save it as 8-bit or 16-bit PNG.")
    profile, exif = _beside(image)
    if image.mode == "CMYK":
        profile = None  # of colours that the result does not have
    transparent = image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info
    values = np.array(_upright(image).convert("RGBA" if transparent else "RGB"))
    alpha = np.ascontiguousarray(values[..., 3]) if transparent and values[..., 3].min() < 255 else None
    return Photo(np.ascontiguousarray(values[..., :3]), alpha, profile, exif)


def _read_sixteen(path: Path, image: Image.Image) -> Photo:
    # Pillow cuts colours of 16 bits down to 8.
    values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16:
        raise DataError(f"{path} holds 16-bit values in a form that cannot be read. Save it as 16-bit PNG.")
    profile, exif = _beside(image)
    values = _turned(values if values.ndim == 3 else values[..., None], _orientation(image))
    alpha = values[..., -1] if values.shape[2] in (2, 4) else None
    colours = values[..., 2::-1] if values.shape[2] >= 3 else np.repeat(values[..., :1], 3, axis=2)
    if alpha is not None:
        alpha = None if alpha.min() == 65535 else np.ascontiguousarray(alpha)
    return Photo(np.ascontiguousarray(colours), alpha, profile, exif)


def _is_sixteen(path: Path, image: Image.Image) -> bool:
    if image.mode.startswith("I;16"):
        return True
    if image.format == "PNG":
        with path.open("rb") as stream:
            return stream.read(25)[24] == 16  # IHDR: signature 8, length 4, name 4, width 4, height 4, bit depth
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(258, (8,)))) == 16  # type: ignore[attr-defined]
    return False


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(image: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(image) if _orientation(image) != 1 else image


def _turned(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Applies an EXIF orientation (EXIF 2.32, table 6) to an array, as `ImageOps.exif_transpose` does to 8-bit pictures."""
    if orientation >= 5:
        values = values.transpose(1, 0, 2)
    return values[:: -1 if orientation in (3, 4, 7, 8) else 1, :: -1 if orientation in (2, 3, 6, 7) else 1]


def _beside(image: Image.Image) -> tuple[bytes | None, bytes | None]:
    """Returns colour profile and camera data; the latter without orientation, thumbnail and what describes the old pixels."""
    profile = image.info.get("icc_profile") or None
    if profile is not None:
        try:
            ImageCms.ImageCmsProfile(io.BytesIO(profile))
        except (OSError, ImageCms.PyCMSError, TypeError):
            profile = None
    exif = image.getexif()
    if "exif" not in image.info and image.format != "TIFF":
        return profile, None
    # Of TIFF the directory of the file itself, with its strips and compression, comes along; the sub-directory holds the camera's data.
    camera = Image.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298):
        if tag in exif:
            camera[tag] = exif[tag]
    for directory in (0x8769, 0x8825):
        if found := exif.get_ifd(directory):
            camera.get_ifd(directory).update(found)
    return profile, camera.tobytes() if len(camera) or camera.get_ifd(0x8769) or camera.get_ifd(0x8825) else None


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
        photo = photo.with_colours(_eight(photo.colours))
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
    _, encoded = cv2.imencode(".png", _for_opencv(photo), [cv2.IMWRITE_PNG_COMPRESSION, 1])
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


def _eight(values: NDArray[Any]) -> NDArray[np.uint8]:
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)  # round(v / 257): 65535 is 255


@contextmanager
def _any_size() -> Iterator[None]:
    """Lifts Pillow's own limit, above which it takes a picture for an attack; `LARGEST` stands in its place."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


__all__ = ["LARGEST", "QUALITY", "SUFFIXES", "WRITES", "Photo", "read_photo", "write_photo"]
