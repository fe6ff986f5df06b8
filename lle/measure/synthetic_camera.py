"""A camera that is made here: it films a dark roadway that is none, and has the troubles that cameras have.

It serves MPEG-TS over TCP, as many cameras and recorders do; that of `lle.measure.rtsp_camera` speaks RTSP. Every frame carries its
number in squares at the top, so that whoever shows the enhanced stream can tell when that frame was sent.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

RATE = 25
LOOP = 64
"""Frames after which the film begins again; numbers are told from each other within as many frames."""
_SQUARE = 16
_BITS = 6
_TICK = Fraction(1, RATE)
Trouble = Literal["runs", "stalls", "resized", "corrupt", "gone"]


@dataclass(frozen=True)
class Step:
    """What the camera does for a while.

    Attributes:
        what: `runs`; `stalls`, connected and silent; `resized`, with frames of another size; `corrupt`, with bytes changed in one packet
            of ten; `gone`, without a connection.
        seconds: for how long.
    """

    what: Trouble
    seconds: float


def number_of(picture: NDArray[np.uint8]) -> int:
    """Reads the number in the squares of a frame, before or after enhancement.

    Args:
        picture: H x W x 3, of the size at which it was made.
    """
    squares = [float(picture[4 : _SQUARE - 4, left + 4 : left + _SQUARE - 4].mean()) for left in range(0, (_BITS + 2) * _SQUARE, _SQUARE)]
    limit = (squares[0] + squares[1]) / 2  # one is always black, one always bright
    return sum(1 << bit for bit, value in enumerate(squares[2:]) if value > limit)


def scene(number: int, size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Returns a dark frame: a lamp that moves over a rough wall, noise, and the number.

    Args:
        number: of the frame.
        size: height and width, from 128 up.
        seed: of the wall and the noise.
    """
    height, width = size
    wall = np.random.default_rng(seed).random((height, width, 1), np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    centre = width * (0.5 + 0.3 * np.sin(2 * np.pi * number / LOOP))
    light = 0.05 + 0.5 * np.exp(-((x - centre) ** 2 + (y - height / 2) ** 2) / (0.15 * width) ** 2)
    noise = np.random.default_rng((seed, number)).normal(0, 2, (height, width, 3))
    picture = np.clip(255 * light[..., None] * (0.5 + 0.5 * wall) + noise, 0, 255).astype(np.uint8)
    for place, lit in enumerate([False, True, *(bool(number >> bit & 1) for bit in range(_BITS))]):
        picture[:_SQUARE, place * _SQUARE : (place + 1) * _SQUARE] = 90 if lit else 0
    return picture


def film(size: tuple[int, int], frames: int = LOOP) -> list[bytes]:
    """Returns frames encoded as H.264 in MPEG-TS, the bytes of each; the first begins with all that a decoder needs."""
    import av

    buffer, parts = io.BytesIO(), []
    with av.open(buffer, "w", format="mpegts", options={"flush_packets": "1"}) as container:
        video: Any = container.add_stream(
            "libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency", "g": str(RATE), "crf": "20"}
        )
        video.height, video.width, video.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(scene(number, size), format="rgb24")
            frame.pts, frame.time_base = number, _TICK
            before = buffer.tell()
            container.mux(video.encode(frame))
            parts.append(buffer.getvalue()[before:])
    return parts


