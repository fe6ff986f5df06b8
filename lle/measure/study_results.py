"""What comes of a study: means with intervals over pictures, the spread over seeds and processors, and its contrasts."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from lle.config.schema import BaseParams
from lle.config.study import StudyConfig, VariantConfig
from lle.errors import LleError
from lle.files import read_json, significant

TRAINING = ("iterations", "seconds", "images_per_s", "data_wait_share", "wait_shares")
"""What is kept of the record of a training."""
TEST = "Wilcoxon signed-rank test on the means of scenes, two-sided"
ALPHA = 0.05
"""Largest p-value with which a contrast holds, or is contradicted."""

Values = dict[tuple[int, str], dict[str, float]]
"""Values of a metric by (seed, processor) and picture."""


class Run(Protocol):
    """What is used here of a training of a study, see `lle.measure.study.Run`."""

    @property
    def variant(self) -> str:
        """The row."""

    @property
    def method(self) -> str:
        """Its method."""

    @property
    def seed(self) -> int:
        """Of the training."""

    @property
    def processor(self) -> str:
        """Whose instructions were used."""

    @property
    def params(self) -> BaseParams:
        """All settings."""

    @property
    def datasets(self) -> tuple[str, ...]:
        """On which it was measured."""

    @property
    def split(self) -> Literal["val", "test"]:
        """The split of them."""

    @property
    def folder(self) -> Path:
        """Holds its model and its results."""

    @property
    def mlflow(self) -> dict[str, str]:
        """Where it stands in MLflow."""


def lines_of(run: Run) -> Iterator[dict[str, Any]]:
    """Yields the results of a run, a line a picture."""
    for dataset in run.datasets:
        with (run.folder / "metrics" / dataset / f"{run.method}.csv").open(encoding="utf-8", newline="") as stream:
            for line in csv.DictReader(stream):
                yield {"variant": run.variant, "seed": run.seed, "processor": run.processor, "dataset": dataset, **line}


def summarised(
    study: StudyConfig, rows: Mapping[str, VariantConfig], runs: Sequence[Run], lines: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Returns the variants with their results, and the contrasts.

    Means, intervals and contrasts are of the study's first processor; `by_run` has the means of all runs.

    Args:
        study: its settings.
        rows: its variants.
        runs: its trainings, all done.
        lines: the results of all runs, a line a picture.
    """
    first = study.processors[0]
    variants = {
        name: {
            "title": row.title or name,
            "method": row.method,
            "set": [*study.set, *row.set],
            **_summary(study, [run for run in runs if run.variant == name], lines),
        }
        for name, row in rows.items()
    }
    contrasts = [_contrast(better, worse, dataset, first, lines) for better, worse in study.pairs for dataset in study.datasets]
    if study.mechanisms:
        _add_mechanisms(study, runs, variants, contrasts)
    return {"variants": variants, "contrasts": contrasts}


def _add_mechanisms(study: StudyConfig, runs: Sequence[Run], variants: dict[str, Any], contrasts: list[dict[str, Any]]) -> None:
    """Adds the numbers about mechanisms to the variants, and to the contrasts by how far their pictures differ with the first seed."""
    from lle.measure.study_mechanism import numbers, output_change

    own = [run for run in runs if run.processor == study.processors[0]]
    for name, variant in variants.items():
        if found := numbers([run for run in own if run.variant == name]):
            variant["mechanism"] = found
    firsts = {run.variant: run for run in reversed(own)}
    for one in contrasts:
        one["output_change"] = output_change(firsts[one["better"]], firsts[one["worse"]], one["dataset"])


def _values(lines: Sequence[Mapping[str, Any]], variant: str, dataset: str, metric: str) -> Values:
    """Returns the values of a metric; empty where it has none."""
    found: Values = {}
    for line in lines:
        if line["variant"] == variant and line["dataset"] == dataset and line.get(metric):
            found.setdefault((int(line["seed"]), line["processor"]), {})[line["image"]] = float(line[metric])
    return found


def _of(values: Values, processor: str) -> dict[int, dict[str, float]]:
    return {seed: by_image for (seed, own), by_image in values.items() if own == processor}


def _scenes(lines: Sequence[Mapping[str, Any]], dataset: str) -> dict[str, str]:
    return {line["image"]: line["scene"] for line in lines if line["dataset"] == dataset}


