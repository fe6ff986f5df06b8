"""Live video: a camera or stream in, an enhanced stream out, for as long as the process runs.

A thread reads and decodes, another enhances and writes. Between them is a short queue that drops its oldest frames, so that a slow
method shows fewer frames and not older ones. What fails is tried again, after longer and longer pauses.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lle.errors import DataError, LleError, first_line
from lle.infer.containers import Source, is_file, picture_of
from lle.infer.stream_target import PROTOCOL, StreamSettings, Target

if TYPE_CHECKING:
    import av

LOG = logging.getLogger(__name__)

Enhance = Callable[[NDArray[np.uint8], float], NDArray[Any]]
"""From a frame, H x W x 3 uint8 RGB, and its time in seconds, to the enhanced frame; to the very array where it is left alone."""

KEPT = 1000
"""Frames over which percentiles of the delay are taken."""
_FAST = {"analyzeduration": "1000000", "probesize": "500000", "fpsprobesize": "0"}
"""Options of FFmpeg by which a source is opened soon: its rate, which nobody needs here, is not counted. The frames that were looked at
are kept (no `nobuffer`): without them, nothing could be shown before the camera's next whole picture. They cause no lasting delay."""


@dataclass
class Counters:
    """What became of the frames of a camera so far.

    Attributes:
        received: frames that were decoded.
        sent: frames that were written.
        dropped: frames that a newer one replaced in the queue.
        lit: of those sent, frames that the gate let through.
        damaged: packets that could not be decoded.
        unsent: frames that could not be written, and the first of every connection, of which that is not known.
        restarts: how often the source was started again.
        waiting: frames in the queue.
        latencies: seconds from the arrival to the writing of the latest frames.
    """

    received: int = 0
    sent: int = 0
    dropped: int = 0
    lit: int = 0
    damaged: int = 0
    unsent: int = 0
    restarts: int = 0
    waiting: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    def latency(self, share: float) -> float | None:
        """Returns a quantile of the delay of the latest frames, in seconds; None before the first."""
        found = list(self.latencies)
        return float(np.quantile(found, share)) if found else None


class Newest:
    """A queue that drops the oldest when it is full.

    Args:
        size: entries that it holds.
    """

    def __init__(self, size: int) -> None:
        self._entries: deque[tuple[av.VideoFrame, float]] = deque()
        self._size = size
        self._changed = threading.Condition()

    def put(self, entry: tuple[av.VideoFrame, float]) -> int:
        """Adds an entry and returns how many were dropped for it."""
        with self._changed:
            dropped = max(0, len(self._entries) + 1 - self._size)
            for _ in range(dropped):
                self._entries.popleft()
            self._entries.append(entry)
            self._changed.notify()
            return dropped

    def get(self, seconds: float) -> tuple[av.VideoFrame, float] | None:
        """Returns the oldest entry, None where none came in time."""
        with self._changed:
            if not self._entries:
                self._changed.wait(seconds)
            return self._entries.popleft() if self._entries else None

    def __len__(self) -> int:
        return len(self._entries)


