"""A run of MLflow that is written from a background thread and never holds up whoever gives it values."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lle.errors import LleError
from lle.tracking import store
from lle.tracking.pictures import side_by_side
from lle.tracking.send import allowed, experiment_id, send_metrics, send_parameters, send_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from PIL import Image

LOG = logging.getLogger("lle.tracking")
SECONDS = 5
"""Longest wait for one answer of a server."""
RETRIES = 1
CAPACITY = 2000
"""Messages that wait at most; further ones are dropped."""
BATCH = 500
"""Messages that are sent together at most."""


@dataclass(frozen=True)
class _Values:
    """Metrics at a step; `when` is in milliseconds."""

    metrics: Mapping[str, float]
    step: int
    when: int


@dataclass(frozen=True)
class _Parameters:
    texts: Mapping[str, str]


@dataclass(frozen=True)
class _Pictures:
    name: str
    pictures: tuple[tuple[str, Image.Image], ...]
    step: int


@dataclass(frozen=True)
class _End:
    status: str


class BackgroundRun:
    """A run, written by a thread of its own.

    A store that is down, slow or lost costs one warning. Nothing that is lost is tried again: the next synchronisation of the
    result files fills it in.
    """

    def __init__(self, uri: str, experiment: str, name: str, key: str, tags: Mapping[str, object], capacity: int = CAPACITY) -> None:
        """Starts the thread.

        Args:
            uri: the store.
            experiment: name of the experiment.
            name: of the run: the stage of the pipeline.
            key: see `lle.tracking.runs.training_key`; an unfinished run with the same key is continued.
            tags: further tags.
            capacity: messages that wait at most.
        """
        self.uri = uri
        self.experiment = experiment
        self.name = name
        self.run_id: str | None = None
        self.dropped = 0
        """Number of messages that found no place in the queue."""
        self._key = key
        self._tags = {**tags, store.RUN: name, store.LIVE: "true", store.TRAINING_KEY: key}
        self._known: set[str] = set()
        self._messages: queue.Queue[_Values | _Parameters | _Pictures | _End] = queue.Queue(capacity)
        self._lost = threading.Event()
        self._warned = False
        self._thread = threading.Thread(target=self._work, name="lle-mlflow", daemon=True)
        self._thread.start()

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Gives metrics at a step; returns at once."""
        self._put(_Values(dict(values), step, int(time.time() * 1000)))

    def parameters(self, texts: Mapping[str, str]) -> None:
        """Gives parameters; returns at once."""
        self._put(_Parameters(dict(texts)))

    def pictures(self, name: str, pictures: tuple[tuple[str, Image.Image], ...], step: int) -> None:
        """Gives labelled pictures, which are shown side by side; returns at once."""
        self._put(_Pictures(name, pictures, step))

    def close(self, status: str, seconds: float) -> None:
        """Ends the run.

        Args:
            status: `FINISHED`, `FAILED` or `KILLED`.
            seconds: longest wait for what is still in the queue.
        """
        if not self._thread.is_alive():
            return
        end = time.monotonic() + seconds
        try:
            self._messages.put(_End(status), timeout=seconds)
        except queue.Full:
            self._lost.set()
        self._thread.join(max(0.0, end - time.monotonic()))
        if self._thread.is_alive():
            self._lost.set()
            self._warn(f"it is too slow: not everything was sent within {seconds:g} s of the end")
        elif self.dropped:
            self._warn(f"it is too slow: {self.dropped} entries were dropped")

    def _put(self, message: _Values | _Parameters | _Pictures) -> None:
        if self._lost.is_set():
            return
        try:
            self._messages.put_nowait(message)
        except queue.Full:
            self.dropped += 1

    def _warn(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            LOG.warning(
                "The training goes on without the MLflow store %s: %s. `lle mlflow sync` fills in what is missing.", self.uri, reason
            )

    def _work(self) -> None:
        # Imported here, because it takes seconds in which the training can go on.
        from mlflow.exceptions import MlflowException

        try:
            client = store.client(self.uri, SECONDS, RETRIES)
            run_id = self._begin(client)
            monitor = _system_metrics(run_id, self.uri)
            while not self._lost.is_set():
                messages = self._take()
                self._send(client, run_id, messages)
                if isinstance(messages[-1], _End):
                    if monitor is not None:
                        monitor.finish()
                    client.set_terminated(run_id, messages[-1].status)
                    return
        except (MlflowException, LleError, OSError) as error:
            self._lost.set()
            self._warn(" ".join(str(error).split())[:300])

    def _begin(self, client: MlflowClient) -> str:
        """Makes the run, or continues one of the same training that was interrupted."""
        experiment = experiment_id(client, self.experiment)
        found = client.search_runs([experiment], f"tags.`{store.RUN}` = '{self.name}' AND tags.`{store.TRAINING_KEY}` = '{self._key}'")
        for run in found:
            if store.DIGEST not in run.data.tags:
                self._known = set(run.data.params)
                client.update_run(run.info.run_id, status="RUNNING")
                self.run_id = str(run.info.run_id)
                return self.run_id
        made = client.create_run(experiment, tags={store.RUN: self.name, store.LIVE: "true"}, run_name=self.name)
        self.run_id = str(made.info.run_id)
        send_tags(client, self.run_id, self._tags)
        return self.run_id

    def _take(self) -> list[_Values | _Parameters | _Pictures | _End]:
        """Returns what waits, at least one message."""
        found = [self._messages.get()]
        while len(found) < BATCH and not isinstance(found[-1], _End):
            try:
                found.append(self._messages.get_nowait())
            except queue.Empty:
                break
        return found

    def _send(self, client: MlflowClient, run_id: str, messages: list[_Values | _Parameters | _Pictures | _End]) -> None:
        from mlflow.entities import Metric

        values = [
            Metric(allowed(name), float(value), one.when, one.step)
            for one in messages
            if isinstance(one, _Values)
            for name, value in one.metrics.items()
        ]
        send_metrics(client, run_id, values)
        for one in messages:
            if isinstance(one, _Parameters):
                new = {key: text for key, text in one.texts.items() if allowed(key) not in self._known}
                self._known |= set(map(allowed, new))
                send_parameters(client, run_id, new)
            elif isinstance(one, _Pictures):
                client.log_image(run_id, side_by_side(one.pictures), key=allowed(one.name), step=one.step)


def _system_metrics(run_id: str, uri: str):  # type: ignore[no-untyped-def]  # MLflow's class has no types
    """Starts MLflow's own monitor of processor, memory and GPU; None where psutil is not installed."""
    try:
        import psutil  # noqa: F401
    except ImportError:
        return None
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor = SystemMetricsMonitor(run_id, tracking_uri=uri)
    monitor.start()
    return monitor
