"""The counters of live streams: a line for the terminal, and Prometheus metrics for a monitor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from lle.errors import LleError
from lle.infer.stream import Camera

QUANTILES = (0.5, 0.95, 0.99)
_COUNTERS = {
    "received": "Frames that were decoded.",
    "sent": "Frames that were written.",
    "dropped": "Frames that a newer one replaced in the queue.",
    "lit": "Frames that the darkness gate let through as they were.",
    "damaged": "Packets that could not be decoded.",
    "unsent": "Frames that could not be enhanced or written.",
    "restarts": "Times that the source was started again.",
}


class Collector:
    """Gives a Prometheus registry the counters of cameras at the moment it asks.

    Args:
        cameras: with different names.
    """

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self.cameras = cameras

    def collect(self) -> Iterator[Any]:
        """Yields counters `lle_frames_<what>_total` and so on, and gauges of the queue and of the delay, by camera."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"lle_stream_{name}", text, labels=["camera"])
            for camera in self.cameras:
                counter.add_metric([camera.name], getattr(camera.counters, name))
            yield counter
        queue = GaugeMetricFamily("lle_stream_queue_frames", "Frames that wait.", labels=["camera"])
        delay = GaugeMetricFamily(
            "lle_stream_latency_seconds", "From arrival to writing, over the latest 1000 frames.", labels=["camera", "quantile"]
        )
        for camera in self.cameras:
            queue.add_metric([camera.name], camera.counters.waiting)
            for share in QUANTILES:
                if (value := camera.counters.latency(share)) is not None:
                    delay.add_metric([camera.name, str(share)], value)
        yield queue
        yield delay


def serve(cameras: Sequence[Camera], port: int, address: str = "127.0.0.1") -> Any:
    """Serves the metrics over HTTP under `/metrics` until the process ends.

    Args:
        cameras: whose counters are served.
        port: of TCP; 0 takes a free one.
        address: on which it listens.

    Returns:
        The server; `server_port` is its port and `shutdown()` ends it.

    Raises:
        LleError: prometheus-client is not installed, or the port is taken.
    """
    if find_spec("prometheus_client") is None:
        raise LleError("the metrics of a stream need prometheus-client, which is not installed: pip install 'lle-suite[video]'")
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry()
    registry.register(Collector(cameras))
    try:
        server, _ = start_http_server(port, address, registry)
    except OSError as error:
        raise LleError(f"the port {port} cannot be used for metrics: {error.strerror}. Choose another one.") from error
    return server


class Lines:
    """Says in a line a second what a camera did since the last one.

    Args:
        camera: the camera.
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self._received = self._sent = 0

    def line(self, seconds: float) -> str:
        """Returns the line.

        Args:
            seconds: since the last one.
        """
        now = self.camera.counters
        received, sent = (now.received - self._received) / seconds, (now.sent - self._sent) / seconds
        self._received, self._sent = now.received, now.sent
        median, slow = (now.latency(share) for share in QUANTILES[:2])
        delay = "" if median is None or slow is None else f", latency {1000 * median:.0f} ms, 95 % within {1000 * slow:.0f} ms"
        rest = {"dropped": now.dropped, "lit": now.lit, "damaged": now.damaged, "unsent": now.unsent, "restarts": now.restarts}
        counted = "".join(f", {value} {name}" for name, value in rest.items() if value)
        return f"{self.camera.name}: {received:.1f} frames/s in, {sent:.1f} out, {now.waiting} waiting{delay}{counted}"
