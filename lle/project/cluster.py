"""Work on several machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lle.errors import LleError
from lle.project.folders import Folders

if TYPE_CHECKING:
    from lle.cluster.enhance import Done
    from lle.cluster.jobs import Engine
    from lle.cluster.manifest import Line
    from lle.cluster.model import PackedModel
    from lle.infer.files import Output
    from lle.infer.shipped import Enhancer
    from lle.results.cluster import RaySpeed
    from lle.results.quality import Evaluation


class Clustered(Folders):
    """What a project does on a cluster."""

    if TYPE_CHECKING:

        def enhancer(
            self,
            model: str | Path | None,
            tile: int | None = None,
            device: str = "cpu",
            backend: str | None = None,
            threads: int | None = None,
        ) -> Enhancer:
            """See `lle.project.Project.enhancer`."""

        def model_settings(self, model: str | Path) -> dict[str, Any] | None:
            """See `lle.project.Project.model_settings`."""

        def evaluate(self, method: str, dataset: str) -> Evaluation:
            """See `lle.project.Project.evaluate`."""

        def require_prepared(self, dataset: str) -> None:
            """See `lle.project.datasets.Datasets.require_prepared`."""

    def packed_model(
        self,
        model: str | Path | None = None,
        tile: int | None = None,
        device: str = "cpu",
        backend: str | None = None,
        threads: int | None = None,
    ) -> PackedModel:
        """Returns a model with its files, as it goes to other machines; see `enhancer` for the arguments.

        Raises:
            LleError: there is no such model, or `auto` is asked for, which says something of this machine alone.
        """
        from lle import zoo
        from lle.cluster.model import PackedModel
        from lle.infer.shipped import locate

        for name, value in (("--backend", backend), ("--device", device)):
            if value == "auto":
                raise LleError(f"{name} auto is what suits this machine, and those of a cluster may differ: name one.")
        model = zoo.default() if model is None else model
        self.enhancer(model, tile, "cpu", backend, threads)  # a wrong name is told here, and not by every worker
        options = {"tile": tile, "device": device, "backend": backend, "threads": threads or 1}
        return PackedModel.pack(locate(model, self.models)[0], settings=self.model_settings(model), **options)

    def enhance_on_ray(
        self,
        model: PackedModel,
        inputs: Sequence[str],
        out: str,
        output: Output | None = None,
        workers: int | None = None,
        force: bool = False,
        skip_existing: bool = False,
        on_line: Callable[[int, int, Line], None] | None = None,
    ) -> Done:
        """Enhances pictures of folders or object stores on a Ray cluster, see `lle.cluster.enhance.enhance`.

        Args:
            model: see `packed_model`.
            inputs: paths, and addresses of fsspec such as `s3://bucket/frames`.
            out: folder of the results, a path or an address; also gets `_manifest`.
            output: how results are written.
            workers: processes; None takes as many as the cluster has room for.
            force: replaces results that were there before.
            skip_existing: leaves out what has a result by whatever run; one of the same model and output goes on without it.
            on_line: see `lle.cluster.enhance.enhance`.
        """
        from lle.cluster.enhance import enhance
        from lle.cluster.place import Place, absolute
        from lle.infer.files import Output

        return enhance(model, absolute(inputs), Place(absolute([out])[0]), output or Output(), workers, force, skip_existing, on_line)

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

    def benchmark_ray(self, model: str | Path, pictures: int = 200, workers: int = 2) -> RaySpeed:
        """Measures pictures a second on a local Ray cluster against plain processes, and writes reports/benchmarks/ray.json.

        Args:
            model: see `enhancer`.
            pictures: number of pictures for each process.
            workers: processes.
        """
        from lle.measure.cluster import measure

        return measure(str(model), self.packed_model(model, threads=1), self.reports, pictures, workers)


def evaluate(method: str, dataset: str, path: str, root: str, *overrides: str) -> None:
    """Does the job of one method, see `Clustered.evaluate_all`."""
    from lle.project import Project

    Project(path, overrides, root).evaluate(method, dataset)
