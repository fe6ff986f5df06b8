"""A synthetic camera and a viewer that speak RTSP.

FFmpeg serves no RTSP, but it can wait for a sender that announces itself (ANNOUNCE, RECORD) and take its stream as it would take that of
a camera which it asks for it: RTP in the same TCP connection.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import Any, ClassVar

from lle.infer.stream_target import muxer
from lle.measure.synthetic_camera import LOOP, RATE, Viewer, film

LISTEN: Mapping[str, str] = {"rtsp_flags": "listen", "listen_timeout": "20", "rtsp_transport": "tcp"}
"""Options of FFmpeg with which an RTSP source waits for a sender; without a time in seconds it refuses to wait."""
_CLOCK = Fraction(1, 90_000)


def free_address() -> str:
    """Returns an RTSP address of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"rtsp://127.0.0.1:{found.getsockname()[1]}/live"


class RtspCamera:
    """Sends the film of the synthetic camera to an RTSP address, again and again, and tries anew where nobody takes it.

    Args:
        address: at which a receiver waits, see `LISTEN`.
        size: height and width of its frames, from 128 up.

    Attributes:
        sent: by the number of a frame, when it was sent last, in seconds of `time.monotonic`.
    """

    def __init__(self, address: str, size: tuple[int, int] = (360, 640)) -> None:
        self.address = address
        self.sent: dict[int, float] = {}
        self._film = b"".join(film(size))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="RTSP camera", daemon=True)

    def start(self) -> None:
        """Starts sending."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it; whoever receives it should still be there."""
        self._stop.set()
        self._thread.join(5)

    def _work(self) -> None:
        import av

        source: Any
        with av.open(io.BytesIO(self._film), format="mpegts") as source:
            packets = [(bytes(packet), packet.is_keyframe) for packet in source.demux(video=0) if packet.size]
            while not self._stop.is_set():
                with suppress(av.FFmpegError, OSError):
                    self._send(source.streams.video[0], packets)
                self._stop.wait(0.1)

    def _send(self, like: Any, packets: list[tuple[bytes, bool]]) -> None:
        import av

        kind, options = muxer(self.address, 5.0)
        target: Any
        with av.open(self.address, "w", format=kind, options=options) as target:
            stream = target.add_stream_from_template(like)
            number, due = 0, time.monotonic()
            while not self._stop.is_set():
                packet: Any = av.Packet(packets[number % LOOP][0])
                packet.stream, packet.time_base, packet.is_keyframe = stream, _CLOCK, packets[number % LOOP][1]
                packet.pts = packet.dts = round(number / (RATE * _CLOCK))
                self.sent[number % LOOP] = time.monotonic()
                target.mux(packet)
                number += 1
                due += 1 / RATE
                time.sleep(max(0.0, due - time.monotonic()))


class RtspViewer(Viewer):
    """Takes what a stream sends to an RTSP address, see `Viewer`.

    FFmpeg does not look at RTP's marker of a frame's end, so it gives a frame out when the next one begins.

    Args:
        sent: when each frame was sent, see `RtspCamera.sent`.
    """

    OPTIONS: ClassVar[Mapping[str, str]] = {"probesize": "32", "analyzeduration": "0", **LISTEN}

    def _settle(self) -> str:
        return free_address()

    def _leave(self) -> None:
        """Nothing is open between two senders."""

    @contextmanager
    def _sender(self) -> Iterator[Any]:
        import av

        # Where nobody comes in that time, `_watch` looks whether it should end.
        with av.open(self.address, format="rtsp", options=dict(self.OPTIONS), timeout=(2.0, 60.0)) as container:
            yield container
