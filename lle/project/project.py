"""Training and measuring, which everything else of a project is about."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lle.errors import ConfigError
from lle.project.cluster import Clustered
from lle.project.edge import Edge
from lle.project.guided import Guidance
from lle.project.publish import Publishing
from lle.project.rate import Rated
from lle.project.service import Serving
from lle.project.stages import Stages
from lle.project.video import Moving
from lle.project.zoo import Zoo

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback
    from lightning.pytorch.loggers import Logger

    from lle.cluster.jobs import Engine
    from lle.infer.shipped import Enhancer
    from lle.measure.compare import Comparison
    from lle.results.attention import Attention
    from lle.results.benchmarks import Kills, MemoryGrowth, Mutations
    from lle.results.composite import Composite
    from lle.results.cost import Costs, PipelineTimes, Profile, Startup, Throughput
    from lle.results.gradients import GradientLevels
    from lle.results.mechanism import Mechanism
    from lle.results.quality import Evaluation
    from lle.results.reading import Reading
    from lle.results.segmentation import Judge, Segmentation
    from lle.results.simulation import SimulationResult
    from lle.results.study import Study


LOG = logging.getLogger(__name__)


class Project(Clustered, Edge, Guidance, Moving, Publishing, Rated, Serving, Stages, Zoo):
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
                follow if live and is_first() else None,
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

    def import_weights(self, method: str, files: Sequence[Path], out: Path | None = None) -> Path:
        """Brings in weights in their authors' naming and returns the model folder.

        Args:
            method: its id.
            files: of weights.
            out: the model folder; None takes that of the method among the trained models.
        """
        from lle.engine.weights_import import import_files

        return import_files(method, files, self.params, out or self.models / method)

    def enhancer(
        self, model: str | Path | None, tile: int | None = None, device: str = "cpu", backend: str | None = None, threads: int | None = None
    ) -> Enhancer:
        """Returns what enhances pictures with a method.

        Args:
            model: a method's id, weights of the package, a model folder or an exported file; None takes the package's default. What
                is not trained, such as gamma correction, takes its settings from the settings file where there is one; a trained
                model keeps its own, but for those that are overridden.
            tile: side in pixels of the tiles in which large pictures are enhanced; None chooses, see `Enhancer`.
            device: where to compute; `auto` takes a GPU if there is one.
            backend: library that runs an exported file; None takes the usual one of its format, `auto` what `tune` found to be the
                fastest for a model.
            threads: of the processor; None leaves them.

        Raises:
            ConfigError: settings are overridden, and `model` is a folder.
            LleError: there is no such model.
        """
        from lle import zoo
        from lle.infer.shipped import Enhancer

        if model is None:
            model = zoo.default()
        if backend == "auto":
            return self.tuned_enhancer(model, tile)
        return Enhancer.load(model, self.model_settings(model), tile, device, self.models, backend, threads)

    def model_settings(self, model: str | Path) -> dict[str, Any] | None:
        """Returns the settings that replace those of a model, or the default ones of a method that is not trained; None for none.

        Args:
            model: see `enhancer`.

        Raises:
            ConfigError: settings are overridden, and `model` is a folder.
        """
        from lle import registry, zoo
        from lle.config.load import load_params
        from lle.config.schema import method_settings
        from lle.engine.model_io import begun_since

        known = isinstance(model, str) and model in registry.packages()
        if known and (begun := begun_since(str(model), self.models, self.scratch)) is not None:
            LOG.warning("the model of %s is older than a training that was begun after it and has not ended (%s)", model, begun)
        if self.overrides and not known:
            raise ConfigError(
                f"-S changes the settings of a method named by its id; {model} is not one, and keeps those it was trained with."
            )
        if not known or not (self.overrides or self.path.exists()):
            return None
        settings = method_settings(self.params, str(model)).model_dump()
        if (self.models / model).exists() or model in zoo.list_zoo():
            before = method_settings(load_params(self.path), str(model)).model_dump()
            settings = {key: value for key, value in settings.items() if value != before[key]}
        return settings

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

    def profile(self, method: str) -> Profile:
        """Measures parameters, multiply-accumulates, latency and memory of a method."""
        from lle.measure.method import profile_method

        return profile_method(method, self.params, self.models, self.reports)

    def count_costs(self) -> Costs:
        """Counts parameters and multiply-accumulates of every method, trained or not."""
        from lle.measure.counts import count

        return count(self.params, self.reports)

    def throughput(self) -> Throughput:
        """Measures how fast Zero-DCE trains and how fast its batches could be made."""
        from lle.measure.speed import measure

        return measure(self.params, self.reports, self.data, self.cache)

    def benchmark_startup(self) -> Startup:
        """Measures how long `lle` takes to start, as a multiple of Python's own start."""
        from lle.measure.startup import measure

        return measure(self.reports)

    def benchmark_pipeline(self) -> PipelineTimes:
        """Sums up how long each command of the last `make repro` took."""
        from lle.measure.pipeline_times import measure

        return measure(self.reports)

    def benchmark_mutations(self, cases: int = 5000, seed: int = 0, kinds: Sequence[str] = ()) -> Mutations:
        """Runs damaged pictures, archives, lists, settings and weights, or only some `kinds`, through the command line."""
        from lle.measure.mutations import measure

        return measure(self.reports, cases, seed, tuple(kinds) or None)

    def benchmark_memory(self, pictures: int = 1000) -> MemoryGrowth:
        """Measures how the memory of `lle enhance` and `lle evaluate` grows over many pictures of many sizes."""
        from lle.measure.memory_growth import measure

        return measure(self.reports, pictures)

    def benchmark_kills(self, times: int = 20, seed: int = 0, together: int = 1) -> Kills:
        """Kills a small pipeline at random moments, runs it again, and compares what it leaves with an uninterrupted run."""
        from lle.measure.kills import measure

        return measure(self.reports, self.root, times, seed, together)

    def attention(self, method: str, dataset: str) -> Attention:
        """Draws the attention maps by block of a trained student and its teacher on a picture of a prepared data set."""
        from lle.measure.attention import attention

        return attention(method, dataset, self.params, self.models, self.reports, self.data)

    def mechanism(self, method: str) -> Mechanism:
        """Measures whether the idea of a method acts in the model that was trained, by the numbers that it declares itself."""
        from lle.measure.mechanism import mechanism

        return mechanism(method, self.params, self.models, self.reports, self.data, self.cache)

    def composite(self) -> Composite:
        """Measures the composite index of the distillation paper, as defined here, for the methods of the section `composite`."""
        from lle.measure.composite import composite

        return composite(self.params, self.models, self.reports, self.data)

    def gradients(self, dataset: str) -> GradientLevels:
        """Measures the mean gradients of a data set's training pictures, which set the level E_g of SLLEN's loss."""
        from lle.measure.gradients import measure

        self.require_prepared(dataset)
        return measure(dataset, self.params, self.reports, self.data)

    def simulate(self) -> SimulationResult:
        """Simulates the mine networks of the section `iovt`, with the times of `reports/profile`."""
        from lle.iovt.run import simulate_all

        return simulate_all(self.params, self.reports)

    def train_judge(self, dataset: str) -> Judge:
        """Trains the judge of a segmentation set on its clean pictures, or takes its given weights, and measures it."""
        from lle.segmentation.judge import train_judge

        return train_judge(dataset, self.params, self.judges, self.reports, self.data, self.cache, self.scratch)

    def segment(self, method: str, dataset: str) -> Segmentation:
        """Lets a judge segment darkened pictures that a method has enhanced.

        Args:
            method: its id, `dark` for the darkened pictures as they are, or `clean` for the pictures before.
            dataset: a segmentation set with a trained judge.
        """
        from lle.segmentation.in_the_dark import segment_method

        return segment_method(method, dataset, self.params, self.models, self.reports, self.data, self.judges)

    def segmented(self) -> tuple[str, ...]:
        """Returns what the pipeline segments: `dark`, `clean` and every method of the suite."""
        from lle.segmentation.in_the_dark import CLEAN, DARK

        return (DARK, CLEAN, *self.params.suite.methods)

    def read(self, method: str, dataset: str) -> Reading:
        """Reads the signs in test pictures that a method has enhanced.

        Args:
            method: its id, `input` for the pictures as they are, or `normal` for their references.
            dataset: a prepared set whose pictures name signs, such as rendered scenes.
        """
        from lle.measure.reading import read_method

        self.require_prepared(dataset)
        return read_method(method, dataset, self.params, self.models, self.reports, self.data)

    def readings(self) -> tuple[str, ...]:
        """Returns what is read: `input`, `normal` and every method of the suite."""
        from lle.results.quality import INPUT, NORMAL

        return (INPUT, NORMAL, *self.params.suite.methods)

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
