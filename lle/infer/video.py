"""Enhancing video files: the picture track frame by frame, the sound as it is, written whole or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from lle.errors import DataError, LleError, first_line
from lle.files import atomic_path
from lle.infer.adjust import Adjust
from lle.infer.containers import CLOCK, WRITES, Source, is_video, picture_of
from lle.infer.darkness import Gate
from lle.infer.enhancer import Enhancer
from lle.infer.files import require_free
from lle.infer.frames import Frames
from lle.infer.sink import Sink

LOG = logging.getLogger(__name__)

FORMAT = ".mp4"
"""Of the results in a folder."""
CRF = 18
"""Quality of libx264, 0 (no loss) to 51; 18 is about what no eye tells from the original."""
PRESET = "veryfast"
"""Of libx264: on two cores, slower presets would take longer than a fast method."""
_RATE = Fraction(25)


@dataclass(frozen=True)
class VideoOutput:
    """How video is enhanced and written.

    Attributes:
        gate: lets lit frames through as they are; None enhances all.
        smooth: see `Frames`.
        crf: see `CRF`.
        preset: see `PRESET`.
        adjust: strength and brightness.
    """

    gate: Gate | None = None
    smooth: float = 0.0
    crf: int = CRF
    preset: str = PRESET
    adjust: Adjust = field(default_factory=Adjust)


@dataclass(frozen=True)
class Progress:
    """How far a video is.

    Attributes:
        source: the video.
        frames: written so far.
        total: expected; None where the file does not tell.
    """

    source: Path
    frames: int
    total: int | None


@dataclass(frozen=True)
class Enhanced:
    """What became of a video.

    Attributes:
        target: the file.
        frames: written.
        lit: of these, frames that the gate let through.
        damaged: packets that could not be decoded.
        resized: frames of another size than the first, which were scaled to it.
    """

    target: Path
    frames: int
    lit: int
    damaged: int
    resized: int


def enhance_videos(
    enhancer: Enhancer,
    plan: Sequence[tuple[Path, Path]],
    output: VideoOutput | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[Enhanced]:
    """Enhances videos one after the other; one that fails does not stop the others.

    Args:
        enhancer: does the work.
        plan: videos, each with the file that its result goes to, see `plan_videos`.
        output: how they are enhanced and written.
        on_progress: called after every frame.

    Raises:
        DataError: after all others are done: the videos that could not be enhanced, each with the reason.
    """
    done, failures = [], []
    for source, target in plan:
        try:
            done.append(enhance_video(enhancer, source, target, output, on_progress))
        except LleError as error:
            failures.append(str(error) if str(source) in str(error) else f"{source}: {error}")
        # FFmpeg or a backend may raise anything at a video nobody has thought of; the others are still done, and this one is reported.
        except Exception as error:
            LOG.debug("%s", source, exc_info=True)
            failures.append(f"{source} cannot be read or enhanced ({type(error).__name__}: {first_line(error)}). It may be damaged.")
    if failures:
        others = f" The other {len(done)} are done." if done else ""
        raise DataError(
            "\n".join([f"{len(failures)} of {len(plan)} videos could not be enhanced.{others}", *(f"  {one}" for one in failures)])
        )
    return done


def enhance_video(
    enhancer: Enhancer,
    source: Path,
    target: Path,
    output: VideoOutput | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Enhanced:
    """Enhances one video.

    Sound tracks are copied, and time stamps, also uneven ones, colour space and rotation are kept. What cannot be decoded is left out,
    with a warning.

    Args:
        enhancer: does the work.
        source: the video, of any format that FFmpeg decodes.
        target: ends in one of `WRITES`; an older file stays until the new one is whole.
        output: how it is enhanced and written.
        on_progress: called after every frame.

    Raises:
        DataError: it cannot be opened, or not one frame of it decoded.
        LleError: the method failed, or the target cannot be written.
    """
    output = output or VideoOutput()
    frames = Frames(enhancer, output.gate, output.smooth, output.adjust)
    with Source(str(source)) as opened, atomic_path(target) as temporary:
        work = _Work(opened, temporary, frames, output)
        try:
            for number in work.run():
                if on_progress is not None:
                    on_progress(Progress(source, number, work.total))
        finally:
            work.close()
        if not work.written:
            raise DataError(f"{source}: not one frame could be decoded. It is damaged, or no video.")
    for warning in work.warnings(target):
        LOG.warning("%s: %s", source, warning)
    return Enhanced(target, work.written, frames.lit, opened.damaged, work.resized)


class _Work:
    """One video on its way."""

    def __init__(self, source: Source, target: Path, frames: Frames, output: VideoOutput) -> None:
        self.source, self.target, self.frames, self.output = source, target, frames, output
        self.rate = source.rate or _RATE
        duration = source.duration
        self.total = source.video.frames or (None if duration is None else round(duration * self.rate)) or None
        self.written = self.resized = 0
        self.sink: Sink | None = None
        self._base = Fraction(source.video.time_base or CLOCK)
        self._early: list[Any] = []  # sound before the first frame
        self._next = 0
        self._reached = 0.0

    def run(self) -> Any:
        """Yields the number of frames written after each of them."""
        for packet in self.source.packets(self.source.audio):
            if packet.stream.type != "video":
                if self.sink is None:
                    self._early.append(packet)
                else:
                    self.sink.copy(packet)
                continue
            for frame in self.source.decode(packet):
                self._write(frame)
                yield self.written
        if self.sink is not None:
            self.sink.finish()

    def _write(self, frame: Any) -> None:
        pts = frame.pts if frame.pts is not None else self._next
        self._next = pts + max(1, round(1 / (self.rate * self._base)))
        self._reached = float(pts * self._base)
        if self.sink is None:
            self.sink = self._open(frame)
        self.resized += (frame.height, frame.width) != self.sink.size
        picture = picture_of(frame, self.sink.size)
        enhanced = self.frames(picture, self._reached)
        self.sink.write(frame if enhanced is picture else enhanced, pts)
        self.written += 1

    def _open(self, frame: Any) -> Sink:
        fast = {"movflags": "+faststart"} if self.target.suffix.lower() != ".mkv" else {}
        encoder = {"crf": str(self.output.crf), "preset": self.output.preset}
        sink = Sink(
            str(self.target), (frame.height, frame.width), self.rate, self._base, frame, self.source.audio, options=fast, encoder=encoder
        )
        for packet in self._early:
            sink.copy(packet)
        self._early = []
        return sink

    def close(self) -> None:
        if self.sink is not None:
            self.sink.close()

    def warnings(self, target: Path) -> list[str]:
        """Returns what a user should know of the result."""
        found = []
        if self.source.damaged:
            found.append(f"{self.source.damaged} damaged parts could not be decoded; {self.written} frames are in {target}.")
        duration = self.source.duration
        if duration is not None and duration - self._reached > max(1.0, 0.05 * duration):
            found.append(
                f"it ends after {self._reached:.1f} of {duration:.1f} s; the {self.written} frames that are there are in {target}."
            )
        if self.resized:
            found.append(f"{self.resized} frames of another size were scaled to that of the first one.")
        if self.sink is not None and self.sink.silent:
            found.append(f"{target.suffix} cannot hold sound as {', '.join(self.sink.silent)}; write .mkv to keep it.")
        return found


def plan_videos(sources: Sequence[Path], out: Path, force: bool = False, skip_existing: bool = False) -> list[tuple[Path, Path]]:
    """Pairs every video with the file its result goes to, and refuses what would lose something.

    Args:
        sources: files.
        out: a folder; or, for a single video, a name that ends like one that can be written.
        force: existing files may be replaced, inputs excepted.
        skip_existing: leave out videos whose result exists.

    Raises:
        DataError: a video does not exist, two results would have one name, a result exists, or would replace an input.
    """
    one_file = is_video(out) and not out.is_dir()
    if one_file and out.suffix.lower() not in WRITES:
        raise DataError(f"{out}: video cannot be written as {out.suffix}. Choose a name that ends in {', '.join(WRITES)}, or a folder.")
    if one_file and len(sources) != 1:
        raise DataError(f"{out} names one video, but there are {len(sources)} inputs. Name a folder, such as {out.with_suffix('')}.")
    missing = [str(path) for path in sources if not path.exists()]
    if missing:
        raise DataError(f"these inputs do not exist: {', '.join(missing)}")
    plan = [(source, out if one_file else out / f"{source.stem}{FORMAT}") for source in sources]
    require_free(plan, force or skip_existing)
    return [(source, target) for source, target in plan if force or not target.exists()]