class SyntheticCamera:
    """Serves the film to one viewer at a time, and goes through its steps, again and again.

    Args:
        steps: what it does; the clock starts with `start`.
        size: height and width of its frames, from 128 up.
        other: the size of its frames while it is `resized`.
        seed: of the bytes that it changes.

    Attributes:
        sent: by the number of a frame, when it was sent last, in seconds of `time.monotonic`.
        frames: that were sent.
    """

    def __init__(
        self,
        steps: Sequence[Step] = (Step("runs", 60.0),),
        size: tuple[int, int] = (360, 640),
        other: tuple[int, int] = (240, 320),
        seed: int = 0,
    ) -> None:
        self.steps = tuple(steps)
        self._films = {"runs": film(size), "resized": film(other)}
        self._rng = np.random.default_rng(seed)
        self._stop = threading.Event()
        self.sent: dict[int, float] = {}
        self.frames = 0
        self._listener = _listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="synthetic camera", daemon=True)
        self._begun = 0.0

    @property
    def address(self) -> str:
        """Where it can be watched."""
        return f"tcp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts serving."""
        self._begun = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stop.set()
        self._thread.join(5)
        self._listener.close()

    def step(self) -> Trouble:
        """Returns what it does now."""
        at = (time.monotonic() - self._begun) % sum(step.seconds for step in self.steps)
        for step in self.steps:
            at -= step.seconds
            if at < 0:
                return step.what
        return self.steps[-1].what

    def _serve(self) -> None:
        while not self._stop.is_set():
            if self.step() == "gone":
                self._listener.close()
                while self.step() == "gone" and not self._stop.is_set():
                    time.sleep(0.02)
                self._listener = _listen(self.port)
            try:
                viewer, _ = self._listener.accept()
            except TimeoutError:
                continue
            with viewer:
                viewer.settimeout(5)
                try:
                    self._send(viewer)
                except OSError:
                    continue  # the viewer has left

    def _send(self, viewer: socket.socket) -> None:
        number, due, before = 0, time.monotonic(), "runs"
        while not self._stop.is_set():
            what = self.step()
            if what == "gone":
                return
            if (what == "resized") != (before == "resized"):
                number = 0  # another film begins at its beginning
            before = what
            if what != "stalls":
                part = self._films["resized" if what == "resized" else "runs"][number]
                self.sent[number] = time.monotonic()
                viewer.sendall(self._damaged(part) if what == "corrupt" else part)
                self.frames += 1
                number = (number + 1) % LOOP
            due += 1 / RATE
            time.sleep(max(0.0, due - time.monotonic()))

    def _damaged(self, part: bytes) -> bytes:
        found = np.frombuffer(part, np.uint8).copy()
        for start in range(0, len(found), 188):
            if self._rng.random() < 0.1:
                where = self._rng.integers(start, min(start + 188, len(found)), 8)
                found[where] = self._rng.integers(0, 256, 8, dtype=np.uint8)
        return found.tobytes()


def _listen(port: int) -> socket.socket:
    listener = socket.create_server(("127.0.0.1", port))
    listener.settimeout(0.2)
    return listener


class Viewer:
    """Takes what a stream sends to a TCP address, decodes it, and measures how old each frame is.

    Args:
        sent: when each frame was sent, see `SyntheticCamera.sent`.

    Attributes:
        address: to send to.
        ages: of the latest frames, seconds from the sending of each frame by the camera until it was decoded here.
        frames: that came.
        sizes: height and width of them.
    """

    OPTIONS: ClassVar[Mapping[str, str]] = {"fflags": "noparse", "probesize": "32", "analyzeduration": "0"}
    """Of FFmpeg: nothing is looked at beforehand, and a packet is a frame, so none has to wait for the next."""

    def __init__(self, sent: Mapping[int, float]) -> None:
        self._sent = sent
        self.address = self._settle()
        self.ages: deque[float] = deque(maxlen=10_000)
        self.frames = 0
        self.sizes: set[tuple[int, int]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="viewer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it; what sends to it should have ended before."""
        self._stop.set()
        self._thread.join(5)
        self._leave()

    def _settle(self) -> str:
        """Chooses an address at which it can be found."""
        self._listener = _listen(0)
        return f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def _leave(self) -> None:
        self._listener.close()

    @contextmanager
    def _sender(self) -> Iterator[Any]:
        """Waits a while for a sender and yields what it sends, an input container of PyAV."""
        import av

        sender, _ = self._listener.accept()
        sender.settimeout(60)
        with sender, sender.makefile("rb", 0) as stream, av.open(stream, format="mpegts", options=dict(self.OPTIONS)) as container:
            yield container

    def _watch(self) -> None:
        import av

        while not self._stop.is_set():
            try:
                with self._sender() as container:
                    context = container.streams.video[0].codec_context
                    context.thread_type, context.thread_count = "SLICE", 1
                    for frame in container.decode(video=0):
                        self._see(frame, time.monotonic())
                        if self._stop.is_set():
                            return
            except (av.FFmpegError, OSError, IndexError):
                continue  # nobody came, or the sender has left

    def _see(self, frame: Any, now: float) -> None:
        picture = frame.to_ndarray(format="rgb24")
        self.frames += 1
        self.sizes.add(picture.shape[:2])
        if (number := number_of(picture)) in self._sent:
            self.ages.append(now - self._sent[number])
