"""Enhancing files and folders: which picture goes to which file, and what happens to one that fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lle.data.folders import find_pictures, say_left_out
from lle.data.images import SUFFIXES, size
from lle.errors import DataError, LleError
from lle.infer.adjust import Adjust, strip
from lle.infer.darkness import Gate
from lle.infer.enhancer import LARGE, Enhancer
from lle.infer.memory import give_back
from lle.infer.pictures import QUALITY, WRITES, Photo, read_photo, write_photo

LOG = logging.getLogger(__name__)

WRITERS = 2
"""Pictures that are encoded while others are enhanced."""


@dataclass(frozen=True)
class Output:
    """How results are written.

    Attributes:
        format: ending of the files, such as `.jpg`, where `out` names a folder.
        quality: of JPEG and WebP, 1 to 100.
        eight_bits: write 8 bits a channel also where the input has 16.
        adjust: strength and brightness.
        compare: also write a strip of input and result beside each result, `<name>.compare.<ending>`.
        gate: pictures that it finds lit are written as they are; None enhances all.
    """

    format: str = ".png"
    quality: int = QUALITY
    eight_bits: bool = False
    adjust: Adjust = field(default_factory=Adjust)
    compare: bool = False
    gate: Gate | None = None


def enhance_paths(
    enhancer: Enhancer,
    inputs: Sequence[str | Path],
    out: str | Path,
    force: bool = False,
    on_progress: Callable[[int, int, Path], None] | None = None,
    output: Output | None = None,
    skip_existing: bool = False,
) -> list[Path]:
    """Enhances files and folders into a folder, keeping names and folders; the results are PNG files unless `output` says otherwise.

    Beside the picture that is enhanced, the next one is read and at most two results are written; their memory is given back. What
    is interrupted leaves whole files only.

    Args:
        enhancer: does the work.
        inputs: picture files, and folders whose pictures are taken with their subfolders, linked ones too. What looks like a picture
            and cannot be taken is named in a warning.
        out: a folder; or, for a single file, a name that ends like a picture (`result.jpg`), which also chooses the format.
        force: replaces existing files. An input is never replaced.
        on_progress: called after each picture with the number done, the number of all, and the input.
        output: how results are written.
        skip_existing: leaves out what has a result, instead of refusing; for going on after an interruption.

    Returns:
        The files written.

    Raises:
        DataError: before anything is written: an input does not exist, two results would have one name, a result exists
            already, or `out` names a file and there are several inputs. After all others are done: the pictures that could
            not be enhanced, each with the reason.
    """
    output = output or Output()
    plan = plan_paths(inputs, Path(out), force, output.format, skip_existing, output.compare)
    written: list[Path] = []
    failures: list[str] = []
    with closing(enhance_plan(enhancer, plan, output)) as done:
        for source, target, failure in done:
            if failure is None:
                written.append(target)
            else:
                failures.append(failure)
            if on_progress is not None:
                on_progress(len(written) + len(failures), len(plan), source)
    if failures:
        others = f"The other {len(written)} are in {out}." if written else "No picture was written."
        head = f"{len(failures)} of {len(plan)} pictures could not be enhanced. {others}"
        raise DataError("\n".join([head, *(f"  {failure}" for failure in failures)]))
    return written


def enhance_plan(
    enhancer: Enhancer, plan: Sequence[tuple[Path, Path]], output: Output
) -> Generator[tuple[Path, Path, str | None], None, None]:
    """Enhances pictures into the files that a plan names, in its order; a picture that fails does not end it.

    Beside the picture that is enhanced, the next one is read and at most two results are written.

    Args:
        enhancer: does the work.
        plan: inputs with the files their results go to, see `plan_paths`.
        output: how results are written.

    Yields:
        Each input and its file when that is written, and None; or why it was not.
    """
    waiting: list[tuple[Path, Path, Future[None]]] = []

    def finished(most: int) -> Iterator[tuple[Path, Path, str | None]]:
        while len(waiting) > most:
            source, target, future = waiting.pop(0)
            failure = _failure(source, future.result)
            give_back()
            yield source, target, failure

    with _ended_at_once(ThreadPoolExecutor(1)) as reader, _ended_at_once(ThreadPoolExecutor(WRITERS)) as writers:
        for source, target, photo in _read_ahead(reader, plan, output):
            waiting.append((source, target, writers.submit(_write, *_enhanced(enhancer, source, photo, output), target, output)))
            yield from finished(WRITERS - 1)
        yield from finished(0)


def _read_ahead(
    reader: ThreadPoolExecutor, plan: Sequence[tuple[Path, Path]], output: Output
) -> Iterator[tuple[Path, Path, Future[Photo]]]:
    """Yields what is read; a small picture is read while the one before it is enhanced."""

    def start(index: int) -> Future[Photo]:
        return reader.submit(read_photo, plan[index][0], not output.eight_bits)

    ahead: Future[Photo] | None = None
    for index, (source, target) in enumerate(plan):
        photo, ahead = ahead or start(index), None
        photo.exception()  # waits
        if index + 1 < len(plan) and _is_small(plan[index + 1][0]):
            ahead = start(index + 1)
        yield source, target, photo


def _is_small(path: Path) -> bool:
    try:
        width, height = size(path)
    except LleError:
        return True  # and reading it says why
    return width * height <= LARGE


def _enhanced(enhancer: Enhancer, source: Path, photo: Future[Photo], output: Output) -> tuple[Photo | None, Photo | None, str | None]:
    """Returns input and result, or why there is none."""
    found: list[Photo] = []

    def work() -> None:
        low = photo.result()
        if output.gate is not None and not output.gate.dark_alone(low.colours):
            LOG.info("%s is lit: it is written as it is.", source)
            found.extend((low, low))
        else:
            found.extend((low, low.with_colours(output.adjust(low.colours, enhancer.enhance(low.colours)))))

    failure = _failure(source, work)
    return (None, None, failure) if failure is not None else (found[0], found[1], None)


class _FailedError(LleError):
    """A picture that could not be enhanced; the message is complete."""


def _write(low: Photo | None, enhanced: Photo | None, failure: str | None, target: Path, output: Output) -> None:
    if low is None or enhanced is None:
        raise _FailedError(str(failure))
    # The result goes last: where it is, everything is, and `skip_existing` may leave the picture out.
    if output.compare:
        write_photo(compared(target), strip(low, enhanced), output.quality)
    write_photo(target, enhanced, output.quality)


def compared(target: Path) -> Path:
    """Returns the name of the strip beside a result."""
    return target.with_name(f"{target.stem}.compare{target.suffix}")


@contextmanager
def _ended_at_once(pool: ThreadPoolExecutor) -> Iterator[ThreadPoolExecutor]:
    """Ends a pool with its block: what runs is finished, so that no file is left in pieces; what waits is dropped."""
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def plan_paths(
    inputs: Sequence[str | Path],
    out: Path,
    force: bool = False,
    suffix: str = ".png",
    skip_existing: bool = False,
    compare: bool = False,
) -> list[tuple[Path, Path]]:
    """Pairs every input picture with the file its result goes to, and refuses what would lose something.

    Args:
        inputs: files and folders, see `enhance_paths`.
        out: a folder, or the name of a picture for a single file.
        force: existing files may be replaced, inputs excepted.
        suffix: ending of the results in a folder.
        skip_existing: leave out inputs whose result exists.
        compare: strips are written beside the results.

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
            plan.extend((path, (out / path.relative_to(source)).with_suffix(suffix)) for path in pictures)
        else:
            plan.append((source, out if one_file else out / f"{source.stem}{suffix}"))
    require_free(plan, force or skip_existing, compare)
    return [(source, target) for source, target in plan if force or not (skip_existing and _exists(target))]


