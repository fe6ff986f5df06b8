"""A training writes its run as it goes; a store that is away costs one warning, and the synchronisation fills the gap."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from results_tree import PROVENANCE

from lle.results.provenance import Provenance
from lle.tracking import store
from lle.tracking.live import LiveLogger
from lle.tracking.stored import StoredRun, stored
from lle.tracking.sync import sync

ORIGIN = Provenance.model_validate(PROVENANCE)
PICTURE = np.full((30, 40, 3), 90, np.uint8)


@pytest.fixture
def uri(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "1")
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


def train(logger: LiveLogger, steps: range) -> None:
    """Logs the values that `losses.csv` of the fixture has."""
    for step in steps:
        phase = "warm" if step < 10 else "fine"
        logger.log_metrics({f"loss/{phase}/colour": 1 / (step + 1), "lr/fit": 1e-4, "images_per_s": 31.0}, step)


def live_run(uri: str) -> StoredRun:
    (found,) = (run for run in stored(uri) if run.name == "train@zero_dce")
    return found


def system_metrics(run: Any) -> list[str]:
    return [name for name in run.data.metrics if name.startswith("system/")]


def test_a_training_is_followed_and_its_run_completed(uri: str, reports: Path, models: Path):
    logger = LiveLogger("zero_dce", "training", ORIGIN, uri, close_seconds=60)
    logger.log_hyperparams({"lr": 1e-4, "nested": {"weight": 2, "names": ["a", "b"]}})
    train(logger, range(5))
    logger.log_metrics({"val/psnr": 19.0}, 9)
    logger.log_pictures("val/a", {"input": PICTURE, "output": PICTURE}, 9)
    while logger.version is None:
        time.sleep(0.1)
    client = store.client(uri)
    assert client.get_run(logger.version).info.status == "RUNNING"
    deadline = time.monotonic() + 60
    while not system_metrics(client.get_run(logger.version)) and time.monotonic() < deadline:
        time.sleep(0.2)
    logger.finalize("success")
    before = live_run(uri)
    assert (before.live, before.digest, before.experiment) == (True, "", "training")
    run = client.get_run(before.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params.items() >= {"nested.weight": "2", "nested.names": '["a", "b"]', "seed": "3"}.items()
    assert run.data.metrics["images_per_s"] == 31
    assert system_metrics(run)
    assert run.data.tags["mlflow.source.git.commit"] == "0" * 40
    assert len(client.list_artifacts(before.run_id, "images")) == 2  # the pictures and their preview

    assert "train@zero_dce" in sync(reports, models, uri).made
    after = live_run(uri)
    assert (after.run_id, after.current, after.live, bool(after.digest)) == (before.run_id, True, True, True)
    history = client.get_metric_history(after.run_id, "loss/warm/colour")
    assert sorted((one.step, one.value) for one in history) == [(i, 1 / (i + 1)) for i in range(10)]  # none twice, none missing
    assert sorted(one.step for one in client.get_metric_history(after.run_id, "val/psnr")) == [9, 19]
    run = client.get_run(after.run_id)
    assert run.data.metrics["demo/psnr"] == 11.5
    assert run.outputs is not None
    assert len(run.outputs.model_outputs) == 1
    assert "train@zero_dce" in sync(reports, models, uri).unchanged


def test_an_interrupted_training_goes_on_in_its_run_and_another_one_does_not(uri: str):
    first = LiveLogger("zero_dce", "training", ORIGIN, uri, close_seconds=60)
    train(first, range(3))
    first.finalize("interrupted")
    assert store.client(uri).get_run(str(first.version)).info.status == "KILLED"
    again = LiveLogger("zero_dce", "training", ORIGIN, uri, close_seconds=60)
    train(again, range(3, 6))
    again.finalize("success")
    assert again.version == first.version
    other = LiveLogger("zero_dce", "training", ORIGIN.model_copy(update={"config_hash": "x"}), uri, close_seconds=60)
    other.finalize("failed")
    assert other.version != first.version
    assert store.client(uri).get_run(str(other.version)).info.status == "FAILED"


def test_a_live_run_of_another_training_stays_as_it_is(uri: str, reports: Path, models: Path):
    logger = LiveLogger("zero_dce", "training", ORIGIN.model_copy(update={"fingerprint": "x"}), uri, close_seconds=60)
    logger.finalize("success")
    sync(reports, models, uri)
    found = {run.run_id == logger.version: run.current for run in stored(uri) if run.name == "train@zero_dce"}
    assert found == {True: False, False: True}


def test_a_store_that_is_down_costs_one_warning(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, "lle.tracking"):
        start = time.monotonic()
        logger = LiveLogger("zero_dce", "training", ORIGIN, "http://127.0.0.1:9", close_seconds=60)
        train(logger, range(1000))
        given = time.monotonic() - start
        logger.finalize("success")
    assert given < 1
    assert logger.version is None
    (message,) = [record.getMessage() for record in caplog.records if record.name == "lle.tracking"]
    assert "goes on without the MLflow store http://127.0.0.1:9" in message
    assert "`lle mlflow sync`" in message


class Server(ThreadingHTTPServer):
    """Speaks as much of MLflow's language as a live run needs, and can go silent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.batches = 0
        self.silent = threading.Event()


class Handler(BaseHTTPRequestHandler):
    def answer(self) -> None:
        server: Server = self.server  # type: ignore[assignment]
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if server.silent.is_set():
            time.sleep(30)
            return
        server.batches += "log-batch" in self.path
        run = {"info": {"run_id": "r1", "experiment_id": "1", "status": "RUNNING", "start_time": 1}, "data": {}}
        body = {
            "get-by-name": {"experiment": {"experiment_id": "1", "name": "training", "lifecycle_stage": "active"}},
            "runs/search": {},
            "runs/create": {"run": run},
            "runs/get": {"run": run},
        }
        content = json.dumps(next((value for key, value in body.items() if key in self.path), {})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = answer  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize("how", ["dies", "goes silent"])
def test_a_server_that_is_lost_in_the_middle_costs_one_warning(
    how: str, server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with caplog.at_level(logging.WARNING, "lle.tracking"):
        logger = LiveLogger("zero_dce", "training", ORIGIN, f"http://127.0.0.1:{server.server_port}", close_seconds=30)
        train(logger, range(5))
        end = time.monotonic() + 30
        while server.batches < 2 and time.monotonic() < end:
            time.sleep(0.05)
        assert logger.version == "r1"
        if how == "dies":
            server.shutdown()
            server.server_close()
        else:
            server.silent.set()
        start = time.monotonic()
        train(logger, range(5, 1000))
        assert time.monotonic() - start < 1
        logger.finalize("success")
        assert time.monotonic() - start < 15
    messages = [record.getMessage() for record in caplog.records if record.name == "lle.tracking"]
    assert len(messages) == 1
    assert "goes on without the MLflow store" in messages[0]


def test_what_finds_no_place_in_the_queue_is_dropped(server: Server, caplog: pytest.LogCaptureFixture):
    logger = LiveLogger("zero_dce", "training", ORIGIN, f"http://127.0.0.1:{server.server_port}", capacity=3, close_seconds=60)
    train(logger, range(50000))
    with caplog.at_level(logging.WARNING, "lle.tracking"):
        logger.finalize("success")
    assert logger._run.dropped
    assert "entries were dropped" in caplog.text
