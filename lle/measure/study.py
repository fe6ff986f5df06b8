"""Runs a study: trains its variants alike, measures them on the same pictures, and tests what was expected of them.

A variant that is trained and measured with a seed is not done again while its code, settings and data stay the same, so an
interrupted study goes on where it stopped.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from lle.config.load import load_params
from lle.config.schema import BaseParams, method_settings
from lle.config.study import StudyConfig
from lle.engine.fingerprint import TOOLS, fingerprint, method_fingerprint
from lle.engine.needs import digests, folder_digest
from lle.errors import ConfigError, LleError, did_you_mean
from lle.files import csv_text, digest, read_json, sha256, significant, write_json, write_text

BUILD = Path("build/studies")
TRAINING = ("iterations", "seconds", "images_per_s", "data_wait_share", "wait_shares")
"""What is kept of the record of a training."""


@dataclass(frozen=True)
class Run:
    """One training of a study, and its measurement.

    Attributes:
        study: the study's name.
        variant: the row.
        method: its method.
        seed: of the training.
        params: all settings, overrides applied.
        datasets: on which it is measured.
    """

    study: str
    variant: str
    method: str
    seed: int
    params: BaseParams
    datasets: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Holds its model and its results."""
        return BUILD / self.study / self.variant / str(self.seed)

    @property
    def mlflow(self) -> dict[str, str]:
        """Where it stands in MLflow."""
        return {"experiment": "studies", "run": f"{self.study}/{self.variant}/{self.seed}"}

    def key(self, data: Path = Path("build/data")) -> str:
        """Returns a digest of everything the results depend on."""
        settings = method_settings(self.params, self.method)
        names = dict.fromkeys((self.params.train.data, *self.datasets))
        return digest(
            {
                "code": [method_fingerprint(self.method, settings=settings), fingerprint(TOOLS["_evaluate"])],
                "settings": settings.model_dump(mode="json"),
                "train": self.params.train.model_dump(mode="json"),
                "evaluate": self.params.evaluate.model_dump(mode="json"),
                "seed": self.seed,
                "needs": digests(settings),
                "data": {name: folder_digest(data / name) for name in names},
            }
        )


def plan(name: str, path: Path, overrides: Iterable[str] = ()) -> tuple[StudyConfig, list[Run]]:
    """Returns a study and its trainings; every variant's settings are checked before any is trained.

    Args:
        name: key under `studies`.
        path: the settings file.
        overrides: in the grammar of `-S`; those of the study and of its variants are applied after them.

    Raises:
        ConfigError: there is no such study, or an override is wrong; the message names the variant.
    """
    before = list(overrides)
    params = load_params(path, before)
    if name not in params.studies:
        raise ConfigError(f"`studies` in {path} has no section '{name}'.{did_you_mean(name, params.studies)} `lle study` lists them.")
    study = params.studies[name]
    runs = []
    for variant, row in study.variants.items():
        for seed in study.seeds:
            try:
                own = load_params(path, [*before, *study.set, *row.set, f"seed={seed}"])
            except ConfigError as error:
                raise ConfigError(f"studies.{name}.variants.{variant}: {error}") from error
            runs.append(Run(name, variant, row.method, seed, own, tuple(study.datasets)))
    return study, runs


def write_keys(path: Path, folder: Path) -> None:
    """Writes one file a study with the keys of its runs; the stage that runs a study depends on it."""
    names = load_params(path).studies
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.json"):
        if stale.stem not in names:
            stale.unlink()
    for name in names:
        study, runs = plan(name, path)
        write_json(folder / f"{name}.json", {"study": study.model_dump(mode="json"), "keys": [run.key() for run in runs]})


def run_study(
    name: str, path: Path = Path("params.yaml"), overrides: Iterable[str] = (), reports: Path = Path("reports")
) -> dict[str, Any]:
    """Trains and measures what a study lacks, and writes its results.

    Args:
        name: key under `studies`.
        path: the settings file.
        overrides: in the grammar of `-S`.
        reports: receives `studies/<name>.json` and `.csv` (a line a variant, seed and picture).

    Returns:
        What was written as JSON.

    Raises:
        ConfigError: there is no such study, or an override is wrong.
        LleError: data are missing, or a training failed; the runs that are done are kept.
    """
    study, runs = plan(name, path, overrides)
    _prepare(runs)
    for place, run in enumerate(runs, 1):
        if not _is_done(run):
            click.echo(f"{name}: {run.variant}, seed {run.seed} ({place} of {len(runs)})")
            _run(run)
    lines = [line for run in runs for line in _lines(run)]
    result = {
        "study": name,
        "title": study.title,
        "paper": study.paper,
        "datasets": study.datasets,
        "seeds": study.seeds,
        "train_data": runs[0].params.train.data,
        "variants": {
            variant: {
                "title": row.title or variant,
                "method": row.method,
                "set": [*study.set, *row.set],
                **_summary(study, [run for run in runs if run.variant == variant], lines),
            }
            for variant, row in study.variants.items()
        },
        "contrasts": [_contrast(better, worse, dataset, study, lines) for better, worse in study.pairs for dataset in study.datasets],
    }
    write_text(reports / "studies" / f"{name}.csv", csv_text(lines))
    write_json(reports / "studies" / f"{name}.json", result)
    write_index(reports)
    return result