def _mean_over_seeds(values: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    images = next(iter(values.values()))
    return {image: statistics.fmean(by_image[image] for by_image in values.values()) for image in images}


def _summary(study: StudyConfig, runs: Sequence[Run], lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    from lle.measure.quality import bootstrap_groups
    from lle.metrics.bootstrap import bootstrap_mean

    results: dict[str, Any] = {}
    options = runs[0].params.evaluate
    for dataset in study.datasets:
        scenes = _scenes(lines, dataset)
        cells = read_json(runs[0].folder / "metrics" / dataset / f"{runs[0].method}.json")["metrics"]
        results[dataset] = {}
        for metric, cell in cells.items():
            values = _values(lines, runs[0].variant, dataset, metric)
            if cell["mean"] is None or len(values) < len(runs):
                results[dataset][metric] = {"mean": None, "missing": cell.get("missing", "not measured in every run")}
                continue
            averaged = _mean_over_seeds(_of(values, study.processors[0]))
            groups = bootstrap_groups([scenes[image] for image in averaged])
            interval = bootstrap_mean(list(averaged.values()), groups, 0, options.resamples, options.confidence)
            means = {key: significant(statistics.fmean(of.values())) for key, of in values.items()}
            by_seed = {seed: mean for (seed, processor), mean in means.items() if processor == study.processors[0]}
            results[dataset][metric] = {
                **{key: value if key == "n" else significant(value) for key, value in asdict(interval).items()},
                "by_run": [{"seed": seed, "processor": processor, "mean": mean} for (seed, processor), mean in means.items()],
                "by_seed": {str(seed): mean for seed, mean in by_seed.items()},
                "seed_sd": significant(statistics.stdev(by_seed.values())) if len(by_seed) > 1 else None,
                "processor_gap": _processor_gap(means, study),
            }
    facts = [_facts(run, study.datasets[0]) for run in runs]
    own = [fact for fact in facts if fact["processor"] == study.processors[0]]
    return {
        "results": results,
        "training": {str(fact["seed"]): fact["training"] for fact in own},
        "provenance": {str(fact["seed"]): fact["provenance"] for fact in own},
        **({"other_runs": others} if (others := [fact for fact in facts if fact not in own]) else {}),
    }


def _facts(run: Run, dataset: str) -> dict[str, Any]:
    """Returns where the numbers of a run come from."""
    trained = read_json(run.folder / "models" / run.method / "train.json")
    measured = read_json(run.folder / "metrics" / dataset / f"{run.method}.json")
    return {
        "seed": run.seed,
        "processor": run.processor,
        "training": {key: trained[key] for key in TRAINING},
        "provenance": {**measured["provenance"], "mlflow": run.mlflow},
    }


def _processor_gap(means: Mapping[tuple[int, str], float], study: StudyConfig) -> float | None:
    """Returns the largest difference between processors with the same seed; None where the study has one processor."""
    if len(study.processors) < 2:
        return None
    return significant(max(_range([mean for (own, _), mean in means.items() if own == seed]) for seed in study.seeds))


def _range(values: Sequence[float]) -> float:
    return max(values) - min(values)


def _contrast(better: str, worse: str, dataset: str, processor: str, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Compares two variants on the PSNR of the same pictures, averaged over seeds."""
    from lle.measure.quality import bootstrap_groups
    from lle.metrics.bootstrap import paired_difference

    entry: dict[str, Any] = {"better": better, "worse": worse, "dataset": dataset, "metric": "psnr"}
    first, second = (_of(_values(lines, variant, dataset, "psnr"), processor) for variant in (better, worse))
    if not first or not second:
        return {**entry, "verdict": None, "missing": f"{dataset} has no references, so there is no PSNR to compare"}
    if first.keys() != second.keys():
        raise LleError(f"study: {better} and {worse} were measured with different seeds. Run the study again.")
    a, b = _mean_over_seeds(first), _mean_over_seeds(second)
    scenes = _scenes(lines, dataset)
    found = paired_difference([a[i] for i in a], [b[i] for i in a], bootstrap_groups([scenes[i] for i in a]))
    signs = [np.mean(list(first[s].values())) > np.mean(list(second[s].values())) for s in first]
    return {
        **entry,
        "difference": {key: value if key == "n" else significant(value) for key, value in asdict(found.difference).items()},
        "p_value": significant(found.p_value),
        "test": TEST,
        "seeds_in_favour": int(sum(signs)),
        "seeds": len(first),
        "verdict": verdict(found.difference.low, found.difference.high, found.p_value),
    }


def verdict(low: float | None, high: float | None, p_value: float) -> str:
    """Returns `holds` or `contradicted` where the interval lies on one side of 0 and the test agrees, else `not shown`."""
    if low is None or high is None or p_value >= ALPHA or low <= 0 <= high:
        return "not shown"
    return "holds" if low > 0 else "contradicted"
