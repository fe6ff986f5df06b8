"""Makes one MLflow run from its files, or completes the one that a training began."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lle.tracking import store
from lle.tracking.curves import TermValues, curve_names
from lle.tracking.pictures import send_samples
from lle.tracking.runs import MethodRun, dvc_stage, numbers
from lle.tracking.send import allowed, experiment_id, origin_tags, send_metrics, send_parameters, send_tags
from lle.tracking.stored import StoredRun
from lle.tracking.studies import StudyRun

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, Run

MODEL = "model"
"""Name of the logged model: it loads from `runs:/<run id>/model`."""
_DIGEST_LENGTH = 36


def writer() -> str:
    """Returns who writes now: host, process and time in seconds."""
    return f"{socket.gethostname()} {os.getpid()} {int(time.time())}"


def make(client: MlflowClient, run: MethodRun | StudyRun, live: StoredRun | None = None) -> str:
    """Writes one run with its children and returns its id.

    Args:
        client: of the store.
        run: what the files say.
        live: the run that its training began; None makes a new one.

    Raises:
        MlflowException: the store does not answer. A new run is removed where that is still possible, a live one stays.
    """
    experiment = experiment_id(client, run.experiment)
    now = int(time.time() * 1000)
    if live is None:
        # The files hold no clock; the length of the run is that of the training.
        tags = {store.RUN: run.name, store.WRITER: writer()}
        run_id = client.create_run(experiment, now - int(1000 * run.seconds), tags=tags, run_name=run.name).info.run_id
    else:
        run_id = live.run_id
    finished = False
    try:
        if isinstance(run, StudyRun):
            _fill_study(client, experiment, run_id, run, now)
        else:
            _fill(client, experiment, run_id, run, now, known=None if live is None else client.get_run(run_id))
        for key, value in ((store.MODEL_DIGEST, run.model_digest), (store.CURRENT, "true"), (store.DIGEST, run.digest)):
            client.set_tag(run_id, key, value)
        if live is None or client.get_run(run_id).info.status != "FINISHED":
            client.set_terminated(run_id, "FINISHED", now)
        finished = True
    finally:
        if not finished and live is None:
            _remove(client, run_id)
    return run_id


def delete(client: MlflowClient, run_id: str) -> None:
    """Deletes a run with its children."""
    for one in family(client, run_id):
        client.delete_run(one)


def family(client: MlflowClient, run_id: str) -> list[str]:
    """Returns the ids of a run and its children."""
    experiment = client.get_run(run_id).info.experiment_id
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
    return [run_id, *(child.info.run_id for child in children)]


def _remove(client: MlflowClient, run_id: str) -> None:
    """Deletes a run that could not be finished; where the store is gone, the next synchronisation does it."""
    from mlflow.exceptions import MlflowException

    try:
        delete(client, run_id)
    except MlflowException:
        return


def _fill(client: MlflowClient, experiment: str, run_id: str, run: MethodRun, now: int, known: Run | None) -> None:
    _describe(client, run_id, run, {} if known is None else known.data.params)
    model_id = _log_model(run_id, run)
    _log_curves(client, run_id, run.curves, now, {} if known is None else known.data.metrics)
    _log_results(client, run_id, run, model_id, now)
    _log_tables(client, run_id, run)
    send_samples(client, run_id, run, now)
    if len(run.phases) > 1:
        for phase in run.phases:
            _make_phase(client, experiment, run_id, run, phase, now)


def _fill_study(client: MlflowClient, experiment: str, run_id: str, run: StudyRun, now: int) -> None:
    import pandas as pd
    from mlflow.entities import Metric

    facts = {key: value for key in ("title", "paper", "datasets", "seeds", "train_data") if (value := getattr(run.study, key)) is not None}
    send_tags(
        client,
        run_id,
        {"mlflow.note.content": run.note(), "lle.study": run.path.stem, "dvc.stage": run.dvc_stage, **origin_tags(run.provenance)},
    )
    send_parameters(client, run_id, {key: value if isinstance(value, str) else json.dumps(value) for key, value in facts.items()})
    send_metrics(client, run_id, [Metric(allowed(name), value, now, 0) for name, value in run.contrasts().items()])
    if run.table.is_file():
        client.log_artifact(run_id, str(run.table), "tables")
        client.log_table(run_id, pd.read_csv(run.table, dtype={"variant": str, "image": str, "scene": str}), f"tables/{run.path.stem}.json")
    for child in run.children():
        began = now - int(1000 * float(child.training.seconds or 0))
        tags = {"mlflow.parentRunId": run_id, "lle.study": run.path.stem, "lle.method": child.method, store.CURRENT: "true"}
        child_id = client.create_run(experiment, began, tags=tags, run_name=child.name).info.run_id
        send_tags(client, child_id, origin_tags(child.provenance))
        send_parameters(client, child_id, child.parameters)
        training = {f"train/{key}": value for key, value in numbers(child.training.plain()).items()}
        send_metrics(client, child_id, [Metric(allowed(name), value, now, 0) for name, value in {**child.metrics, **training}.items()])
        client.set_terminated(child_id, "FINISHED", now)


def _describe(client: MlflowClient, run_id: str, run: MethodRun, present: Mapping[str, str]) -> None:
    from mlflow.entities import DatasetInput, InputTag

    origin = run.provenance
    ours = {"mlflow.note.content": _note(run), "lle.method": run.method, "dvc.stage": dvc_stage(run.method)}
    send_tags(client, run_id, {**ours, **origin_tags(origin)})
    send_parameters(client, run_id, {key: value for key, value in run.parameters.items() if allowed(key) not in present})
    inputs = []
    if run.training.iterations and origin.data_digest:
        inputs.append(DatasetInput(_dataset(run.experiment, origin.data_digest, {}), [InputTag("mlflow.data.context", "training")]))
    for name, evaluation in run.evaluations.items():
        data_digest = evaluation.provenance.data_digest
        if data_digest:
            facts = {"images": evaluation.images, "split": evaluation.split}
            inputs.append(DatasetInput(_dataset(name, data_digest, facts), [InputTag("mlflow.data.context", "evaluation")]))
    if inputs:
        client.log_inputs(run_id, inputs)


def _dataset(name: str, data_digest: str, facts: dict[str, Any]) -> Dataset:
    from mlflow.entities import Dataset

    profile = json.dumps({**facts, "digest": data_digest})
    # The digest column is shorter than a SHA-256; the whole of it is in the profile.
    return Dataset(name, data_digest[:_DIGEST_LENGTH], "local", json.dumps({"uri": f"build/data/{name}"}), None, profile)


def _note(run: MethodRun) -> str:
    lines = [f"`{run.name}`"]
    for name, evaluation in run.evaluations.items():
        lines += ["", f"**{name}**, {evaluation.images} images", "", "| metric | mean | interval |", "|---|---|---|"]
        for metric, score in evaluation.metrics.items():
            if score.mean is None:
                lines.append(f"| {metric} | - | {score.missing or ''} |")
                continue
            interval = "" if score.low is None or score.high is None else f"{score.low:.4g} … {score.high:.4g}"
            lines.append(f"| {metric} | {score.mean:.4g} | {interval} |")
    return "\n".join(lines)


def _log_model(run_id: str, run: MethodRun) -> str | None:
    if run.folder is None:
        return None
    import mlflow

    from lle.tracking.model import log_model

    metadata = {"method": run.method, "data": run.experiment, "fingerprint": str(run.provenance.fingerprint)}
    with mlflow.start_run(run_id=run_id):
        return log_model(run.folder, metadata).model_id


def _log_curves(client: MlflowClient, run_id: str, curves: list[TermValues], now: int, present: Mapping[str, float]) -> None:
    """Logs curves; of a metric that the run has already, only the iterations that it lacks."""
    from mlflow.entities import Metric

    points = []
    for name, curve in zip(map(allowed, curve_names(curves)), curves, strict=True):
        known = {one.step for one in client.get_metric_history(run_id, name)} if name in present else set()
        points += [Metric(name, value, now, iteration) for iteration, value in curve.points if iteration not in known]
    send_metrics(client, run_id, points)


def _log_results(client: MlflowClient, run_id: str, run: MethodRun, model_id: str | None, now: int) -> None:
    """Logs what was measured, once each; evaluation metrics are also tied to their data set and to the logged model."""
    from mlflow.entities import Metric

    metrics = []
    for name, evaluation in run.evaluations.items():
        link: dict[str, Any] = {"model_id": model_id} if model_id else {}
        if evaluation.provenance.data_digest:
            link |= {"dataset_name": name, "dataset_digest": evaluation.provenance.data_digest[:_DIGEST_LENGTH]}
        for metric, score in evaluation.metrics.items():
            if score.mean is not None:
                metrics.append(Metric(allowed(f"{name}/{metric}"), float(score.mean), now, 0, run_id=run_id, **link))
    cost = {} if run.profile is None else {k: v for k, v in run.profile.plain().items() if k not in ("provenance", "train")}
    train = {k: v for k, v in run.training.plain().items() if k not in ("provenance", "settings", "terms", "system")}
    metrics += [Metric(allowed(name), value, now, 0) for name, value in run.segmentation.items()]
    for prefix, values in (("profile", cost), ("train", train), ("system", run.training.system)):
        metrics += [Metric(allowed(f"{prefix}/{key}"), value, now, 0) for key, value in numbers(values).items()]
    send_metrics(client, run_id, metrics)


def _log_tables(client: MlflowClient, run_id: str, run: MethodRun) -> None:
    import pandas as pd

    for name, path in run.tables().items():
        client.log_artifact(run_id, str(path), f"tables/{name}")
        # The same rows again in the form that the MLflow page shows and compares between runs.
        client.log_table(run_id, pd.read_csv(path, dtype={"image": str, "scene": str}), f"tables/{name}.json")


def _make_phase(client: MlflowClient, experiment: str, parent: str, run: MethodRun, phase: str, now: int) -> None:
    from mlflow.entities import Param

    tags = {"mlflow.parentRunId": parent, "lle.method": run.method, "lle.phase": phase, store.CURRENT: "true"}
    child = client.create_run(experiment, now, tags=tags, run_name=f"{run.name}/{phase}").info.run_id
    steps = [iteration for curve in run.curves if curve.phase == phase for iteration, _ in curve.points]
    facts = {"method": run.method, "phase": phase, "first_iteration": min(steps), "last_iteration": max(steps)}
    client.log_batch(child, params=[Param(key, str(value)) for key, value in facts.items()])
    _log_curves(client, child, [curve for curve in run.curves if curve.phase == phase], now, {})
    client.set_terminated(child, "FINISHED", now)