def _failure(source: Path, work: Callable[[], object]) -> str | None:
    """Does a piece of work on one picture and returns why it failed, or None."""
    try:
        work()
    except _FailedError as error:
        return str(error)
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
    if suffix not in WRITES:
        raise DataError(f"{out}: pictures cannot be written as {suffix}. Choose a name that ends in {', '.join(WRITES)}, or a folder.")
    return True


def require_free(plan: Sequence[tuple[Path, Path]], force: bool, compare: bool = False) -> None:
    """Refuses a plan by which something would be lost.

    Args:
        plan: inputs with the files their results go to.
        force: existing files may be replaced, inputs excepted.
        compare: strips are written beside the results.

    Raises:
        DataError: two results would have one name, a result would replace an input, or exists already.
    """
    by_target: dict[Path, Path] = {}
    results = [(source, target) for source, target in plan] + [(source, compared(target)) for source, target in plan if compare]
    for source, target in results:
        other = by_target.setdefault(target, source)
        if other != source:
            raise DataError(f"{other} and {source} would both become {target}. Enhance them into different folders.")
    sources = {source.resolve() for source, _ in plan}
    own = [str(target) for _, target in results if target.resolve() in sources]
    if own:
        raise DataError(f"the results would replace the input {', '.join(own[:3])}. Choose another output folder.")
    present = [str(target) for _, target in results if _exists(target)]
    if present and not force:
        more = f" and {len(present) - 3} more" if len(present) > 3 else ""
        raise DataError(
            f"{', '.join(present[:3])}{more} exist already. Use --force to replace them, --skip-existing to leave them, "
            "or choose another output folder."
        )


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}.") from error


def _is_dir(path: Path) -> bool:
    return _exists(path) and path.is_dir()
