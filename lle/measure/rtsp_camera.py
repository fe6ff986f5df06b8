"""A camera that is made here and speaks RTSP: it films what the synthetic camera films, and announces itself to whoever listens."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from lle.measure.synthetic_camera import LOOP, RATE, free_port, scene

LISTENS: Mapping[str, str] = {"rtsp_flags": "listen", "listen_timeout": "30"}
"""Options of FFmpeg with which a source waits for this camera: there is no server between the two."""
_TICK = Fraction(1, 90_000)


class RtspCamera:
    """Sends 25 frames a second as H.264 in RTP, over one TCP connection; when the other side ends it, it announces itself again.

    Args:
        size: height and width of its frames, from 128 up.

    Attributes:
        address: where a source listens for it, with the options `LISTENS`.
        sent: by the number of a frame, when it was sent last, in seconds of `time.monotonic`.
        frames: that were sent.
    """

    def __init__(self, size: tuple[int, int] = (360, 640)) -> None:
        import av

        self.address = f"rtsp://127.0.0.1:{free_port()}/camera"
        self.sent: dict[int, float] = {}
        self.frames = 0
        self._size = size
        # Made before: the camera must not take the time of what is measured.
        self._film = [av.VideoFrame.from_ndarray(scene(number, size), format="rgb24").reformat(format="yuv420p") for number in range(LOOP)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="RTSP camera", daemon=True)

    def start(self) -> None:
        """Begins to announce itself."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        import av

        while not self._stop.is_set():
            try:
                with av.open(self.address, "w", format="rtsp", options={"rtsp_transport": "tcp"}) as container:
                    self._send(container)
            except (av.FFmpegError, OSError):
                self._stop.wait(0.2)  # nobody listens yet, or any more

    def _send(self, container: Any) -> None:
        video: Any = container.add_stream(
            "libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency", "g": str(RATE), "crf": "20"}
        )
        video.height, video.width, video.pix_fmt = *self._size, "yuv420p"
        video.codec_context.time_base = _TICK
        begun, number = time.monotonic(), 0
        while not self._stop.is_set():
            frame = self._film[number % LOOP]
            frame.pts, frame.time_base, frame.pict_type = round(number / RATE / _TICK), _TICK, 0
            self.sent[number % LOOP] = time.monotonic()
            container.mux(video.encode(frame))
            self.frames += 1
            number += 1
            self._stop.wait(max(0.0, begun + number / RATE - time.monotonic()))
