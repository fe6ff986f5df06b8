"""Brings the MLflow store up to date with the result files.

The files are the truth and the store is a picture of them: one run a method, in the experiment of its training set;
methods that are not trained stand in the experiment of the suite's training set, so one table compares all. A study is a
run in the experiment `studies`, and its variants and seeds are that run's children. A run is known by a digest of its
files. Same digest: nothing is done. Changed files: a new run is made and the old one stays as history, tagged
`lle.current = false`; show the present with the filter `tags.lle.current = 'true'` (backquote the key in code).
Files that return to an earlier state make that run the current one again. A run that a training began
(`lle.tracking.live`) is completed instead of a second one being made.

Two synchronisations may run at the same time. With a SQLite store the second waits for the first. With a server each leaves
alone what the other is writing, and at the end removes runs that show the same files twice. One that was interrupted, or
whose server went away, is done by the next.
"""

from __future__ import annotations

import os
import socket
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lle.errors import LleError
from lle.tracking import runs as method_runs
from lle.tracking import store, studies
from lle.tracking.runs import MethodRun
from lle.tracking.stored import StoredRun, stored
from lle.tracking.studies import StudyRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

ABANDONED = 3600.0
"""Seconds after which an unfinished run of another machine counts as abandoned."""


@dataclass(frozen=True)
class Synced:
    """What a synchronisation did.

    Attributes:
        uri: the store.
        made: stages for which a run was made or completed.
        restored: stages whose files returned to those of an earlier run.
        unchanged: stages whose run was there already.
        seconds: time it took.
    """

    uri: str
    made: tuple[str, ...]
    restored: tuple[str, ...]
    unchanged: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        parts = [
            f"{len(self.made)} new",
            *([f"{len(self.restored)} restored"] if self.restored else []),
            f"{len(self.unchanged)} unchanged",
        ]
        return f"{self.uri}: {', '.join(parts)} runs in {self.seconds:.1f} s"


@dataclass(frozen=True)
class _Step:
    """What is to be done about one run.

    Attributes:
        run: what the files say.
        match: the stored run that shows these files, if there is one.
        outdated: other runs of the stage that still count as current.
        live: a run that the training of these files began, and no synchronisation has completed.
    """

    run: MethodRun | StudyRun
    match: StoredRun | None
    outdated: tuple[StoredRun, ...]
    live: StoredRun | None

    @property
    def done(self) -> bool:
        return self.match is not None and self.match.current and not self.outdated


def sync(reports: Path = Path("reports"), models: Path = Path("build/models"), uri: str | None = None, data: str | None = None) -> Synced:
    """Makes the runs that the files describe and the store lacks.

    Args:
        reports: result files.
        models: trained models; where a model is not on disk its run holds everything else.
        uri: the store; None takes `MLFLOW_TRACKING_URI`, else `sqlite:///mlflow.db`.
        data: experiment of methods that are not trained; None takes the training set that most others name.

    Raises:
        LleError: there are no results, a file is damaged, or the store cannot be reached or stops answering; what is done
            stays, and the next synchronisation goes on.
    """
    start = time.monotonic()
    uri = store.tracking_uri(uri)
    runs: list[MethodRun | StudyRun] = [*method_runs.collect(reports, models, data), *studies.collect(reports)]
    present = stored(uri)
    made: list[str] = []
    restored: list[str] = []
    if not all(step.done for step in _plan(runs, present)) or _abandoned(present, uri):
        with store.lock(uri):
            _write(uri, runs, made, restored)
    unchanged = tuple(run.name for run in runs if run.name not in (*made, *restored))
    return Synced(uri, tuple(made), tuple(restored), unchanged, time.monotonic() - start)


def current_runs(uri: str | None = None) -> Iterator[StoredRun]:
    """Yields the finished, current runs of a store."""
    yield from (run for run in stored(store.tracking_uri(uri)) if run.current and run.digest)


def _plan(runs: Sequence[MethodRun | StudyRun], present: Sequence[StoredRun]) -> list[_Step]:
    return [_step(run, [one for one in present if (one.experiment, one.name) == (run.experiment, run.name)]) for run in runs]


def _step(run: MethodRun | StudyRun, ours: Sequence[StoredRun]) -> _Step:
    # Without the model on disk, as in a fresh clone, a run that has one is not worth less.
    fits = [one for one in ours if one.digest == run.digest and run.model_digest in ("", one.model_digest)]
    match = max(fits, key=lambda one: one.current, default=None)
    key = run.training_key if match is None else ""
    live = [one for one in ours if one.live and not one.digest and key and one.training_key == key]
    return _Step(run, match, tuple(one for one in ours if one.digest and one.current and one is not match), live[-1] if live else None)


def _write(uri: str, runs: Sequence[MethodRun | StudyRun], made: list[str], restored: list[str]) -> None:
    """Does what is to be done, and adds the stages to `made` and `restored` as they are finished."""
    # Another process may have done some of it while this one waited for the lock.
    present = stored(uri)
    steps = [step for step in _plan(runs, present) if not step.done]
    client = store.client(uri)
    from mlflow.exceptions import MlflowException

    from lle.tracking import write

    at = "old runs"
    try:
        with store.fluent(uri), warnings.catch_warnings():
            # MLflow warns about its own use of pandas and SQLAlchemy, which nobody here can mend.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.filterwarnings("ignore", module="mlflow")
            for one in _abandoned(present, uri):
                write.delete(client, one.run_id)
            for step in steps:
                at = step.run.name
                if step.match is None:
                    write.make(client, step.run, step.live)
                    made.append(at)
                else:
                    _mark(client, step.match, "true")
                    restored.append(at)
                for other in step.outdated:
                    _mark(client, other, "false")
            if store.database(uri) is None:
                at = "runs that another process wrote too"
                _remove_doubles(client, uri, [step.run for step in steps])
    except MlflowException as error:
        reason = " ".join(str(error).split())[:300]
        raise LleError(
            f"the MLflow store at {uri} failed at {at}: {reason}\n{len(made) + len(restored)} of {len(steps)} changes are made; "
            "`lle mlflow sync` makes the others when the store is there again."
        ) from error


def _mark(client: MlflowClient, run: StoredRun, current: str) -> None:
    from lle.tracking.write import family

    for run_id in family(client, run.run_id):
        client.set_tag(run_id, store.CURRENT, current)


def _abandoned(present: Sequence[StoredRun], uri: str) -> list[StoredRun]:
    """Returns unfinished runs that nobody writes any more; those of trainings stay."""
    unfinished = [run for run in present if not run.digest and not run.live]
    # With SQLite a writer holds the lock, so whoever looks under it knows that there is no other.
    return [run for run in unfinished if store.database(uri) is not None or not _is_written(run)]


def _is_written(run: StoredRun) -> bool:
    """Says whether the process that began a run may still write it."""
    parts = run.writer.split()
    if len(parts) != 3 or time.time() - float(parts[2]) > ABANDONED:
        return False
    if parts[0] != socket.gethostname():
        return True
    try:
        os.kill(int(parts[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove_doubles(client: MlflowClient, uri: str, runs: Sequence[MethodRun | StudyRun]) -> None:
    """Leaves one current run where two synchronisations showed the same files: whoever ends last sees both."""
    from lle.tracking.write import delete

    present = stored(uri)
    for run in runs:
        same = [
            one
            for one in present
            if (one.experiment, one.name, one.digest, one.model_digest) == (run.experiment, run.name, run.digest, run.model_digest)
            and one.current
        ]
        for double in sorted(same, key=lambda one: one.run_id)[1:]:
            delete(client, double.run_id)
