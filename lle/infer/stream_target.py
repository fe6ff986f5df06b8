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
_RATE = Fraction(25)  # nominal: every frame has a time of its own


@dataclass(frozen=True)
class StreamSettings:
    """How a stream is run.

    Attributes:
        stall: see `STALL`.
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

    def write(self, picture: NDArray[np.uint8] | av.VideoFrame, like: av.VideoFrame, seconds: float) -> bool:
        """Writes a frame and says whether that was possible; where it was not, the target is tried again after a pause."""
        if self.sink is None and time.monotonic() < self.next_try:
            return False
        try:
            if self.sink is None:
                self.sink = self._open(like)
            self.sink.write(_fitted(picture, self.sink.size), round(seconds / CLOCK))
            self.pause = self.settings.pauses[0]
            return True
        except LleError as error:
            LOG.warning("%s: %s It is tried again in %.1f s.", self.name, error, self.pause)
            self.close()
            self.next_try = time.monotonic() + self.pause
            self.pause = min(2 * self.pause, self.settings.pauses[1])
            return False

    def _open(self, like: av.VideoFrame) -> Sink:
        protocol = self.target.partition("://")[0] if not is_file(self.target) else ""
        options = {**PROTOCOL.get(protocol, {}), **({"flush_packets": "1"} if protocol else {})}
        encoder = {"crf": str(self.settings.crf), "preset": self.settings.preset, "tune": "zerolatency", "g": "50"}
        return Sink(
            self.target,
            (like.height, like.width),
            _RATE,
            CLOCK,
            like,
            format=_MUXERS.get(protocol),
            options=options,
            encoder=encoder,
            seconds=self.settings.stall if protocol else None,
        )

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
