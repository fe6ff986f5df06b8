"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters and times of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter("lle_requests", "Requests, by route and status", ["route", "status"], registry=self.registry)
        self._seconds = Histogram(
            "lle_request_seconds", "From a request's header to the end of its answer", ["route"], buckets=SECONDS, registry=self.registry
        )
        self._pictures = Counter("lle_pictures", "Pictures enhanced", ["model"], registry=self.registry)
        self._model = Histogram("lle_model_seconds", "Time of a model for one call", ["model"], buckets=SECONDS, registry=self.registry)
        self._together = Histogram("lle_together", "Pictures in one call", buckets=(1, 2, 4, 8, 16), registry=self.registry)
        self.places = Gauge("lle_places_taken", "Requests that are in the service", registry=self.registry)
        self.mean = 0.0
        """Seconds of the model for a picture, the latest ones counting most."""

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Counts an answer."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def enhanced(self, model: str, pictures: int, seconds: float) -> None:
        """Counts a call of a model."""
        self._pictures.labels(model).inc(pictures)
        self._model.labels(model).observe(seconds)
        self._together.observe(pictures)
        each = seconds / pictures
        self.mean = each if self.mean == 0 else 0.9 * self.mean + 0.1 * each

    def text(self) -> bytes:
        """Returns all of it in Prometheus' text format."""
        return generate_latest(self.registry)
