"""Runs a study: trains its variants alike, measures them on the same pictures, and tests what was expected of them.

A study is variants times seeds, times processors where it names some. A variant that is trained and measured with a seed is
not done again while its key stays the same, so an interrupted study goes on where it stopped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from lle import registry
from lle.config.load import load_params
from lle.config.schema import BaseParams
from lle.config.study import Processor, StudyConfig, VariantConfig
from lle.data.pairs import closed_test_splits
from lle.errors import ConfigError, LleError, TrainingError, did_you_mean
from lle.files import csv_text, digest, read_json, write_json, write_text
from lle.keys import Keys, content_digest
from lle.keys.code import installed
from lle.measure.study_results import lines_of, summarised
from lle.results.study import Study, training_name

if TYPE_CHECKING:
    from lle.cluster.jobs import Engine

BUILD = Path("build/studies")
BASELINE = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
    "OPENCV_CPU_DISABLE": "AVX2,FMA3,AVX",
}
"""Environment in which torch, oneDNN, NumPy and OpenCV take the instructions of an old x86 processor."""


@dataclass(frozen=True)
class Run:
    """One training of a study, and its measurement.

    Attributes:
        study: the study's name.
        variant: the row.
        method: its method.
        seed: of the training.
        processor: whose instructions are used, `native` or `baseline`.
        params: all settings, overrides applied.
        datasets: on which it is measured.
        split: of them, `val` where settings are chosen.
        mechanisms: whether the numbers of `lle mechanism` are measured too.
    """

    study: str
    variant: str
    method: str
    seed: int
    processor: Processor
    params: BaseParams
    datasets: tuple[str, ...]
    split: Literal["val", "test"] = "test"
    mechanisms: bool = False

    @property
    def name(self) -> str:
        """What tells it from the other runs of the study."""
        return training_name(self.variant, self.seed, self.processor)

    @property
    def folder(self) -> Path:
        """Holds its model and its results."""
        return BUILD / self.study / self.name

    @property
    def mlflow(self) -> dict[str, str]:
        """Where it stands in MLflow."""
        return {"experiment": "studies", "run": f"{self.study}/{self.name}"}

    @property
    def paths(self) -> tuple[Path, ...]:
        """The folders that it reads."""
        own = Keys(self.params).key(f"train/{self.method}").paths
        return tuple(dict.fromkeys([*own, *(Path("build/data") / name for name in self.datasets)]))

    def keys(self) -> dict[str, str]:
        """Returns the keys of its training and of its measurement, which are those of the stages that do the same."""
        keys = Keys(self.params)
        stages = ["train", "evaluate", *(["mechanism"] if self._declares else [])]
        return {stage: keys.key(f"{stage}/{self.method}").value for stage in stages}

    def origin(self) -> dict[str, str]:
        """Returns what the provenance of its results will hold: digests of the settings and of the code of its training."""
        key = Keys(self.params).key(f"train/{self.method}")
        return {"config_hash": key.config_hash, "fingerprint": key.code}

    def key(self) -> str:
        """Returns a digest of everything the results depend on, with what lies in the folders that it reads now."""
        keys = Keys(self.params)
        content = {path.as_posix(): content_digest(path) for path in self.paths}
        measured = [value for stage, value in self.keys().items() if stage != "train"]
        return digest([keys.key(f"train/{self.method}").full(), *measured, content, self.processor, self.split])

    @property
    def _declares(self) -> bool:
        return self.mechanisms and self.method in registry.with_mechanism()


def rows(study: StudyConfig, params: BaseParams) -> Mapping[str, VariantConfig]:
    """Returns the variants of a study; `suite` stands for every method of the suite, each as it is set."""
    if study.variants == "suite":
        return {name: VariantConfig(title=registry.card(name).title, method=name) for name in params.suite.methods}
    return study.variants


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
    for variant, row in rows(study, params).items():
        given = [*before, *study.set, *row.set]
        try:
            own = load_params(path, given)
        except ConfigError as error:
            raise ConfigError(f"studies.{name}.variants.{variant}: {error}") from error
        for processor, seed in study.runs:
            seeded = own.with_override("seed", seed)
            runs.append(Run(name, variant, row.method, seed, processor, seeded, tuple(study.datasets), study.split, study.mechanisms))
    return study, runs


def study_keys(path: Path, overrides: Iterable[str] = ()) -> tuple[dict[str, Any], dict[str, list[Path]]]:
    """Returns, by study, what its stage depends on, and the folders that it reads."""
    given = list(overrides)
    values: dict[str, Any] = {}
    folders: dict[str, list[Path]] = {}
    code = installed().digest(["lle.measure.study_results:summarised"])
    for name in load_params(path, given).studies:
        study, runs = plan(name, path, given)
        values[name] = {
            "code": code,
            "study": study.model_dump(mode="json"),
            "runs": {run.name: {**run.keys(), **run.origin()} for run in runs},
        }
        folders[name] = list(dict.fromkeys(one for run in runs for one in run.paths))
    return values, folders


def run_study(
    name: str,
    path: Path = Path("params.yaml"),
    overrides: Iterable[str] = (),
    reports: Path = Path("reports"),
    engine: Engine | None = None,
) -> Study:
    """Trains and measures what a study lacks, and writes its results.

    Args:
        name: key under `studies`.
        path: the settings file.
        overrides: in the grammar of `-S`.
        reports: receives `studies/<name>.json` and `.csv` (a line a variant, seed, processor and picture).
        engine: what runs the trainings side by side, see `lle.cluster.jobs`; None runs one after the other in this process.

    Returns:
        What was written.

    Raises:
        ConfigError: there is no such study, or an override is wrong.
        LleError: data are missing, or a training failed; the runs that are done are kept.
    """
    given = list(overrides)
    study, runs = plan(name, path, given)
    _prepare(runs)
    if engine is not None:
        _on_cluster(engine, name, [run for run in runs if not _is_done(run)], path, given)
    for place, run in enumerate(runs, 1):
        if engine is None and not _is_done(run):
            click.echo(f"{name}: {run.variant}, seed {run.seed}, {run.processor} ({place} of {len(runs)})")
            if run.processor == "native":
                execute(run)
            else:
                _elsewhere(run, path, given)
    lines = [line for run in runs for line in lines_of(run)]
    result = {
        "study": name,
        "title": study.title,
        "paper": study.paper,
        "datasets": study.datasets,
        "split": study.split,
        "seeds": study.seeds,
        "processors": study.processors,
        "train_data": runs[0].params.train.data,
        **summarised(study, rows(study, load_params(path, given)), runs, lines),
    }
    write_text(reports / "studies" / f"{name}.csv", csv_text(lines))
    return Study.written(result, Study.path(reports, name))


def _prepare(runs: Sequence[Run]) -> None:
    """Makes the data sets that are not there; the pipeline does not make those that only a study needs."""
    from lle.config.data import settings_for
    from lle.data.prepare import prepare

    for run in runs:
        for name in (run.params.train.data, *run.datasets):
            if content_digest(Path("build/data") / name) is None:
                prepare(name, settings_for(name, run.params.data), command=run.params.command("fetch", name), sections=run.params.data)


def _is_done(run: Run) -> bool:
    done = run.folder / "done.json"
    return done.is_file() and read_json(done)["key"] == run.key()


def execute(run: Run) -> None:
    """Trains and measures in this process."""
    from lle.engine.train import train
    from lle.measure import study_mechanism
    from lle.measure.method import evaluate_method

    key = run.key()
    (run.folder / "done.json").unlink(missing_ok=True)
    with closed_test_splits() if run.split == "val" else nullcontext():
        train(run.method, run.params, models=run.folder / "models", reports=None, scratch=Path("build/scratch") / run.processor)
        for dataset in run.datasets:
            evaluate_method(run.method, dataset, run.params, models=run.folder / "models", reports=run.folder, split=run.split)
        if run.mechanisms:
            study_mechanism.measure_run(run)
    write_json(run.folder / "done.json", {"key": key})


def _elsewhere(run: Run, path: Path, overrides: Sequence[str]) -> None:
    """Trains and measures in a process of its own, in the environment of its processor."""
    words = [sys.executable, "-m", "lle.measure.study", run.study, run.name, str(path), *overrides]
    done = subprocess.run(words, env={**os.environ, **BASELINE}, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise TrainingError(f"study {run.study}: {run.name} failed on the processor `{run.processor}`:\n{done.stderr[-2000:].strip()}")


def _on_cluster(engine: Engine, name: str, runs: Sequence[Run], path: Path, overrides: Sequence[str]) -> None:
    """Trains and measures side by side on a cluster."""
    from lle.cluster.jobs import Job, gpus_of, run_all

    jobs = [
        Job(
            f"{name}/{run.name}",
            "lle.measure.study:execute_named",
            (name, run.name, str(path), *overrides),
            {} if run.processor == "native" else BASELINE,
            run.params.train.threads or 1,
            gpus_of(run.params.train),
        )
        for run in runs
    ]
    for job, number in run_all(engine, jobs, f"the study {name}"):
        click.echo(f"{job.name} ({number} of {len(jobs)})")
    if lost := [run.name for run in runs if not _is_done(run)]:
        raise TrainingError(
            f"study {name}: {', '.join(lost)} left no results here. Jobs need the project's folder on a shared file system."
        )


def execute_named(name: str, run_name: str, path: str, *overrides: str) -> None:
    """Trains and measures a run of a study in this process, see `plan` and `Run.name`."""
    execute(next(run for run in plan(name, Path(path), overrides)[1] if run.name == run_name))


def _main(name: str, run_name: str, path: str, *overrides: str) -> int:
    try:
        execute_named(name, run_name, path, *overrides)
    except LleError as error:
        click.echo(str(error), err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
