"""Where a number comes from, as the pages show it when the number is activated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lle.report.costs import SIZE
from lle.results.cost import Profile
from lle.results.provenance import Provenance
from lle.results.read import Results
from lle.results.study import Study
from lle.tracking.runs import MethodRun, collect
from lle.tracking.store import DIGEST

Run = dict[str, Any]
"""`title` (method), `where` (data set or step), `file` under `reports/`, and `facts`: pairs of a name and a text."""

NAMES = {
    "command": "command",
    "git": "commit",
    "data_digest": "data digest",
    "config_hash": "settings hash",
    "fingerprint": "code fingerprint",
    "seed": "seed",
}
"""Keys of a provenance record that are shown first, with their names."""


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Returns nested plain data as pairs of joined keys and text, in the order of the keys."""
    if isinstance(value, Mapping):
        return [pair for key in sorted(value) for pair in flat(value[key], f"{prefix} {key}" if prefix else str(key))]
    if isinstance(value, (list, tuple)):
        return [(prefix, ", ".join(str(item) for item in value))]
    return [(prefix, "none" if value is None else str(value))]


def facts(provenance: Provenance) -> list[tuple[str, str]]:
    """Returns a provenance record as pairs of a name and a text, what matters first."""
    record = provenance.plain()
    shown = [(name, "none" if record[key] is None else str(record[key])) for key, name in NAMES.items() if key in record]
    if provenance.hardware is not None:
        shown.append(("hardware", provenance.machine))
    if provenance.versions:
        shown.append(("versions", ", ".join(f"{name} {version}" for name, version in sorted(provenance.versions.items()))))
    return shown + flat({key: value for key, value in record.items() if key not in {*NAMES, "hardware", "versions"}})


def _mlflow(record: MethodRun | None) -> list[tuple[str, str]]:
    """Returns how to find a method's run in the MLflow store; a run's id is drawn anew in every store, its digest is not."""
    if record is None:
        return []
    search = f"""mlflow.search_runs(experiment_names=["{record.experiment}"], filter_string="tags.`{DIGEST}` = '{record.digest}'")"""
    return [
        ("MLflow run", f"{record.name} in experiment {record.experiment}"),
        (f"MLflow tag {DIGEST}", record.digest),
        ("MLflow run id", f"after `lle mlflow sync`: {search}.run_id"),
    ]


def study_run(study: Study, variant: str) -> Run:
    """Returns the origin of a study's row."""
    found = study.variants[variant]
    records = [found.provenance[seed] for seed in sorted(found.provenance, key=int)]
    shown = [("command", f"lle study {study.study}"), ("set", "; ".join(found.set) or "nothing but the method's own settings")]
    shown.append(("seeds", ", ".join(str(seed) for seed in study.seeds)))
    for seed in sorted(found.training, key=int):
        shown.append((f"training, seed {seed}", "; ".join(f"{key} {text}" for key, text in flat(found.training[seed].plain()))))
    if records:
        shown += [pair for pair in facts(records[0]) if pair[0] not in {"command", "seed"}]
    return {"title": found.title, "where": study.study, "file": f"studies/{study.study}.json", "facts": shown}


def _timing(profile: Profile) -> list[tuple[str, str]]:
    timing = profile.timing(SIZE)
    return [] if timing is None else [(f"latency {SIZE} {key}", text) for key, text in flat(timing.plain())]


def runs(results: Results, reports: Path) -> dict[str, Run]:
    """Returns the origin of every number, by the id that its cell carries.

    Args:
        results: what was read.
        reports: the folder it was read from; its files give the digests under which MLflow knows the runs.
    """
    records = {record.method: record for record in collect(reports, reports / "no models")}
    found: dict[str, Run] = {}
    for dataset, evaluations in results.evaluations.items():
        for method, evaluation in evaluations.items():
            shown = [*facts(evaluation.provenance), *_mlflow(records.get(method))]
            shown.append(("split", f"{evaluation.split}, {evaluation.images} pictures"))
            shown += [(f"protocol {key}", text) for key, text in flat(evaluation.protocol)]
            source = f"metrics/{dataset}/{method}.json"
            found[f"{dataset}/{method}"] = {"title": results.title(method), "where": dataset, "file": source, "facts": shown}
    for method, profile in results.profiles.items():
        shown = [*facts(profile.provenance), *_mlflow(records.get(method))]
        shown += _timing(profile)
        found[f"profile/{method}"] = {"title": results.title(method), "where": "profile", "file": f"profile/{method}.json", "facts": shown}
    for method, flicker in results.flickers.items():
        shown = [("clips", f"{flicker.clips} of {flicker.frames} frames, from {flicker.dataset}"), *facts(flicker.provenance)]
        found[f"flicker/{method}"] = {"title": results.title(method), "where": "video", "file": f"flicker/{method}.json", "facts": shown}
    if results.costs:
        found["costs"] = {"title": "All methods", "where": "costs", "file": "costs.json", "facts": [("counted at", SIZE)]}
    for name, study in results.studies.items():
        found |= {f"study/{name}/{variant}": study_run(study, variant) for variant in study.variants}
    return found


def used(found: Mapping[str, Run], keys: Iterable[str]) -> dict[str, Run]:
    """Returns the runs that a page refers to, in the order of their ids."""
    return {key: found[key] for key in sorted(set(keys))}
