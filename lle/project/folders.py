"""Where a project keeps its things, and its settings."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from lle.config.schema import BaseParams

LOG = logging.getLogger(__name__)
SETTINGS = Path("params.yaml")


class Folders:
    """The settings of a project and its folders.

    Args:
        path: the settings file.
        overrides: settings that replace those of the file, in the grammar of `-S`: `methods.zero_dce.lr=1e-4`.
        root: folder of the project, below which results, data and models are kept. What settings and methods name themselves
            (`data.*.source`, a teacher, the CLIP in build/clip) is looked for from the current folder.

    Attributes:
        reports: results, in git.
        data: prepared data sets.
        models: trained models.
        judges: trained segmentation networks.
        cache: decoded pictures.
        scratch: checkpoints of trainings that were interrupted.
    """

    def __init__(self, path: str | Path = SETTINGS, overrides: Iterable[str] = (), root: str | Path = "") -> None:
        self.path = Path(path)
        self.overrides = tuple(overrides)
        self.root = Path(root)
        self.reports = self.root / "reports"
        self.data = self.root / "build/data"
        self.models = self.root / "build/models"
        self.judges = self.root / "build/judges"
        self.cache = self.root / "build/cache"
        self.scratch = self.root / "build/scratch"

    def __repr__(self) -> str:
        given = [repr(self.path.as_posix()), *([f"overrides={list(self.overrides)}"] if self.overrides else [])]
        return f"{type(self).__name__}({', '.join(given)})"

    @cached_property
    def params(self) -> BaseParams:
        """All settings, checked.

        Raises:
            ConfigError: the file is missing, or a setting is wrong; all faults are named.
        """
        from lle.config.load import load_params

        return load_params(self.path, self.overrides)

    def command(self, *words: str) -> str:
        """Returns the command line of `lle` that does the same, for the provenance: `words` with the overrides; needs no settings file."""
        return shlex.join(["lle", *words, *(word for one in self.overrides for word in ("-S", one))])

    def warn_of_departures(self, method: str) -> None:
        """Logs what written keys change of a method's preset `paper`: a result of it would not be the paper's."""
        from lle.config.presets import departures
        from lle.config.schema import method_settings

        method_settings(self.params, method)  # raises where they are wrong
        found = [one for one in departures(self.path, self.overrides, method) if one.preset == "paper"]
        if found:
            LOG.warning("This is not the preset paper, for other keys are written:\n%s", "\n".join(f"  {one}" for one in found))

    def settings_of(self, model: str | Path) -> dict[str, Any] | None:
        """Returns the settings with which a model is made; None where it keeps its own.

        What is not trained, such as gamma correction, takes those of the settings file where there is one; a trained model keeps its
        own, but for those that are overridden.

        Args:
            model: as it was named.

        Raises:
            ConfigError: settings are overridden, and `model` is no method's id.
        """
        from lle import registry, zoo
        from lle.config.load import load_params
        from lle.config.schema import method_settings
        from lle.errors import ConfigError

        if not isinstance(model, str) or model not in registry.packages():
            if self.overrides:
                raise ConfigError(
                    f"-S changes the settings of a method named by its id; {model} is not one, and keeps those it was trained with."
                )
            return None
        if not self.overrides and not self.path.exists():
            return None
        settings = method_settings(self.params, model).model_dump()
        if (self.models / model).exists() or model in zoo.list_zoo():
            before = method_settings(load_params(self.path), model).model_dump()
            settings = {key: value for key, value in settings.items() if value != before[key]}
        return settings

    def newer_training(self, model: str | Path | None) -> Path | None:
        """Returns the checkpoint's folder of a training that was begun after a model was made and has not ended; mostly there is none.

        Args:
            model: as it was named; only ids of methods have trainings here.
        """
        from lle import registry
        from lle.engine.model_io import begun_since

        known = isinstance(model, str) and model in registry.packages()
        return begun_since(str(model), self.models, self.scratch) if known else None

    def warn_of_newer_training(self, model: str | Path) -> None:
        """Says so where there is one, see `newer_training`: the model is used as it is."""
        if (begun := self.newer_training(model)) is not None:
            LOG.warning("the model of %s is older than a training that was begun after it and has not ended (%s)", model, begun)

    def override(self, *settings: str) -> Self:
        """Returns the same project with further settings replaced, in the grammar of `-S`."""
        other = type(self)(self.path, (*self.overrides, *settings), self.root)
        for name in ("reports", "data", "models", "judges", "cache", "scratch"):
            setattr(other, name, getattr(self, name))
        return other
