"""The enhancer that a user meets: it also knows the weights that come with the package.

Measurements take `lle.infer.enhancer.Enhancer`, which knows none: what a stage measures was trained by that pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from lle import registry, zoo
from lle.engine.model_io import DESCRIPTION, has_weights
from lle.infer import enhancer

MODELS = enhancer.MODELS


class Enhancer(enhancer.Enhancer):
    """Enhances pictures with one method, see `lle.infer.enhancer.Enhancer`.

    Attributes:
        source: where the weights are from, in a few words; "" for a method without weights and for one in memory.
    """

    source = ""

    @classmethod
    def load(
        cls,
        name_or_path: str | Path | None = None,
        settings: Mapping[str, Any] | None = None,
        tile: int | None = None,
        device: str = "cpu",
        models: Path = MODELS,
        backend: str | None = None,
        threads: int | None = None,
    ) -> Self:
        """Makes an enhancer from what a user can name.

        Args:
            name_or_path: what `lle.infer.enhancer.Enhancer.load` takes, or the name of weights that come with the package. A model of
                this name that was trained here goes before them. None takes the default of the package's weights.
            settings: values that replace the saved or the default ones.
            tile: see `Enhancer`.
            device: see `Enhancer`.
            models: the folder of trained models.
            backend: library that runs an exported file; None takes the usual one of its format.
            threads: of the processor; None leaves them.

        Raises:
            WeightsError: the model is missing, damaged or does not fit.
            LleError: there is no such method or file, or no default.
        """
        place, source = locate(zoo.default() if name_or_path is None else name_or_path, models)
        found = super().load(place, settings, tile, device, models, backend, threads)
        assert isinstance(found, cls)
        # An exported file has no method in torch; without weights there is nothing whose origin one would ask for.
        found.source = source if found._method is None or has_weights(found._method) else ""
        return found


def locate(model: str | Path, models: Path = MODELS) -> tuple[str | Path, str]:
    """Finds what a name stands for: a model that was trained here goes before one that comes with the package.

    Args:
        model: see `Enhancer.load`.
        models: the folder of trained models.

    Returns:
        The folder or file of the model, or the id of a method that has none, and where its weights are from, in a few words.
    """
    if isinstance(model, Path) or (model not in registry.packages() and model not in zoo.list_zoo()):
        return Path(model), str(model)
    if model in registry.packages() and (Path(models) / model / DESCRIPTION).is_file():
        return Path(models) / model, f"trained here: {Path(models) / model}"
    if model in zoo.list_zoo():
        return zoo.folder(model), f"weights '{model}' that come with the package (`lle zoo show {model}`)"
    return model, ""
