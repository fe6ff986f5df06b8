"""Pictures from disk: whatever a user brings becomes H x W x 3 uint8 RGB, or an error that names the file."""

from __future__ import annotations

import functools
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from lle.errors import DataError, LleError, first_line
from lle.files import atomic_path

_HEIF = frozenset({".heic", ".heif"})
SUFFIXES = (
    frozenset({".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".gif"})
    | (frozenset({".avif"}) if features.check("avif") else frozenset())
    | (_HEIF if find_spec("pillow_heif") else frozenset())
)
"""File name endings, in lower case, that count as pictures in a folder; AVIF and HEIC where the installed packages read them."""

_UNREADABLE = {
    ".avif": "AVIF needs Pillow 11.3 or newer",
    **dict.fromkeys(_HEIF, "HEIC needs the package pillow-heif"),
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2"), "raw files must be developed first"),
    **dict.fromkeys((".exr", ".hdr", ".jp2", ".jxl", ".psd", ".npy"), "this format is not read; save it as PNG"),
}


def unreadable(path: Path) -> str | None:
    """Returns why a file that is a picture by its name cannot be read here; None for what is read, and for other files."""
    suffix = Path(path).suffix.lower()
    return None if suffix in SUFFIXES else _UNREADABLE.get(suffix)


_PACKED = frozenset({"PNG", "TIFF", "GIF", "BMP", "PPM"})
_DENSEST = 20_000
"""Bytes of pixels that a byte of such a file holds at most: deflate and LZW pack some 1,000 equal bytes into one, Zstandard 13,000."""

SMALLEST = 16
"""Shortest side, in pixels, that every network of the suite can process."""

DAMAGE = (
    *(OSError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError, AssertionError),
    *(EOFError, struct.error, zlib.error, cv2.error, Image.DecompressionBombError),
)
"""What decoders raise for damaged files: it depends on the format and on where the damage is."""

# Modes that Pillow converts to 8-bit RGB without loss of range.
_EIGHT_BIT = {"1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV"}
_TRANSPARENT = {"RGBA", "LA", "PA", "RGBa", "La"}


def find_images(folder: Path) -> list[Path]:
    """Returns the pictures directly inside a folder in natural order (`a2` before `a10`), hidden files left out.

    Raises:
        DataError: the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"the folder {folder} does not exist. Check the path, or put the pictures there.")
    return sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()),
        key=natural_key,
    )


def shown(path: Path | str) -> str:
    """Returns a path as text that can be printed and stored: names that are not UTF-8 are taken for GBK."""
    text = str(path)
    return text if not any("\udc80" <= letter <= "\udcff" for letter in text) else os.fsencode(text).decode("gb18030", "replace")


def natural_key(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Returns a sorting key under which runs of digits compare as numbers."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


def read_rgb(path: Path) -> np.ndarray:
    """Reads a picture.

    Grey becomes three equal channels; 16-bit values are rounded to the nearest of 256 levels; the EXIF orientation is
    applied; an alpha channel is dropped where the picture is opaque. Colour profiles are not applied.

    Args:
        path: a file of any format Pillow knows.

    Returns:
        H x W x 3 uint8, RGB, contiguous and writable.

    Raises:
        DataError: the file is missing, damaged, no picture, partly transparent, animated, of floating-point or 32-bit
            values, or smaller than 16 pixels on a side.
    """
    path = Path(path)
    with opened(path) as image:
        colours, alpha = pixels(path, image)
    if alpha is not None:
        raise DataError(f"{path} has transparent pixels. Flatten it onto a background of your choice and save it without alpha.")
    require_size(path, colours)
    return eight_bits(colours)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Opens a picture for the length of a block, of whatever format; HEIC is made known to Pillow when the first one is asked for.

    Raises:
        DataError: the file is missing, no picture or several in one; or the block found it damaged.
    """
    try:
        with _open(path) as image:
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                raise DataError(f"{path} holds several pictures in one file. Save each of them in a file of its own.")
            _require_plausible(path, image)
            yield image
    except FileNotFoundError as error:
        raise DataError(f"the picture {path} does not exist.") from error
    except DAMAGE as error:
        raise _no_picture(path, error) from error


def _require_plausible(path: Path, image: Image.Image) -> None:
    """Refuses a small file whose head tells of a huge picture, before minutes and gigabytes go into what it does not hold."""
    stored, claimed = path.stat().st_size, image.width * image.height * len(image.getbands())
    # Fax compression, of black and white alone, has no such bound.
    if image.format in _PACKED and image.mode != "1" and claimed > _DENSEST * stored:
        raise DataError(
            f"{path} claims to be {image.width}x{image.height} pixels, which a file of {stored} bytes cannot hold. It is damaged."
        )


def pixels(path: Path, image: Image.Image) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Returns the colours of an opened picture, H x W x 3 RGB, upright, and its transparency, H x W, None where it is opaque.

    Both are uint8, or uint16 where the file has 16 bits a channel. Grey becomes three equal channels.

    Raises:
        DataError: the range of its values is unknown (floating point, 32 bits).
    """
    orientation = _orientation(image)
    colours, alpha = _wide(path) if _bits(image, path) == 16 else _narrow(path, image)
    if alpha is not None:
        alpha = None if alpha.min() == np.iinfo(alpha.dtype).max else _orient(alpha, orientation)
    return _orient(colours, orientation), alpha


def require_size(path: Path, array: NDArray[Any]) -> None:
    """Refuses a picture that is smaller than `SMALLEST` on a side.

    Raises:
        DataError: it is.
    """
    if min(array.shape[:2]) < SMALLEST:
        raise DataError(f"{path} is {array.shape[1]}x{array.shape[0]} pixels; each side needs at least {SMALLEST}.")


def eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Rounds uint16 to the nearest of 256 levels, 65535 becoming 255; uint8 stays."""
    return values if values.dtype == np.uint8 else ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)  # round(v / 257)


def size(path: Path) -> tuple[int, int]:
    """Returns width and height in pixels from the file's header, the EXIF orientation applied as in `read_rgb`.

    Raises:
        DataError: the file is missing or no picture.
    """
    try:
        with _open(path) as image:
            return (image.height, image.width) if _orientation(image) in (5, 6, 7, 8) else image.size
    except DAMAGE as error:
        raise _no_picture(path, error) from error


def read_mask(path: Path, ignore: int, remap: Mapping[int, int] | None = None) -> np.ndarray:
    """Reads a mask of class indices, stored as grey values or palette indices.

    Args:
        path: the file.
        ignore: the value in the file that belongs to no class.
        remap: from values in the file to class indices; values left out are ignored. None keeps the values.

    Returns:
        H x W uint8, class indices, 255 where a pixel belongs to no class.

    Raises:
        DataError: the file is missing, damaged, or in colour.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in {"L", "P"}:
                raise DataError(f"{path} is no mask of class indices (its mode is {image.mode}). Save it as 8-bit grey or palette PNG.")
            values = np.array(image)
    except DAMAGE as error:
        raise DataError(f"{path} cannot be read as a mask: {error}. It may be damaged: fetch it again.") from error
    table = np.arange(256, dtype=np.uint8) if remap is None else np.full(256, 255, np.uint8)
    for source, index in (remap or {}).items():
        table[source] = index
    table[ignore] = 255
    return table[values]


def write_png(path: Path, array: np.ndarray) -> None:
    """Writes a PNG file, whole or not at all, lightly compressed (pictures of noise gain nothing from more).

    Args:
        path: the file; its suffix must be `.png`.
        array: H x W x 3 uint8 RGB, or H x W uint8 grey.

    Raises:
        ValueError: the array is of another shape or type.
        LleError: the disk is full or the folder cannot be written.
    """
    path = Path(path)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(f"expected H x W x 3 or H x W uint8, got {array.shape} {array.dtype}")
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path} does not end in .png")
    if array.ndim == 3:
        array = cv2.cvtColor(np.ascontiguousarray(array), cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def write_webp(path: Path, array: NDArray[np.uint8], side: int, quality: int | None) -> None:
    """Writes a picture for the report, reduced to at most `side` pixels on its longer side, atomically.

    Args:
        path: the file.
        array: H x W x 3 uint8 RGB.
        side: pixels; a smaller picture is not enlarged.
        quality: 1 to 100; None writes a picture of few colours, such as a mask, without loss and without mixing them.

    Raises:
        LleError: OpenCV was built without WebP, the disk is full or the folder cannot be written.
    """
    scale = side / max(array.shape[:2])
    if scale < 1:
        height, width = (max(1, round(length * scale)) for length in array.shape[:2])
        interpolation = cv2.INTER_NEAREST_EXACT if quality is None else cv2.INTER_AREA
        array = cv2.resize(array, (width, height), interpolation=interpolation).astype(np.uint8)
    # Above 100 the encoder is lossless.
    options = [cv2.IMWRITE_WEBP_QUALITY, 101 if quality is None else quality]
    done, data = cv2.imencode(".webp", cv2.cvtColor(array, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise LleError(f"{path} cannot be written: this OpenCV has no WebP encoder. Install opencv-python-headless again.")
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def _no_picture(path: Path, error: BaseException) -> DataError:
    if reason := unreadable(path):
        return DataError(f"{path} cannot be read here: {reason}.")
    return DataError(f"{path} cannot be read as a picture: {first_line(error)}. It may be damaged: fetch it again, or remove it.")


def _open(path: Path) -> Image.Image:
    if Path(path).suffix.lower() in _HEIF and find_spec("pillow_heif"):
        _know_heif()
    return Image.open(path)


@functools.cache
def _know_heif() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()


def _bits(image: Image.Image, path: Path) -> int:
    """Bits a channel, which Pillow's mode hides for colour: it truncates 16-bit RGB to 8 bits."""
    if image.mode.startswith("I;16"):
        return 16
    if image.format == "PNG":
        with path.open("rb") as stream:
            return stream.read(25)[24]  # IHDR: signature 8, length 4, name 4, width 4, height 4, bit depth
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(258, (8,))))  # type: ignore[attr-defined]
    return 8