class Camera:
    """One source, enhanced, to one target.

    Args:
        name: for messages and counters.
        source: address, device or file; a file is shown at its own speed, once.
        target: address or file.
        enhance: does the work.
        settings: how.

    Attributes:
        counters: what became of the frames.
        ended: the source was a file, and all of it is done.
        failure: why a source that is a file gave no frame; None while it may still give one.
    """

    def __init__(self, name: str, source: str, target: str, enhance: Enhance, settings: StreamSettings | None = None) -> None:
        self.name, self.source, self.target, self.enhance = name, source, target, enhance
        self.settings = settings or StreamSettings()
        self.counters = Counters()
        self.ended = threading.Event()
        self.failure: str | None = None
        self._stop = threading.Event()
        self._read_all = threading.Event()
        self._queue = Newest(self.settings.queue)
        self._generation = 0
        self._alive = self._begun = time.monotonic()
        self._worker = threading.Thread(target=self._work, name=f"{name} out", daemon=True)

    def start(self) -> None:
        """Starts reading, enhancing and writing."""
        self._alive = self._begun = time.monotonic()
        self._start_reader()
        self._worker.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Ends it: what is written is closed. Waits for that at most so many seconds."""
        self._stop.set()
        if self._worker.ident is not None:
            self._worker.join(seconds)

    def watch(self) -> None:
        """Replaces a reader that hangs; call it about once a second.

        Reading itself gives up after `settings.stall`; this is for a library that does not come back.
        """
        if self._stop.is_set() or self._read_all.is_set() or time.monotonic() - self._alive < 2 * self.settings.stall + 5:
            return
        LOG.warning("%s: reading %s hangs; it is started again.", self.name, self.source)
        self.counters.restarts += 1
        self._start_reader()

    def _start_reader(self) -> None:
        self._generation += 1
        self._alive = time.monotonic()
        threading.Thread(target=self._read, args=(self._generation,), name=f"{self.name} in", daemon=True).start()

    def _current(self, generation: int) -> bool:
        return generation == self._generation and not self._stop.is_set()

    def _read(self, generation: int) -> None:
        pause = self.settings.pauses[0]
        while self._current(generation):
            before = self.counters.received
            try:
                self._read_once(generation)
                reason = f"{self.source} ended"
            except LleError as error:
                reason = str(error)
            except Exception as error:  # of a library or a driver: the source is opened again
                reason = f"{self.source}: {type(error).__name__}: {first_line(error)}"
            if not self._current(generation):
                return
            if is_file(self.source):
                # A file does not become another one by waiting.
                self.failure = None if self.counters.received > before else reason
                self._read_all.set()
                return
            if self.counters.received > before:
                pause = self.settings.pauses[0]
            LOG.warning("%s: %s. It is started again in %.1f s.", self.name, reason.rstrip("."), pause)
            self.counters.restarts += 1
            self._alive = time.monotonic() + pause
            self._stop.wait(pause)
            pause = min(2 * pause, self.settings.pauses[1])

    def _read_once(self, generation: int) -> None:
        """Reads until the source ends, fails, or gives no frame for too long."""
        local = is_file(self.source)
        protocol = self.source.partition("://")[0]
        options = {} if local else {**_FAST, **PROTOCOL.get(protocol, {}), **self.settings.options}
        stall = self.settings.stall
        with Source(self.source, options, None if local else stall, live=True) as source:
            damaged, last = self.counters.damaged, time.monotonic()
            first: float | None = None
            for packet in source.packets():
                frames = source.decode(packet)
                self.counters.damaged = damaged + source.damaged
                now = time.monotonic()
                for frame in frames:
                    if local and frame.time is not None:
                        first = now - frame.time if first is None else first
                        self._stop.wait(max(0.0, first + frame.time - time.monotonic()))
                    if not self._current(generation):
                        return
                    self._alive = last = time.monotonic()
                    self.counters.received += 1
                    self.counters.dropped += self._queue.put((frame, last))
                    self.counters.waiting = len(self._queue)
                if now - last > stall:
                    raise DataError(f"{self.source}: no frame could be decoded for {stall:g} s")
                if not self._current(generation):
                    return

    def _work(self) -> None:
        target = Target(self.target, self.settings, self.name)
        try:
            self._serve(target)
        finally:
            target.close()
            self.ended.set()

    def _serve(self, target: Target) -> None:
        failure = ""
        while not self._stop.is_set():
            entry = self._queue.get(0.2)
            self.counters.waiting = len(self._queue)
            if entry is None:
                if self._read_all.is_set():
                    break
                continue
            frame, arrived = entry
            try:
                picture = picture_of(frame)
                enhanced = self.enhance(picture, arrived - self._begun)
            # A backend or a driver may raise anything; the thread must not end by it, for nobody would see that.
            except Exception as error:
                self.counters.unsent += 1
                reason = str(error) if isinstance(error, LleError) else f"{type(error).__name__}: {first_line(error)}"
                if reason != failure:
                    failure = reason
                    LOG.error("%s: a frame could not be enhanced: %s", self.name, failure)
                continue
            if target.write(frame if enhanced is picture else enhanced, frame, arrived - self._begun):
                self.counters.sent += 1
                self.counters.lit += enhanced is picture
                self.counters.latencies.append(time.monotonic() - arrived)
            else:
                self.counters.unsent += 1
