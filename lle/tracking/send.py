"""Tags, parameters and metrics, sent to MLflow in the amounts it takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from lle.results.provenance import Provenance
from lle.tracking import store, studies

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

T = TypeVar("T")

_METRICS_PER_REQUEST = 1000  # MLflow's limits
_TAGS_PER_REQUEST = 100
_VALUE_LENGTH = 5000


def experiment_id(client: MlflowClient, name: str) -> str:
    """Returns the id of an experiment, which is made or restored where needed."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        note = f"Methods trained on `{name}`, and the untrained ones beside them. Filter: `` tags.`{store.CURRENT}` = 'true' ``."
        if name == studies.EXPERIMENT:
            note = "Ablations and long comparisons: a run a study, with a child for every variant and seed."
        try:
            return str(client.create_experiment(name, tags={"mlflow.note.content": note}))
        except MlflowException:
            # Another process may have made it in the meantime.
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


def send_tags(client: MlflowClient, run_id: str, tags: Mapping[str, Any]) -> None:
    """Sends the tags that are not None."""
    from mlflow.entities import RunTag

    known = [RunTag(key, str(value)[:_VALUE_LENGTH]) for key, value in tags.items() if value is not None]
    for some in _groups(known, _TAGS_PER_REQUEST):
        client.log_batch(run_id, tags=some)


def send_parameters(client: MlflowClient, run_id: str, parameters: Mapping[str, str]) -> None:
    """Sends parameters; MLflow refuses another value for one that a run has."""
    from mlflow.entities import Param

    known = [Param(allowed(key), value[:_VALUE_LENGTH]) for key, value in parameters.items()]
    for some in _groups(known, _TAGS_PER_REQUEST):
        client.log_batch(run_id, params=some)


def send_metrics(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    """Sends metric values."""
    for some in _groups(metrics, _METRICS_PER_REQUEST):
        client.log_batch(run_id, metrics=some)


def allowed(name: str) -> str:
    """Returns a name with what MLflow does not allow in a key replaced."""
    return re.sub(r"[^\w\-. /]", "_", name)


def origin_tags(provenance: Provenance) -> dict[str, Any]:
    """Returns the tags that say where numbers come from."""
    return {
        "mlflow.source.name": provenance.command,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": provenance.git,
        "data.digest": provenance.data_digest,
        "fingerprint": provenance.fingerprint,
        "config.hash": provenance.config_hash,
        "hardware": _plain(provenance.hardware.plain()) if provenance.hardware is not None else None,
        "versions": _plain(provenance.versions) if provenance.versions else None,
        **{str(key): _plain(value) for key, value in provenance.tags.items()},
    }


def _groups(items: Sequence[T], size: int) -> Iterator[list[T]]:
    yield from (list(items[start : start + size]) for start in range(0, len(items), size))


def _plain(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, sort_keys=True)
