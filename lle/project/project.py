"""Training and measuring, which everything else of a project is about."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lle.project.analyses import Analyses
from lle.project.benchmarks import Benchmarks
from lle.project.cluster import Clustered
from lle.project.guided import Guidance
from lle.project.publish import Publishing
from lle.project.rate import Rated
from lle.project.service import Serving
from lle.project.stages import Stages
from lle.project.video import Moving

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback
    from lightning.pytorch.loggers import Logger

    from lle.cluster.jobs import Engine
    from lle.measure.compare import Comparison
    from lle.results.quality import Evaluation
    from lle.results.study import Study

LOG = logging.getLogger(__name__)


class Project(Analyses, Benchmarks, Clustered, Guidance, Moving, Publishing, Rated, Serving, Stages):
    """Everything `params.yaml` describes: data sets, trainings, measurements, results.

    Args:
        path: the settings file.
        overrides: settings that replace those of the file, in the grammar of `-S`: `methods.zero_dce.lr=1e-4`.
        root: folder of the project, see `lle.project.folders.Folders`.
    """

    def train(
        self,
        method: str,
        data: str | None = None,
        seed: int | None = None,
        iterations: int | None = None,
        callbacks: Sequence[Callback] = (),
        loggers: Sequence[Logger] = (),
        live: bool = False,
    ) -> Path:
        """Trains a method, or resumes its interrupted training, and returns its model folder.

        Args:
            method: its id.
            data: data set to learn from: a section of `data`, or a set of the catalog; None takes `train.data`.
            seed: None takes `seed`.
            iterations: of the main phase; None takes the method's.
            callbacks: Lightning's, added to those of the engine.
            loggers: Lightning's, which receive the losses while they are made.
            live: write the run in MLflow while it is made; `sync` completes it.

        Raises:
            LleError: settings, data or devices do not fit; the message says what to do.
        """
        from lle import registry
        from lle.config.load import training_data
        from lle.config.schema import method_settings
        from lle.engine.train import train
        from lle.project.ranks import Together, is_first, results

        registry.package(method)
        changes = [
            *(training_data(data, self.path, self.overrides) if data is not None else ()),
            *([f"seed={seed}"] if seed is not None else ()),
            *([f"methods.{method}.iterations={iterations}"] if iterations is not None else ()),
        ]
        project = self.override(*changes) if changes else self
        project.warn_of_departures(method)
        if registry.card(method).supervision != "classical":
            project.require_prepared(project.params.train.data)

        shown = live and is_first()
        if shown and find_spec("mlflow") is None:
            LOG.info("MLflow is not installed, so it does not show the training; the extra `suite` has it")
            shown = False

        def follow(origin: Mapping[str, Any]) -> Logger:
            from lle.results.provenance import Provenance
            from lle.tracking.live import LiveLogger

            logger = LiveLogger(method, project.params.train.data, Provenance.model_validate(origin))
            logger.log_hyperparams(method_settings(project.params, method).model_dump(mode="json"))
            return logger

        with results(self.models, self.reports) as (models, reports):
            train(
                method,
                project.params,
                models,
                reports,
                self.data,
                self.cache,
                self.scratch,
                callbacks,
                [*loggers, Together()],
                follow if shown else None,
            )
        return self.models / method

    def train_zoo(self, name: str, live: bool = False) -> Path:
        """Trains weights for the package, or resumes their interrupted training, and returns the model folder.

        Args:
            name: a section of `zoo`, whose overrides are applied.
            live: see `train`.

        Raises:
            LleError: settings, data or devices do not fit; the message says what to do.
        """
        return self.zoo_project(name).train(self.zoo_entry(name).method, live=live)

    def evaluate(self, method: str, dataset: str) -> Evaluation:
        """Measures a method on the test split of a data set, which is prepared where it is not.

        Args:
            method: its id, or `input` for the pictures as they are.
            dataset: a section of `data`, or a set of the catalog.

        Returns:
            What `reports/metrics/<dataset>/<method>.json` holds.
        """
        from lle import registry
        from lle.measure.method import INPUT, evaluate_method, open_method

        if method != INPUT:
            registry.package(method)
            if not self.is_prepared(dataset):
                open_method(method, self.params, self.models)  # a missing model is found before a long download
        self.require_prepared(dataset)
        return evaluate_method(method, dataset, self.params, self.models, self.reports, self.data)

    def evaluate_all(self, methods: Sequence[str], dataset: str, engine: Engine | None = None) -> Iterator[Evaluation]:
        """Measures methods on the test split of a data set, a job each.

        Args:
            methods: ids, or `input`; `suite` stands for `input` and every method of the suite.
            dataset: see `evaluate`.
            engine: `ray` or `slurm` runs them side by side on a cluster, see `lle.cluster.jobs`; None one after the other.

        Yields:
            The result of each, in the order given.

        Raises:
            LleError: see `evaluate`; on a cluster after all others are done.
        """
        from lle.cluster.jobs import Job, gpus_of, run_all
        from lle.results.quality import INPUT, Evaluation

        names = list(
            dict.fromkeys(name for given in methods for name in ((INPUT, *self.params.suite.methods) if given == "suite" else (given,)))
        )
        if engine is None:
            for name in names:
                yield self.evaluate(name, dataset)
            return
        self.require_prepared(dataset)
        threads, gpus = self.params.train.threads or 1, gpus_of(self.params.train)
        arguments = (dataset, str(self.path), str(self.root), *self.overrides)
        jobs = [Job(f"evaluate {name}", "lle.project.cluster:evaluate", (name, *arguments), threads=threads, gpus=gpus) for name in names]
        for _ in run_all(engine, jobs, "the evaluation"):
            pass
        for name in names:
            yield Evaluation.read(Evaluation.path(self.reports, dataset, name))

    def compare(self, methods: Sequence[str], dataset: str, metrics: Sequence[str] = (), run: bool = False) -> Comparison:
        """Puts the results of methods on a data set side by side.

        Args:
            methods: ids, or `input`; differences are to the first.
            dataset: on which they were evaluated.
            metrics: names; none takes all that say which of two is better.
            run: evaluates what was not.

        Raises:
            LleError: a method was not evaluated, and `run` is false; or they were evaluated on different pictures.
        """
        from lle.measure.compare import compare, result_file

        if self.overrides or self.path.exists():
            _ = self.params  # wrong settings are told, although nothing but `run` needs them
        for method in methods:
            if run and not result_file(self.reports, dataset, method).is_file():
                self.evaluate(method, dataset)
        return compare(methods, dataset, self.reports, metrics)

    def studies(self) -> dict[str, str]:
        """Returns the titles of the studies by name."""
        return {name: study.title for name, study in self.params.studies.items()}

    def study(self, name: str, engine: Engine | None = None) -> Study:
        """Trains and measures the variants of a study; what is done is not done again.

        Args:
            name: a section of `studies`.
            engine: `ray` or `slurm` runs its trainings side by side on a cluster, see `lle.cluster.jobs`.
        """
        from lle.measure.study import run_study

        return run_study(name, self.path, self.overrides, self.reports, engine)

    def doctor(self) -> Iterator[str]:
        """Yields what is installed and on disk, what is missing, and how to get it."""
        from lle.doctor import report

        return report(self.params, self.data, self.models, self.judges)
