"""The weights that come with the package: trained, packed and measured again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lle.errors import ConfigError, did_you_mean
from lle.project.folders import Folders

if TYPE_CHECKING:
    from lle.config.zoo import ZooConfig
    from lle.results.zoo import ZooEvaluation, ZooModel


class Zoo(Folders):
    """What a project does with the section `zoo`."""

    @property
    def zoo_folder(self) -> Path:
        """The weights of the package; those of this checkout, where the package is used from one."""
        from lle.zoo import ZOO

        return ZOO

    def zoo_entry(self, name: str) -> ZooConfig:
        """Returns a section of `zoo`.

        Raises:
            ConfigError: there is none of this name.
        """
        if name not in self.params.zoo:
            near = did_you_mean(name, self.params.zoo)
            raise ConfigError(f"`zoo` in {self.path} has no section '{name}'.{near} Known: {', '.join(self.params.zoo) or 'none'}.")
        return self.params.zoo[name]

    def zoo_project(self, name: str) -> Self:
        """Returns the project with the settings of a training for the zoo, and folders of its own for what it makes.

        Raises:
            ConfigError: there is no such section, or an override of it is wrong; the message names it.
        """
        from lle.config.load import training_data

        entry = self.zoo_entry(name)
        project = self.override(*training_data(entry.data, self.path, self.overrides), *entry.set)
        home = self.root / "build/zoo" / name
        project.models, project.reports, project.scratch = home / "models", home / "reports", home / "scratch"
        try:
            _ = project.params
        except ConfigError as error:
            raise ConfigError(f"zoo.{name}: {error}") from error
        return project

    def zoo_keys(self) -> tuple[dict[str, Any], dict[str, list[Path]]]:
        """Returns, by name, what the training of weights depends on, and the folders that it reads."""
        from lle.keys import Keys

        values: dict[str, Any] = {}
        folders: dict[str, list[Path]] = {}
        for name, entry in self.params.zoo.items():
            key = Keys(self.zoo_project(name).params).key(f"train/{entry.method}")
            values[name] = key.plain()
            folders[name] = list(key.paths)
        return values, folders

    def pack_zoo(self, name: str) -> ZooModel:
        """Measures trained weights and puts them, with their card, into the package.

        Args:
            name: a section of `zoo`, whose training has ended.

        Raises:
            LleError: they are not trained, or not as the settings say; a test set is missing; or all together would be too large.
        """
        from lle.measure.zoo import pack

        project = self.zoo_project(name)
        return pack(name, self.zoo_entry(name), project.params, project.models, self.data, project.reports, self.zoo_folder)

    def evaluate_zoo(self) -> list[ZooEvaluation]:
        """Measures all weights of the package on the test pictures of the rendered mine, and writes `reports/zoo`."""
        from lle.measure.zoo import evaluate_all

        return evaluate_all(self.params, self.reports, self.data, self.zoo_folder)
