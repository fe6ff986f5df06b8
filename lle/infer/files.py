"""Enhancing files and folders: which picture goes to which file, and what happens to one that fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from lle.data.folders import find_pictures, say_left_out
from lle.data.images import SUFFIXES, read_rgb, write_png
from lle.errors import DataError, LleError
from lle.files import atomic_path
from lle.infer.enhancer import Enhancer
from lle.infer.memory import give_back

LOG = logging.getLogger(__name__)

ENCODINGS = {
    ".png": [],
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
    ".bmp": [],
    ".tif": [],
    ".tiff": [],
}
"""Endings of files that can be written, with OpenCV's options."""


def enhance_paths(
    enhancer: Enhancer,
    inputs: Sequence[str | Path],
    out: str | Path,
    force: bool = False,
    on_progress: Callable[[int, int, Path], None] | None = None,
) -> list[Path]:
    """Enhances files and folders into a folder, keeping names; the results are PNG files.

    One picture is held at a time, however many there are, and its memory is given back.

    Args:
        enhancer: does the work.
        inputs: picture files, and folders whose pictures are taken with their subfolders, linked ones too. What looks like a picture
            and cannot be taken is named in a warning.
        out: a folder; or, for a single file, a name that ends like a picture (`result.jpg`), which also chooses the format.
        force: replaces existing files. An input is never replaced.
        on_progress: called after each picture with the number done, the number of all, and the input.

    Returns:
        The files written.

    Raises:
        DataError: before anything is written: an input does not exist, two results would have one name, a result exists
            already, or `out` names a file and there are several inputs. After all others are done: the pictures that could
            not be enhanced, each with the reason.
    """
    plan = plan_paths(inputs, Path(out), force)
    written: list[Path] = []
    failures: list[str] = []
    for done, (source, target) in enumerate(plan, start=1):
        failure = _enhance_file(enhancer, source, target)
        if failure is None:
            written.append(target)
        else:
            failures.append(failure)
        give_back()
        if on_progress is not None:
            on_progress(done, len(plan), source)
    if failures:
        others = f"The other {len(written)} are in {out}." if written else "No picture was written."
        head = f"{len(failures)} of {len(plan)} pictures could not be enhanced. {others}"
        raise DataError("\n".join([head, *(f"  {failure}" for failure in failures)]))
    return written


def plan_paths(inputs: Sequence[str | Path], out: Path, force: bool = False) -> list[tuple[Path, Path]]:
    """Pairs every input picture with the file its result goes to, and refuses what would lose something.

    Args:
        inputs: files and folders, see `enhance_paths`.
        out: a folder, or the name of a picture for a single file.
        force: existing files may be replaced, inputs excepted.

    Raises:
        DataError: see `enhance_paths`.
    """
    plan: list[tuple[Path, Path]] = []
    sources = [Path(path) for path in inputs]
    missing = [str(path) for path in sources if not _exists(path)]
    if missing:
        raise DataError(f"these inputs do not exist: {', '.join(missing)}")
    one_file = _names_a_file(out)
    if one_file and (len(sources) != 1 or sources[0].is_dir()):
        given = f"{sources[0]} is a folder" if len(sources) == 1 else f"there are {len(sources)} inputs"
        raise DataError(f"{out} names one picture, but {given}. Name a folder, such as {out.with_suffix('')}.")
    for source in sources:
        if source.is_dir():
            found, left_out = find_pictures(source)
            pictures = [path for path in found if not _inside(path, out) or _inside(source, out)]
            told = say_left_out(left_out, source)
            if not pictures:
                also = f" Left out: {told}." if told else ""
                raise DataError(f"the folder {source} holds no pictures ({', '.join(sorted(SUFFIXES))}).{also}")
            if told:
                LOG.warning("%s: left out: %s", source, told)
            plan.extend((path, (out / path.relative_to(source)).with_suffix(".png")) for path in pictures)
        else:
            plan.append((source, out if one_file else out / f"{source.stem}.png"))
    _require_free(plan, force)
    return plan


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Writes a picture in the format that its name asks for, whole or not at all.

    Args:
        path: ends in one of `ENCODINGS`.
        picture: H x W x 3 uint8 RGB.

    Raises:
        LleError: the disk is full, the folder cannot be written, or OpenCV was built without this format.
    """
    suffix = path.suffix.lower()
    if suffix == ".png":
        write_png(path, picture)
        return
    try:
        done, data = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), ENCODINGS[suffix])
    except cv2.error as error:
        raise LleError(f"{path} cannot be written: {error.err}. Choose a name that ends in .png.") from error
    if not done:
        raise LleError(f"{path} cannot be written: this OpenCV cannot make {suffix} files. Choose a name that ends in .png.")
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def _enhance_file(enhancer: Enhancer, source: Path, target: Path) -> str | None:
    """Enhances one picture and returns why that failed, or None."""
    try:
        write_picture(target, enhancer.enhance(read_rgb(source)))
    except LleError as error:
        reason = str(error)
        return reason if str(source) in reason else f"{source}: {reason}"
    # A reader or a network may raise anything at a picture nobody has thought of; the others are still done, and this one is reported.
    except Exception as error:
        LOG.debug("%s", source, exc_info=True)
        return (
            f"{source} cannot be read or enhanced ({type(error).__name__}: {error}). It may be damaged: save it again as PNG, or remove it."
        )
    return None


def _names_a_file(out: Path) -> bool:
    """Says whether `out` is the name of one picture; a folder may be called so, too.

    Raises:
        DataError: it is a format that cannot be written.
    """
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES or _is_dir(out):
        return False
    if suffix not in ENCODINGS:
        raise DataError(f"{out}: pictures cannot be written as {suffix}. Choose a name that ends in {', '.join(ENCODINGS)}, or a folder.")
    return True


def _require_free(plan: list[tuple[Path, Path]], force: bool) -> None:
    by_target: dict[Path, Path] = {}
    for source, target in plan:
        other = by_target.setdefault(target, source)
        if other != source:
            raise DataError(f"{other} and {source} would both become {target}. Enhance them into different folders.")
    sources = {source.resolve() for source, _ in plan}
    own = [str(target) for _, target in plan if target.resolve() in sources]
    if own:
        raise DataError(f"the results would replace the input {', '.join(own[:3])}. Choose another output folder.")
    present = [str(target) for _, target in plan if _exists(target)]
    if present and not force:
        more = f" and {len(present) - 3} more" if len(present) > 3 else ""
        raise DataError(f"{', '.join(present[:3])}{more} exist already. Use --force to replace them, or choose another output folder.")


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}.") from error


def _is_dir(path: Path) -> bool:
    return _exists(path) and path.is_dir()
