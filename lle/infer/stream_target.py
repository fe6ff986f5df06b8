"""Where a live stream goes: a server, or a file, that may be gone for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from lle.errors import LleError
from lle.infer.containers import CLOCK, is_file
from lle.infer.sink import Sink

if TYPE_CHECKING:
    import av

LOG = logging.getLogger(__name__)

STALL = 20.0
"""Seconds without a frame after which a source is started again."""
QUEUE = 2
"""Frames that wait for a method that is busy; each adds to the delay."""
PAUSES = (1.0, 30.0)
"""First and longest pause before a source or target is tried again, in seconds; each is twice the one before."""
_MUXERS = {"rtsp": "rtsp", "rtmp": "flv", "rtmps": "flv", "udp": "mpegts", "tcp": "mpegts", "srt": "mpegts", "rtp": "rtp_mpegts"}
PROTOCOL: Mapping[str, Mapping[str, str]] = {"rtsp": {"rtsp_transport": "tcp"}}
"""Options of FFmpeg by protocol: RTSP in one TCP connection loses no packets and passes firewalls."""
_HEADED = ("rtsp", "flv")
"""Muxers that want the encoder's parameters before the first frame; the others repeat them in the frames."""
_WHOLE: Mapping[str, Mapping[str, str]] = {"mpegts": {"omit_video_pes_length": "0"}}
"""Options by muxer: with its length told, a receiver has a frame when its last byte has come, and not with the first of the next frame."""
_RATE = Fraction(25)  # nominal: every frame has a time of its own


@dataclass(frozen=True)
class StreamSettings:
    """How a stream is run.

    Attributes:
        stall: see `STALL`; a target, too, may take as long to answer.
        queue: see `QUEUE`.
        pauses: see `PAUSES`.
        options: of FFmpeg for the source, by name, such as `rtsp_transport: udp`.
        crf: quality of the result, see `lle.infer.video.CRF`.
        preset: of libx264.
    """

    stall: float = STALL
    queue: int = QUEUE
    pauses: tuple[float, float] = PAUSES
    options: Mapping[str, str] = field(default_factory=dict)
    crf: int = 23
    preset: str = "ultrafast"

    def __post_init__(self) -> None:
        if not (self.stall > 0 and self.queue >= 1 and 0 < self.pauses[0] <= self.pauses[1]):
            raise LleError(
                "a stream needs a time above 0 after which it counts as stalled, a queue of at least one frame, and pauses above 0."
            )


def muxer(address: str, seconds: float) -> tuple[str | None, dict[str, str]]:
    """Returns the format and options with which FFmpeg sends to an address.

    FFmpeg's `fifo` opens the connection and sends in a thread of its own, behind a queue of one packet. PyAV holds the interpreter's lock
    while it opens a connection, so a server that does not answer would otherwise stop all cameras of the process. What is opened so must
    be closed, even after a failure: FFmpeg frees it only when that thread has ended.

    Args:
        address: with its protocol; one of a protocol that is not known here is opened without such a thread and limit.
        seconds: for which one answer or one packet may wait; without a limit FFmpeg waits for ever.
    """
    protocol = address.partition("://")[0]
    if protocol not in _MUXERS:
        return None, {"flush_packets": "1"}
    format = _MUXERS[protocol]
    limit = "timeout" if protocol == "rtsp" else "rw_timeout"
    options = {**PROTOCOL.get(protocol, {}), **_WHOLE.get(format, {}), "flush_packets": "1", limit: str(round(1e6 * seconds))}
    told = ":".join(f"{name}={value}" for name, value in options.items())
    return "fifo", {"fifo_format": format, "queue_size": "1", "format_opts": told}


class Target:
    """Writes to a target that may be gone for a while.

    Args:
        target: address or file.
        settings: how.
        name: of the camera, for messages.
    """

    def __init__(self, target: str, settings: StreamSettings, name: str) -> None:
        self.target, self.settings, self.name = target, settings, name
        self.sink: Sink | None = None
        self.pause = settings.pauses[0]
        self.next_try = 0.0
        self._opened = 0.0
        self._given = 0  # frames since then

    def write(self, picture: NDArray[np.uint8] | av.VideoFrame, like: av.VideoFrame, seconds: float) -> bool:
        """Writes a frame and says whether that was possible; where it was not, the target is tried again after a pause.

        The first frame of a connection waits until it stands, or fails. Whether it went out is not known, so it counts as not written.
        """
        if self.sink is None and time.monotonic() < self.next_try:
            return False
        try:
            if self.sink is None:
                self._given, self._opened = 0, time.monotonic()
                self.sink = self._open(like)
            self.sink.write(_fitted(picture, self.sink.size), round(seconds / CLOCK))
        except LleError as error:
            self._put_off(str(error))
            return False
        self._given += 1
        if self._given == 1 and not is_file(self.target):
            return False
        self.pause = self.settings.pauses[0]
        return True

    def _put_off(self, reason: str) -> None:
        if self._given < 2 and time.monotonic() - self._opened >= self.settings.stall:
            # FFmpeg would speak of invalid data.
            reason = f"{self.target} did not answer within {self.settings.stall:g} s."
        LOG.warning("%s: %s It is tried again in %.1f s.", self.name, reason, self.pause)
        self.close()
        self.next_try = time.monotonic() + self.pause
        self.pause = min(2 * self.pause, self.settings.pauses[1])

    def _open(self, like: av.VideoFrame) -> Sink:
        format, options = (None, {}) if is_file(self.target) else muxer(self.target, self.settings.stall)
        encoder = {"crf": str(self.settings.crf), "preset": self.settings.preset, "tune": "zerolatency", "g": "50"}
        if options.get("fifo_format") in _HEADED:
            encoder["flags"] = "+global_header"
        return Sink(self.target, (like.height, like.width), _RATE, CLOCK, like, format=format, options=options, encoder=encoder)

    def close(self) -> None:
        """Closes the target, as far as it is there."""
        if self.sink is not None:
            sink, self.sink = self.sink, None
            try:
                sink.finish()
            except LleError as error:
                LOG.debug("%s: %s", self.name, error)
                sink.abandon()


def _fitted(picture: NDArray[np.uint8] | av.VideoFrame, size: tuple[int, int]) -> NDArray[np.uint8] | av.VideoFrame:
    """Returns a frame at the size with which the target was opened: a camera may change its own."""
    if not isinstance(picture, np.ndarray) or picture.shape[:2] == size:
        return picture
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