def index(reports: Path) -> dict[str, str]:
    """Returns a digest of the results of every study, by name."""
    folder = reports / "studies"
    return {path.stem: digest([sha256(path), *map(sha256, folder.glob(f"{path.stem}.csv"))]) for path in sorted(folder.glob("*.json"))}


def write_index(reports: Path) -> None:
    """Writes `studies.json`, on which the report depends in place of the results that it does not make itself."""
    write_json(reports / "studies.json", index(reports))


def _prepare(runs: Sequence[Run]) -> None:
    """Makes the data sets that are not there; the pipeline does not know which ones a study needs."""
    from lle.data.prepare import prepare

    for run in runs:
        for name in (run.params.train.data, *run.datasets):
            if folder_digest(Path("build/data") / name) is None:
                prepare(name, run.params.data[name], command=run.params.command("fetch", name))


def _is_done(run: Run) -> bool:
    done = run.folder / "done.json"
    return done.is_file() and read_json(done)["key"] == run.key()


def _run(run: Run) -> None:
    from lle.engine.train import train
    from lle.measure.method import evaluate_method

    key = run.key()
    (run.folder / "done.json").unlink(missing_ok=True)
    train(run.method, run.params, models=run.folder / "models", reports=None)
    for dataset in run.datasets:
        evaluate_method(run.method, dataset, run.params, models=run.folder / "models", reports=run.folder)
    write_json(run.folder / "done.json", {"key": key})


def _lines(run: Run) -> Iterator[dict[str, Any]]:
    """Yields the per-picture results of a run."""
    for dataset in run.datasets:
        with (run.folder / "metrics" / dataset / f"{run.method}.csv").open(encoding="utf-8", newline="") as stream:
            for line in csv.DictReader(stream):
                yield {"variant": run.variant, "seed": run.seed, "dataset": dataset, **line}


def _values(lines: Sequence[Mapping[str, Any]], variant: str, dataset: str, metric: str) -> dict[int, dict[str, float]]:
    """Returns the values of a metric by seed and picture; empty where it has none."""
    found: dict[int, dict[str, float]] = {}
    for line in lines:
        if line["variant"] == variant and line["dataset"] == dataset and line.get(metric):
            found.setdefault(int(line["seed"]), {})[line["image"]] = float(line[metric])
    return found


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
    records = {run.seed: read_json(run.folder / "metrics" / study.datasets[0] / f"{run.method}.json") for run in runs}
    for dataset in study.datasets:
        scenes = _scenes(lines, dataset)
        cells = read_json(runs[0].folder / "metrics" / dataset / f"{runs[0].method}.json")["metrics"]
        results[dataset] = {}
        for metric, cell in cells.items():
            values = _values(lines, runs[0].variant, dataset, metric)
            if cell["mean"] is None or len(values) < len(runs):
                results[dataset][metric] = {"mean": None, "missing": cell.get("missing", "not measured with every seed")}
                continue
            averaged = _mean_over_seeds(values)
            groups = bootstrap_groups([scenes[image] for image in averaged])
            interval = bootstrap_mean(list(averaged.values()), groups, 0, options.resamples, options.confidence)
            by_seed = {seed: significant(statistics.fmean(of.values())) for seed, of in values.items()}
            results[dataset][metric] = {
                **{key: value if key == "n" else significant(value) for key, value in asdict(interval).items()},
                "by_seed": {str(seed): mean for seed, mean in by_seed.items()},
                "seed_sd": significant(statistics.stdev(by_seed.values())) if len(by_seed) > 1 else None,
            }
    trained = {str(run.seed): read_json(run.folder / "models" / run.method / "train.json") for run in runs}
    return {
        "results": results,
        "training": {seed: {key: record[key] for key in TRAINING} for seed, record in trained.items()},
        "provenance": {str(run.seed): {**records[run.seed]["provenance"], "mlflow": run.mlflow} for run in runs},
    }


def _contrast(better: str, worse: str, dataset: str, study: StudyConfig, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Compares two variants on the PSNR of the same pictures, averaged over seeds."""
    from lle.measure.quality import bootstrap_groups
    from lle.metrics.bootstrap import paired_difference

    entry: dict[str, Any] = {"better": better, "worse": worse, "dataset": dataset, "metric": "psnr"}
    first, second = (_values(lines, variant, dataset, "psnr") for variant in (better, worse))
    if not first or not second:
        return {**entry, "verdict": None, "missing": f"{dataset} has no references, so there is no PSNR to compare"}
    if first.keys() != second.keys():
        raise LleError(f"study: {better} and {worse} were measured with different seeds. Run the study again.")
    a, b = _mean_over_seeds(first), _mean_over_seeds(second)
    scenes = _scenes(lines, dataset)
    found = paired_difference([a[i] for i in a], [b[i] for i in a], bootstrap_groups([scenes[i] for i in a]))
    low, high = found.difference.low, found.difference.high
    signs = [np.mean(list(first[s].values())) > np.mean(list(second[s].values())) for s in first]
    return {
        **entry,
        "difference": {key: value if key == "n" else significant(value) for key, value in asdict(found.difference).items()},
        "p_value": significant(found.p_value),
        "seeds_in_favour": int(sum(signs)),
        "seeds": len(study.seeds),
        "verdict": "holds" if low > 0 else "contradicted" if high < 0 else "not shown",
    }
