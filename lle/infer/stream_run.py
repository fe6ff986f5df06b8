"""Running cameras side by side until they end or someone stops them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lle.errors import LleError
from lle.infer.stream import Camera
from lle.infer.stream_metrics import Lines, serve


def run(
    cameras: Sequence[Camera],
    on_line: Callable[[str], None],
    port: int | None = None,
    seconds: float | None = None,
    on_second: Callable[[], None] | None = None,
) -> None:
    """Runs cameras; returns when all have ended, which only files do, or after some time.

    Args:
        cameras: with different names and targets.
        on_line: receives a line a camera and second.
        port: on which metrics are served, see `lle.infer.stream_metrics.serve`; None serves none.
        seconds: after which they are stopped; None does not.
        on_second: called once a second.

    Raises:
        LleError: two cameras write to one target, or the metrics cannot be served.
    """
    targets = [camera.target for camera in cameras]
    if len(set(targets)) < len(targets):
        raise LleError("two cameras cannot write to one target. Name a target for each.")
    server = None if port is None else serve(cameras, port)
    lines = [Lines(camera) for camera in cameras]
    begun = shown = time.monotonic()
    try:
        for camera in cameras:
            camera.start()
        while not all(camera.ended.is_set() for camera in cameras):
            now = time.monotonic()
            if seconds is not None and now - begun >= seconds:
                break
            for camera in cameras:
                camera.ended.wait(max(0.0, min(shown + 1, begun + (seconds or now + 9)) - time.monotonic()))
            if (now := time.monotonic()) - shown < 1:
                continue
            for camera, line in zip(cameras, lines, strict=True):
                camera.watch()
                on_line(line.line(now - shown))
            shown = now
            if on_second is not None:
                on_second()
    finally:
        for camera in cameras:
            camera.stop()
        if server is not None:
            server.shutdown()
