"""Brings the MLflow store up to date with the result files.

The files are the truth and the store is a picture of them: one run a method, in the experiment of its training set;
methods that are not trained stand in the experiment of the suite's training set, so one table compares all. A study is a
run in the experiment `studies`, and its variants and seeds are that run's children. A run is known by a digest of its
files. Same digest: nothing is done. Changed files: a new run is made and the old one stays as history, tagged
`lle.current = false`; show the present with the filter `tags.lle.current = 'true'` (backquote the key in code).
Files that return to an earlier state make that run the current one again.
"""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lle.tracking import runs as projection
from lle.tracking import store, studies
from lle.tracking.runs import Record, numbers
from lle.tracking.store import Stored
from lle.tracking.studies import Study

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, Metric
    from PIL import Image

T = TypeVar("T")

MODEL = "model"
"""Name of the logged model: it loads from `runs:/<run id>/model`."""

_METRICS_PER_REQUEST = 1000  # MLflow's limits
_TAGS_PER_REQUEST = 100
_DIGEST_LENGTH = 36
_VALUE_LENGTH = 5000


@dataclass(frozen=True)
class Synced:
    """What a synchronisation did.

    Attributes:
        uri: the store.
        made: stages for which a run was made.
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


def sync(reports: Path = Path("reports"), models: Path = Path("build/models"), uri: str | None = None, data: str | None = None) -> Synced:
    """Makes the runs that the files describe and the store lacks.

    Args:
        reports: result files.
        models: trained models; where a model is not on disk its run holds everything else.
        uri: the store; None takes `MLFLOW_TRACKING_URI`, else `sqlite:///mlflow.db`.
        data: experiment of methods that are not trained; None takes the training set that most others name.

    Raises:
        LleError: there are no results, a file is damaged, or the store cannot be reached.
    """
    start = time.monotonic()
    uri = store.tracking_uri(uri)
    records: list[Record | Study] = [*projection.collect(reports, models, data), *studies.collect(reports)]
    present = store.stored(uri)
    plan = [(record, *_compare(record, present)) for record in records]
    made: list[str] = []
    restored: list[str] = []
    unchanged = [record.name for record, match, others in plan if match is not None and match.current and not others]
    changes = [(record, match, others) for record, match, others in plan if record.name not in unchanged]
    unfinished = [run for run in present if not run.digest]
    if changes or unfinished:
        client = store.client(uri)
        with store.fluent(uri), warnings.catch_warnings():
            # MLflow warns about its own use of pandas and SQLAlchemy, which nobody here can mend.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.filterwarnings("ignore", module="mlflow")
            for run in unfinished:
                _delete(client, run.run_id)
            for record, match, others in changes:
                if match is None:
                    _make(client, record)
                    made.append(record.name)
                else:
                    _mark(client, match, "true")
                    restored.append(record.name)
                for other in others:
                    _mark(client, other, "false")
    return Synced(uri, tuple(made), tuple(restored), tuple(unchanged), time.monotonic() - start)


def _compare(record: Record | Study, present: Sequence[Stored]) -> tuple[Stored | None, list[Stored]]:
    """Returns the run that shows these files, if there is one, and other runs of the stage that still count as current."""
    ours = [run for run in present if (run.experiment, run.name) == (record.experiment, record.name) and run.digest]
    # Without the model on disk, as in a fresh clone, a run that has one is not worth less.
    fits = [run for run in ours if run.digest == record.digest and record.model_digest in ("", run.model_digest)]
    match = max(fits, key=lambda run: run.current, default=None)
    return match, [run for run in ours if run.current and run is not match]


def _mark(client: MlflowClient, run: Stored, current: str) -> None:
    for run_id in _family(client, run.run_id):
        client.set_tag(run_id, store.CURRENT, current)


def _delete(client: MlflowClient, run_id: str) -> None:
    for one in _family(client, run_id):
        client.delete_run(one)


def _family(client: MlflowClient, run_id: str) -> list[str]:
    experiment = client.get_run(run_id).info.experiment_id
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
    return [run_id, *(child.info.run_id for child in children)]


def _make(client: MlflowClient, record: Record | Study) -> str:
    """Writes one run with its children and returns its id."""
    experiment = _experiment(client, record.experiment)
    now = int(time.time() * 1000)
    # The files hold no clock; the length of the run is that of the training.
    began = now - int(1000 * (record.seconds if isinstance(record, Study) else float(record.training.get("seconds") or 0)))
    run_id = client.create_run(experiment, began, tags={store.RUN: record.name}, run_name=record.name).info.run_id
    finished = False
    try:
        if isinstance(record, Study):
            _fill_study(client, experiment, run_id, record, now)
        else:
            _fill(client, experiment, run_id, record, now)
        for key, value in ((store.MODEL_DIGEST, record.model_digest), (store.CURRENT, "true"), (store.DIGEST, record.digest)):
            client.set_tag(run_id, key, value)
        client.set_terminated(run_id, "FINISHED", now)
        finished = True
    finally:
        if not finished:
            _delete(client, run_id)
    return run_id


def _fill(client: MlflowClient, experiment: str, run_id: str, record: Record, now: int) -> None:
    _describe(client, run_id, record)
    model_id = _log_model(run_id, record)
    _log_curves(client, run_id, record, now)
    _log_results(client, run_id, record, model_id, now)
    _log_tables(client, run_id, record)
    _log_samples(client, run_id, record, now)
    if len(record.phases) > 1:
        for phase in record.phases:
            _make_child(client, experiment, run_id, record, phase, now)


def _fill_study(client: MlflowClient, experiment: str, run_id: str, study: Study, now: int) -> None:
    import pandas as pd
    from mlflow.entities import Metric

    facts = {key: study.record[key] for key in ("title", "paper", "datasets", "seeds", "train_data") if study.record.get(key) is not None}
    _tag(client, run_id, {"mlflow.note.content": study.note(), "lle.study": study.path.stem, **_origin(study.provenance)})
    _set(client, run_id, {key: str(_plain(value)) for key, value in facts.items()})
    _send(client, run_id, [Metric(_key(name), value, now, 0) for name, value in study.contrasts().items()])
    if study.table.is_file():
        client.log_artifact(run_id, str(study.table), "tables")
        client.log_table(
            run_id, pd.read_csv(study.table, dtype={"variant": str, "image": str, "scene": str}), f"tables/{study.path.stem}.json"
        )
    for child in study.children():
        began = now - int(1000 * float(child.training.get("seconds") or 0))
        tags = {"mlflow.parentRunId": run_id, "lle.study": study.path.stem, "lle.method": child.method, store.CURRENT: "true"}
        child_id = client.create_run(experiment, began, tags=tags, run_name=child.name).info.run_id
        _tag(client, child_id, _origin(child.provenance))
        _set(client, child_id, child.parameters)
        training = {f"train/{key}": value for key, value in numbers(child.training).items()}
        _send(client, child_id, [Metric(_key(name), value, now, 0) for name, value in {**child.metrics, **training}.items()])
        client.set_terminated(child_id, "FINISHED", now)


def _experiment(client: MlflowClient, name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is None and name == studies.EXPERIMENT:
        note = "Ablations and long comparisons: a run a study, with a child for every variant and seed."
        return str(client.create_experiment(name, tags={"mlflow.note.content": note}))
    if experiment is None:
        note = f"Methods trained on `{name}`, and the untrained ones beside them. Filter: `` tags.`{store.CURRENT}` = 'true' ``."
        return str(client.create_experiment(name, tags={"mlflow.note.content": note}))
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


def _describe(client: MlflowClient, run_id: str, record: Record) -> None:
    from mlflow.entities import DatasetInput, InputTag

    origin = record.provenance
    ours = {"mlflow.note.content": _note(record), "lle.method": record.method, "dvc.stage": record.name}
    _tag(client, run_id, {**ours, **_origin(origin)})
    _set(client, run_id, record.parameters)
    inputs = []
    if record.training.get("iterations") and origin.get("data_digest"):
        inputs.append(DatasetInput(_dataset(record.experiment, origin["data_digest"], {}), [InputTag("mlflow.data.context", "training")]))
    for name, evaluation in record.evaluations.items():
        data_digest = evaluation.get("provenance", {}).get("data_digest")
        if data_digest:
            facts = {"images": evaluation.get("images"), "split": evaluation.get("split")}
            inputs.append(DatasetInput(_dataset(name, data_digest, facts), [InputTag("mlflow.data.context", "evaluation")]))
    if inputs:
        client.log_inputs(run_id, inputs)


def _origin(provenance: dict[str, Any]) -> dict[str, Any]:
    """Returns the tags that say where numbers come from."""
    return {
        "mlflow.source.name": provenance.get("command"),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": provenance.get("git"),
        "data.digest": provenance.get("data_digest"),
        "fingerprint": provenance.get("fingerprint"),
        "config.hash": provenance.get("config_hash"),
        "hardware": _plain(provenance.get("hardware")),
        "versions": _plain(provenance.get("versions")),
        **{str(key): _plain(value) for key, value in (provenance.get("tags") or {}).items()},
    }


def _tag(client: MlflowClient, run_id: str, tags: dict[str, Any]) -> None:
    from mlflow.entities import RunTag

    known = [RunTag(key, str(value)[:_VALUE_LENGTH]) for key, value in tags.items() if value is not None]
    for some in _groups(known, _TAGS_PER_REQUEST):
        client.log_batch(run_id, tags=some)


def _set(client: MlflowClient, run_id: str, parameters: Mapping[str, str]) -> None:
    from mlflow.entities import Param

    known = [Param(_key(key), value[:_VALUE_LENGTH]) for key, value in parameters.items()]
    for some in _groups(known, _TAGS_PER_REQUEST):
        client.log_batch(run_id, params=some)


def _dataset(name: str, data_digest: str, facts: dict[str, Any]) -> Dataset:
    from mlflow.entities import Dataset

    profile = json.dumps({**facts, "digest": data_digest})
    # The digest column is shorter than a SHA-256; the whole of it is in the profile.
    return Dataset(name, data_digest[:_DIGEST_LENGTH], "local", json.dumps({"uri": f"build/data/{name}"}), None, profile)


def _note(record: Record) -> str:
    lines = [f"`{record.name}`"]
    for name, evaluation in record.evaluations.items():
        lines += ["", f"**{name}**, {evaluation.get('images')} images", "", "| metric | mean | interval |", "|---|---|---|"]
        for metric, cell in evaluation.get("metrics", {}).items():
            if cell.get("mean") is None:
                lines.append(f"| {metric} | - | {cell.get('missing', '')} |")
            else:
                interval = f"{cell['low']:.4g} … {cell['high']:.4g}" if cell.get("low") is not None else ""
                lines.append(f"| {metric} | {cell['mean']:.4g} | {interval} |")
    return "\n".join(lines)


def _log_model(run_id: str, record: Record) -> str | None:
    if record.folder is None:
        return None
    import mlflow

    from lle.tracking.model import log_model

    metadata = {"method": record.method, "data": record.experiment, "fingerprint": str(record.provenance.get("fingerprint"))}
    with mlflow.start_run(run_id=run_id):
        return log_model(record.folder, metadata).model_id


def _log_curves(client: MlflowClient, run_id: str, record: Record, now: int, phase: str | None = None) -> None:
    from mlflow.entities import Metric

    curves = [curve for curve in record.curves if phase in (None, curve.phase)]
    many_phases = phase is None and len(record.phases) > 1
    updates = {(curve.phase, curve.update) for curve in curves if curve.update != "val"}
    many_updates = len(updates) > len({phase for phase, _ in updates})
    points = []
    for curve in curves:
        where = [*([curve.phase] if many_phases else []), *([curve.update] if many_updates and curve.update != "val" else [])]
        kind = "val" if curve.update == "val" else "loss"
        # A validation curve runs on over all phases.
        name = f"val/{curve.term}" if kind == "val" else "/".join([kind, *where, curve.term])
        points += [Metric(_key(name), value, now, iteration) for iteration, value in curve.points]
    _send(client, run_id, points)


def _log_results(client: MlflowClient, run_id: str, record: Record, model_id: str | None, now: int) -> None:
    """Logs what was measured, once each; evaluation metrics are also tied to their data set and to the logged model."""
    from mlflow.entities import Metric

    metrics = []
    for name, evaluation in record.evaluations.items():
        link: dict[str, Any] = {"model_id": model_id} if model_id else {}
        if evaluation.get("provenance", {}).get("data_digest"):
            link |= {"dataset_name": name, "dataset_digest": evaluation["provenance"]["data_digest"][:_DIGEST_LENGTH]}
        for metric, cell in evaluation.get("metrics", {}).items():
            if cell.get("mean") is not None:
                metrics.append(Metric(_key(f"{name}/{metric}"), float(cell["mean"]), now, 0, run_id=run_id, **link))
    cost = {key: value for key, value in record.profile.items() if key not in ("provenance", "train")}
    system = record.training.get("system", {})
    train = {key: value for key, value in record.training.items() if key not in ("provenance", "settings", "terms", "system")}
    metrics += [Metric(_key(name), value, now, 0) for name, value in record.segmentation.items()]
    for prefix, values in (("profile", cost), ("train", train), ("system", system)):
        metrics += [Metric(_key(f"{prefix}/{key}"), value, now, 0) for key, value in numbers(values).items()]
    _send(client, run_id, metrics)


def _send(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    for some in _groups(metrics, _METRICS_PER_REQUEST):
        client.log_batch(run_id, metrics=some)


def _log_tables(client: MlflowClient, run_id: str, record: Record) -> None:
    import pandas as pd

    for name, path in record.tables().items():
        client.log_artifact(run_id, str(path), f"tables/{name}")
        # The same rows again in the form that the MLflow page shows and compares between runs.
        client.log_table(run_id, pd.read_csv(path, dtype={"image": str, "scene": str}), f"tables/{name}.json")


def _log_samples(client: MlflowClient, run_id: str, record: Record, now: int) -> None:
    """Logs each sample twice: before and after side by side, and the result alone for the image grid over runs."""
    from PIL import Image

    for dataset, image, roles in record.samples():
        labels = {record.method: record.method, projection.INPUT: "input", "normal": "reference"}
        pictures = [(labels[role], Image.open(path).convert("RGB")) for role, path in roles.items()]
        client.log_image(run_id, _side_by_side(pictures), artifact_file=f"samples/{dataset}/{image}.png")
        with Image.open(roles[record.method]) as result:
            client.log_image(run_id, result.convert("RGB"), key=_key(f"{dataset}/{image}"), step=0, timestamp=now)


def _side_by_side(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    from PIL import Image, ImageDraw

    bar, gap = 16, 4
    width = sum(picture.width for _, picture in pictures) + gap * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, bar + max(picture.height for _, picture in pictures)), "white")
    left = 0
    for label, picture in pictures:
        ImageDraw.Draw(sheet).text((left + 2, 2), label, fill="black")
        sheet.paste(picture, (left, bar))
        left += picture.width + gap
    return sheet


def _make_child(client: MlflowClient, experiment: str, parent: str, record: Record, phase: str, now: int) -> None:
    from mlflow.entities import Param

    tags = {"mlflow.parentRunId": parent, "lle.method": record.method, "lle.phase": phase, store.CURRENT: "true"}
    child = client.create_run(experiment, now, tags=tags, run_name=f"{record.name}/{phase}").info.run_id
    steps = [iteration for curve in record.curves if curve.phase == phase for iteration, _ in curve.points]
    facts = {"method": record.method, "phase": phase, "first_iteration": min(steps), "last_iteration": max(steps)}
    client.log_batch(child, params=[Param(key, str(value)) for key, value in facts.items()])
    _log_curves(client, child, record, now, phase)
    client.set_terminated(child, "FINISHED", now)


def _groups(items: Sequence[T], size: int) -> Iterator[list[T]]:
    yield from (list(items[start : start + size]) for start in range(0, len(items), size))


def _plain(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, sort_keys=True)


def _key(name: str) -> str:
    """Replaces what MLflow does not allow in a key."""
    return re.sub(r"[^\w\-. /]", "_", name)


def current_runs(uri: str | None = None) -> Iterator[Stored]:
    """Yields the finished, current runs of a store."""
    yield from (run for run in store.stored(store.tracking_uri(uri)) if run.current and run.digest)
