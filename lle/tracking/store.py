"""The MLflow store: where it is, and which runs of ours it holds.

Asking is done without MLflow, whose import takes seconds: most of the time the answer is that nothing changed.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lle.errors import LleError

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_URI = "sqlite:///mlflow.db"

RUN = "lle.run"
"""Tag: the pipeline stage a run stands for."""
DIGEST = "lle.digest"
"""Tag: digest of the run's result files; written last, so a run without it is unfinished."""
MODEL_DIGEST = "lle.model_digest"
"""Tag: digest of the run's model folder."""
CURRENT = "lle.current"
"""Tag: `true` for the newest run of a stage, `false` for one whose files have changed since."""

_PAGE = 1000
_SECONDS = 10.0
# With credentials in the environment the plain request would be refused; MLflow's own client knows how to use them.
_CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_INSECURE_TLS")


@dataclass(frozen=True)
class Stored:
    """A run in the store that stands for a stage.

    Attributes:
        run_id: MLflow's id.
        experiment: the experiment's name.
        name: the stage.
        digest: of its result files; empty if the run is unfinished.
        model_digest: of its model folder; empty if it has no model.
        current: it is the newest of its stage.
    """

    run_id: str
    experiment: str
    name: str
    digest: str
    model_digest: str
    current: bool


def tracking_uri(uri: str | None = None) -> str:
    """Returns the store's address: as given, else `MLFLOW_TRACKING_URI`, else `sqlite:///mlflow.db`.

    Raises:
        LleError: it is a folder, a form of store that MLflow has given up.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    if "://" not in uri or uri.startswith("file:"):
        raise LleError(f"the MLflow store '{uri}' is a folder, which MLflow no longer writes to. Use a database, such as {DEFAULT_URI}.")
    return uri


def stored(uri: str) -> list[Stored]:
    """Lists the active runs of ours, without importing MLflow where that is possible.

    Raises:
        LleError: no server answers at the address.
    """
    if uri.startswith("sqlite:///"):
        return _from_sqlite(Path(uri.removeprefix("sqlite:///")))
    if uri.startswith(("http://", "https://")) and not any(key in os.environ for key in _CREDENTIALS):
        return _from_server(uri.rstrip("/"))
    return _from_client(client(uri))


def client(uri: str) -> MlflowClient:
    """Returns MLflow's client for a store, with telemetry, progress bars and chatter turned off."""
    # Read by MLflow when it is imported. A value of the user's own wins.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    from mlflow import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=uri)


@contextmanager
def fluent(uri: str) -> Iterator[None]:
    """Points MLflow's module-level functions, which logging and loading models need, at a store for the block's time."""
    import mlflow

    # MLflow passes the address on to other processes through the environment, where it would outlive this block.
    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # takes the environment's word again
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


def _from_sqlite(path: Path) -> list[Stored]:
    if not path.is_file():
        return []
    query = """
        SELECT runs.run_uuid, experiments.name, tags.key, tags.value
        FROM runs JOIN experiments USING (experiment_id) JOIN tags USING (run_uuid)
        WHERE runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active' AND tags.key LIKE 'lle.%'
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_SECONDS)) as connection:
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


def _from_server(uri: str) -> list[Stored]:
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


def _from_client(mlflow_client: MlflowClient) -> list[Stored]:
    names = {experiment.experiment_id: experiment.name for experiment in mlflow_client.search_experiments()}
    found: list[Stored] = []
    token: str | None = None
    while names:
        page = mlflow_client.search_runs(list(names), f"tags.`{RUN}` LIKE '%'", max_results=_PAGE, page_token=token)
        found += [_stored(run.info.run_id, names[run.info.experiment_id], run.data.tags) for run in page]
        token = page.token
        if not token:
            break
    return found


def _stored(run_id: str, experiment: str, tags: dict[str, str]) -> Stored:
    return Stored(run_id, experiment, tags[RUN], tags.get(DIGEST, ""), tags.get(MODEL_DIGEST, ""), tags.get(CURRENT) == "true")
