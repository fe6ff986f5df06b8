"""Work on several machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lle.errors import LleError
from lle.project.models import Models

if TYPE_CHECKING:
    from lle.cluster.enhance import Done
    from lle.cluster.manifest import Line
    from lle.cluster.model import PackedModel
    from lle.infer.files import Output
    from lle.results.cluster import RaySpeed


class Clustered(Models):
    """What a project does on a cluster."""

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
        return PackedModel.pack(locate(model, self.models)[0], settings=self.settings_of(model), **options)

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
    """Does the job of one method, see `lle.project.Project.evaluate_all`."""
    from lle.project import Project

    Project(path, overrides, root).evaluate(method, dataset)
