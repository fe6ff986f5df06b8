"""Which runs of ours a store holds.

Asking is done without MLflow, whose import takes seconds: most of the time the answer is that nothing changed.
"""

from __future__ import annotations

import json
import os
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lle.errors import LleError
from lle.tracking.store import (
    CURRENT,
    DEFAULT_URI,
    DIGEST,
    LIVE,
    MODEL_DIGEST,
    RUN,
    TRAINING_KEY,
    WRITER,
    client,
    database,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PAGE = 1000
_SECONDS = 10.0
# With credentials in the environment the plain request would be refused; MLflow's own client knows how to use them.
_CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_INSECURE_TLS")


@dataclass(frozen=True)
class StoredRun:
    """A run in the store that stands for a stage.

    Attributes:
        run_id: MLflow's id.
        experiment: the experiment's name.
        name: the stage.
        digest: of its result files; empty if the run is unfinished, or no synchronisation has completed it.
        model_digest: of its model folder; empty if it has no model.
        current: it is the newest of its stage.
        live: it was begun by a training.
        training_key: of a live run; see `lle.tracking.runs.training_key`.
        writer: who writes or wrote it; see `store.WRITER`.
    """

    run_id: str
    experiment: str
    name: str
    digest: str
    model_digest: str
    current: bool
    live: bool = False
    training_key: str = ""
    writer: str = ""


def stored(uri: str) -> list[StoredRun]:
    """Lists the active runs of ours, without importing MLflow where that is possible.

    Raises:
        LleError: no server answers at the address.
    """
    path = database(uri)
    if path is not None:
        return _from_sqlite(path)
    if uri.startswith(("http://", "https://")) and not any(key in os.environ for key in _CREDENTIALS):
        return _from_server(uri.rstrip("/"))
    return from_client(client(uri))


def _from_sqlite(path: Path) -> list[StoredRun]:
    if not path.is_file():
        return []
    query = """
        SELECT runs.run_uuid, experiments.name, tags.key, tags.value
        FROM runs JOIN experiments USING (experiment_id) JOIN tags USING (run_uuid)
        WHERE runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active' AND tags.key LIKE 'lle.%'
    """
    try:
        # Not `ro`: what a killed process was writing must be undone before anything can be read. `rw` makes no file.
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=_SECONDS)) as connection:
            rows = connection.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return []  # made, but not yet filled by MLflow
        raise LleError(f"the MLflow store {path} cannot be read: {error}. Close what holds it, or delete it and sync again.") from error
    except sqlite3.DatabaseError as error:
        raise LleError(f"{path} is no SQLite database ({error}). Delete it and sync again.") from error
    tags: dict[tuple[str, str], dict[str, str]] = {}
    for run_id, experiment, key, value in rows:
        tags.setdefault((run_id, experiment), {})[key] = value
    return [_stored(run_id, experiment, found) for (run_id, experiment), found in tags.items() if RUN in found]


def _from_server(uri: str) -> list[StoredRun]:
    names = {e["experiment_id"]: e["name"] for e in _pages(uri, "experiments/search", "experiments", {})}
    if not names:
        return []
    runs = _pages(uri, "runs/search", "runs", {"experiment_ids": list(names), "filter": f"tags.`{RUN}` LIKE '%'"})
    found = []
    for run in runs:
        tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}
        found.append(_stored(run["info"]["run_id"], names[run["info"]["experiment_id"]], tags))
    return found


def _pages(uri: str, method: str, key: str, body: dict[str, Any]) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = {**body, "max_results": _PAGE, **({"page_token": token} if token else {})}
        request = urllib.request.Request(
            f"{uri}/api/2.0/mlflow/{method}", json.dumps(page).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                content = json.load(answer)
        except urllib.error.HTTPError as error:
            raise LleError(
                f"the MLflow server at {uri} refuses: {error.code} {error.reason}. Check MLFLOW_TRACKING_URI and its access."
            ) from error
        except (urllib.error.URLError, TimeoutError, json.JSONDecodeError) as error:
            raise LleError(
                f"no MLflow server answers at {uri} ({error}). Start it, or unset MLFLOW_TRACKING_URI to use {DEFAULT_URI}."
            ) from error
        yield from content.get(key, [])
        token = content.get("next_page_token")
        if not token:
            return


def from_client(mlflow_client: MlflowClient) -> list[StoredRun]:
    """Lists the active runs of ours through MLflow."""
    names = {experiment.experiment_id: experiment.name for experiment in mlflow_client.search_experiments()}
    found: list[StoredRun] = []
    token: str | None = None
    while names:
        page = mlflow_client.search_runs(list(names), f"tags.`{RUN}` LIKE '%'", max_results=_PAGE, page_token=token)
        found += [_stored(run.info.run_id, names[run.info.experiment_id], run.data.tags) for run in page]
        token = page.token
        if not token:
            break
    return found


def _stored(run_id: str, experiment: str, tags: dict[str, str]) -> StoredRun:
    return StoredRun(
        run_id,
        experiment,
        tags[RUN],
        tags.get(DIGEST, ""),
        tags.get(MODEL_DIGEST, ""),
        tags.get(CURRENT) == "true",
        tags.get(LIVE) == "true",
        tags.get(TRAINING_KEY, ""),
        tags.get(WRITER, ""),
    )
