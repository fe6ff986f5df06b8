"""The MLflow store: where it is, how it is opened, and the tags by which our runs are known."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

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
LIVE = "lle.live"
"""Tag: `true` for a run that was begun by a training; see `lle.tracking.live`."""
TRAINING_KEY = "lle.training_key"
"""Tag of a live run: digest of what determines its training."""
WRITER = "lle.writer"
"""Tag: host, process and time in seconds of the synchronisation that writes a run."""

SECONDS = 10
"""Longest wait for one answer of a server, unless MLFLOW_HTTP_REQUEST_TIMEOUT says otherwise."""
RETRIES = 2
"""Further attempts at a request, unless MLFLOW_HTTP_REQUEST_MAX_RETRIES says otherwise; MLflow's own 7 take four minutes."""
LOCK_SECONDS = 600.0
"""Longest wait for another synchronisation of the same database."""
_SQLITE = "sqlite:///"


def tracking_uri(uri: str | None = None) -> str:
    """Returns the store's address: as given, else `MLFLOW_TRACKING_URI`, else `sqlite:///mlflow.db`.

    Raises:
        LleError: it is a folder, a form of store that MLflow has given up.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    if "://" not in uri or uri.startswith("file:"):
        raise LleError(f"the MLflow store '{uri}' is a folder, which MLflow no longer writes to. Use a database, such as {DEFAULT_URI}.")
    return uri


def database(uri: str) -> Path | None:
    """Returns the file of a SQLite store, None for another store."""
    return Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None


def lock(uri: str, seconds: float = LOCK_SECONDS) -> AbstractContextManager[object]:
    """Returns a lock on a SQLite store, held for the block's time; a server needs none, see `lle.tracking.sync`.

    Raises:
        LleError: another process holds it for longer than `seconds`.
    """
    path = database(uri)
    return nullcontext() if path is None else _locked(path, seconds)


@contextmanager
def _locked(path: Path, seconds: float) -> Iterator[None]:
    # Imported here, because most synchronisations find nothing to do and should be over at once.
    from filelock import FileLock, Timeout

    lock_file = FileLock(f"{path.resolve()}.lock")
    try:
        lock_file.acquire(timeout=seconds)
    except Timeout as error:
        raise LleError(f"another process has been writing to {path} for {seconds:g} s. Wait for it, or stop it, and sync again.") from error
    try:
        yield
    finally:
        lock_file.release()


def client(uri: str, seconds: int = SECONDS, retries: int = RETRIES) -> MlflowClient:
    """Returns MLflow's client for a store, with telemetry, progress bars and chatter turned off.

    Two processes that make the tables of one new SQLite store at the same time disturb each other, so that is done under a lock.

    Args:
        uri: the store.
        seconds: longest wait for one answer of a server.
        retries: further attempts at a request.
    """
    # Read by MLflow when it is imported or asked. A value of the user's own wins.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(seconds))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(retries))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    from mlflow import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    path = database(uri)
    if path is not None and not _has_tables(path):
        with _tables_lock(path):
            made = MlflowClient(tracking_uri=uri)
            made.search_experiments(max_results=1)
            return made
    return MlflowClient(tracking_uri=uri)


def _tables_lock(path: Path) -> AbstractContextManager[object]:
    from filelock import FileLock

    # Not the lock of a synchronisation, which may be held by this thread's caller or by another process for minutes.
    return FileLock(f"{path.resolve()}.tables.lock")


def _has_tables(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as connection:
            return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchall())
    except sqlite3.DatabaseError:
        return False  # MLflow says what is wrong with it


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
