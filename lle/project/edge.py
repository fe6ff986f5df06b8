"""From models to files that other programs run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lle.project.folders import Folders

if TYPE_CHECKING:
    from lle.engine.method import Method
    from lle.export.run import Calibration, Origin
    from lle.infer.description import Description, Format, Precision
    from lle.infer.shipped import Enhancer
    from lle.results.backends import Backends, DeviceSpeeds, DeviceTime, MethodTimes, Tuned
    from lle.results.benchmarks import Large


class Edge(Folders):
    """What a project writes for use outside of it."""

    def export(
        self,
        model: str | Path,
        format_: Format = "onnx",
        precision: Precision = "fp32",
        size: tuple[int, int] | None = None,
        out: Path | None = None,
        data: str | None = None,
    ) -> tuple[Path, Description]:
        """Writes a model as a file for other programs, if that gives what torch gives.

        Args:
            model: a method's id or the name of weights of the package (what was trained here goes first), or a model folder.
            format_: of the file.
            precision: in which it computes.
            size: height and width of all pictures; None leaves them open.
            out: the file; None takes build/exported/<method>-<precision>.
            data: prepared set for int8; None takes `train.data`.

        Returns:
            The file, and its metadata.

        Raises:
            LleError: an operator prevents it, the results differ from torch's, or a package is missing.
        """
        from lle.export.formats import ENDINGS
        from lle.export.run import export

        method, name, folder = self._opened(model)
        path = out or self.root / "build/exported" / f"{name}-{precision}{ENDINGS[format_]}"
        calibration = self._calibration(data or self.params.train.data) if precision == "int8" else None
        return path, export(method, name, path, format_, precision, size, self._origin(folder), calibration)

    def tune(self, model: str | Path, seconds: float = 1.0) -> Tuned:
        """Finds the fastest way to run a model on this machine, and keeps it in build/tuned for `lle enhance --backend auto`.

        Args:
            model: a method's id (its trained model), or a model folder.
            seconds: longest time for the timed runs of one backend.
        """
        from lle.measure.backends import tune

        method, name, _ = self._opened(model)
        return tune(method, name, self.tuned, seconds)

    def benchmark_backends(
        self,
        methods: Sequence[str] = (),
        seconds: float = 2.0,
        int8: bool = False,
        on_done: Callable[[str, MethodTimes], None] | None = None,
    ) -> Backends:
        """Measures methods on every backend and writes reports/benchmarks/backends.json.

        Exported files are kept in build/backends, for a run that goes on after an interruption.

        Args:
            methods: ids; none takes the suite.
            seconds: longest time for the timed runs of one backend.
            int8: also quantise what is trained, on `train.data`.
            on_done: called after each method.
        """
        from lle.measure.backends import measure

        calibration = self._calibration(self.params.train.data) if int8 else None
        chosen, keep = methods or self.params.suite.methods, self.root / "build/backends"
        return measure(self.params, chosen, self.reports, self.models, seconds, calibration, on_done, keep)

    def benchmark_device(
        self,
        methods: Sequence[str] = (),
        device: str = "cuda",
        batches: Sequence[int] = (1, 16),
        seconds: float = 1.0,
        on_done: Callable[[str, DeviceTime], None] | None = None,
    ) -> DeviceSpeeds:
        """Measures methods on one device in torch, by precision, compiled or not, and writes reports/benchmarks/device_<device>.json.

        Args:
            methods: ids; none takes the suite.
            device: of torch.
            batches: pictures at once.
            seconds: longest time for the timed runs of one cell.
            on_done: called after each cell.
        """
        from lle.measure.device_speed import measure

        return measure(
            self.params, methods or self.params.suite.methods, device, self.reports, self.models, batches, seconds=seconds, on_done=on_done
        )

    def benchmark_large(self, models: Sequence[str], size: tuple[int, int] = (8000, 12000)) -> Large:
        """Measures how much memory one very large picture takes with each model, and writes reports/benchmarks/large.json.

        Args:
            models: ids of methods, model folders or exported files.
            size: height and width of the picture.
        """
        from lle.measure.large import measure

        return measure(models, self.models, self.reports, size)

    def tuned_enhancer(self, model: str | Path, tile: int | None = None) -> Enhancer:
        """Returns an enhancer of a model as `tune` found it to be the fastest.

        Args:
            model: as it was given to `tune`.
            tile: see `Enhancer`.

        Raises:
            LleError: it was not tuned on this machine, or has changed since.
        """
        from lle.errors import LleError
        from lle.infer.shipped import Enhancer
        from lle.measure.backends import CHANNELS_LAST, model_digest
        from lle.provenance import hardware
        from lle.results.backends import Tuned

        method, name, _ = self._opened(model)
        again = f"Run `lle tune {model}`."
        path = Tuned.path(self.tuned, name)
        if not path.is_file():
            raise LleError(f"'{name}' was not tuned on this machine. {again}")
        found = Tuned.read(path)
        if (found.model, found.cpu) != (model_digest(method), str(hardware()["cpu"])):
            raise LleError(f"{path} is of another model or another processor. {again}")
        if found.file is None:
            enhancer = Enhancer.load(model, self.settings_of(model), tile, models=self.models, threads=found.threads)
            if found.backend == CHANNELS_LAST.backend:
                enhancer.method.to(memory_format=CHANNELS_LAST.layout)
            return enhancer
        return Enhancer.load(path.with_name(found.file), tile=tile, threads=found.threads)

    @property
    def tuned(self) -> Path:
        """Where what `tune` found is kept."""
        return self.root / "build/tuned"

    def _opened(self, model: str | Path) -> tuple[Method, str, Path]:
        """Returns the method, its id, and the folder that says where its weights are from."""
        from lle.infer.shipped import Enhancer, locate

        self.warn_of_newer_training(model)
        enhancer = Enhancer.load(model, self.settings_of(model), models=self.models)
        place, _ = locate(model, self.models)
        return enhancer.method, enhancer.name, place if isinstance(place, Path) else self.models / place

    def _origin(self, folder: Path) -> Origin:
        from lle.export.licence import data_licence
        from lle.export.run import Origin
        from lle.files import read_json
        from lle.results.zoo import ZooModel
        from lle.zoo import RESULT

        if (folder / RESULT).is_file():
            shipped = ZooModel.read(folder / RESULT)
            licences = dict.fromkeys(licence for part in shipped.parts for licence in part.licences)
            return Origin(shipped.data, None, shipped.provenance.fingerprint, shipped.provenance.git, ", ".join(licences))
        record = folder / "train.json"
        if not record.is_file():
            return Origin()
        trained = read_json(record)
        dataset = trained["trained_on"]
        source = trained["provenance"]
        run = None if dataset is None else f"{dataset}/train@{trained['method']}"
        return Origin(dataset, run, source["fingerprint"], source["git"], data_licence(dataset, self.data))

    def _calibration(self, dataset: str) -> Calibration:
        from lle.data.pairs import open_prepared
        from lle.export.quantise import CALIBRATION, VALIDATION, read_pairs
        from lle.export.run import Calibration

        prepared = open_prepared(dataset, self.data)
        return Calibration(dataset, read_pairs(prepared, "train", CALIBRATION), read_pairs(prepared, "val", VALIDATION))
