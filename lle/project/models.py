"""Models of a project: weights that are brought in, and what enhances pictures with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lle.project.edge import Edge

if TYPE_CHECKING:
    from lle.infer.shipped import Enhancer


class Models(Edge):
    """What a project does with one model."""

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
        self.warn_of_newer_training(model)
        return Enhancer.load(model, self.settings_of(model), tile, device, self.models, backend, threads)