def _narrow(path: Path, image: Image.Image) -> tuple[NDArray[Any], NDArray[Any] | None]:
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        values = np.array(image.convert("RGBA"))
        return values[..., :3], values[..., 3]
    if image.mode not in _EIGHT_BIT:
        raise DataError(f"{path} holds values of Pillow's mode '{image.mode}', whose range is unknown. Save it as 8-bit or 16-bit PNG.")
    return np.array(image.convert("RGB")), None


def _wide(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    # Pillow cuts colours of 16 bits down to 8.
    values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16:
        raise DataError(f"{path} holds 16-bit values in a form that cannot be read. Save it as 16-bit PNG.")
    values = values if values.ndim == 3 else values[..., None]
    colours = values[..., 2::-1] if values.shape[2] >= 3 else np.repeat(values[..., :1], 3, axis=2)
    return colours, values[..., -1] if values.shape[2] in (2, 4) else None


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where the header has none, or is in a state that Pillow cannot read."""
    try:
        value = image.getexif().get(0x0112, 1)
    except (AttributeError, KeyError, OSError, SyntaxError, TypeError, ValueError, ZeroDivisionError, struct.error):
        return 1
    return next((known for known in range(2, 9) if value == known), 1)


def _orient(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Applies an EXIF orientation (1 to 8, EXIF 2.32 table 6) to H x W or H x W x C; the result is contiguous."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    vertical = orientation in (3, 4, 7, 8)
    horizontal = orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(array[:: -1 if vertical else 1, :: -1 if horizontal else 1])
