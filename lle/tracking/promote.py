"""Which model is in use: the alias `champion` of a registered model, moved only through the regression gate.

There is one registered model for each method and training set, `<method>-<training set>`; its champion loads with
`mlflow.pyfunc.load_model("models:/zero_dce-training@champion")`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lle.errors import LleError
from lle.gate.compare import LATENCY, gate
from lle.tracking import store
from lle.tracking.runs import collect
from lle.tracking.stored import StoredRun
from lle.tracking.sync import current_runs, sync

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"


@dataclass(frozen=True)
class Promotion:
    """The champion after a promotion.

    Attributes:
        name: of the registered model.
        version: its version that is the champion.
        moved: false if this model was the champion already.
        run_id: the run that holds it.
    """

    name: str
    version: int
    moved: bool
    run_id: str

    @property
    def uri(self) -> str:
        """Address that `mlflow.pyfunc.load_model` takes."""
        return f"models:/{self.name}@{CHAMPION}"

    def __str__(self) -> str:
        return f"{self.uri} is {'now' if self.moved else 'still'} version {self.version}"


def promote(
    method: str,
    reports: Path = Path("reports"),
    models: Path = Path("build/models"),
    uri: str | None = None,
    against: str | Path | None = None,
    tolerance: Mapping[str, float] | None = None,
    latency: float = LATENCY,
) -> Promotion:
    """Makes the present model of a method its champion, if the gate lets it pass.

    Args:
        method: the method's id.
        reports: result files.
        models: trained models.
        uri: the store; None takes `MLFLOW_TRACKING_URI`, else `sqlite:///mlflow.db`.
        against: see `lle.gate.compare.gate`.
        tolerance: see there.
        latency: see there.

    Raises:
        LleError: the gate is closed, the accepted results do not hold the method, or its model is not on disk; the champion
            stays what it was.
    """
    uri = store.tracking_uri(uri)
    described = next((run for run in collect(reports, models) if run.method == method), None)
    if described is None or described.folder is None:
        raise LleError(f"there is no model of '{method}' in {models}. Train it: lle train {method}.")
    verdict = gate(reports, against, tolerance, latency, methods=[method])
    if not verdict.passed:
        raise LleError(f"{method} is not promoted.\n{verdict}")
    if not any(check.outcome not in ("new", "skipped") for check in verdict.checks):
        raise LleError(
            f"there are no accepted results of '{method}', so there is nothing it has passed. Accept them: lle gate --accept REASON."
        )
    sync(reports, models, uri)
    (run,) = (run for run in current_runs(uri) if (run.experiment, run.name) == (described.experiment, described.name))
    client = store.client(uri)
    name = f"{method}-{described.experiment}"
    champion = _champion(client, name)
    if champion is not None and champion.tags.get(store.MODEL_DIGEST) == run.model_digest:
        return Promotion(name, int(champion.version), False, str(champion.run_id))
    version = _register(client, name, run, verdict.summary)
    client.set_registered_model_alias(name, CHAMPION, str(version.version))
    return Promotion(name, int(version.version), True, run.run_id)


def _champion(client: MlflowClient, name: str) -> ModelVersion | None:
    found = client.search_registered_models(f"name = '{name}'")
    if not found or CHAMPION not in found[0].aliases:
        return None
    return client.get_model_version_by_alias(name, CHAMPION)


def _register(client: MlflowClient, name: str, run: StoredRun, verdict: str) -> ModelVersion:
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(
            name, description=f"`{run.name}` trained on `{run.experiment}`; the alias `{CHAMPION}` passed the gate."
        )
    outputs = client.get_run(run.run_id).outputs
    if outputs is None:
        raise LleError(f"the run {run.run_id} of {run.name} holds no model. Delete it in MLflow and sync again.")
    (output,) = outputs.model_outputs
    tags = {store.DIGEST: run.digest, store.MODEL_DIGEST: run.model_digest, "lle.gate": verdict}
    return client.create_model_version(name, f"models:/{output.model_id}", run.run_id, tags=tags, model_id=output.model_id)
