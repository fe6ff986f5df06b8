"""Data sets of a project: listed, fetched, prepared, checked."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from lle.errors import ConfigError
from lle.project.folders import Folders

if TYPE_CHECKING:
    from lle.data.check import Finding
    from lle.data.pairs import Prepared

LOG = logging.getLogger(__name__)


class KnownDataset(NamedTuple):
    """A data set that can be named.

    Attributes:
        name: its section of `data`, or its id in the catalog.
        place: where it stands.
        title: its kind, or its title in the catalog.
    """

    name: str
    place: Literal["params", "catalog"]
    title: str


class Datasets(Folders):
    """What a project does with data sets."""

    def datasets(self) -> list[KnownDataset]:
        """Returns the data sets of the settings, then those of the catalog."""
        from lle.data.catalog import entries

        own = [KnownDataset(name, "params", settings.kind) for name, settings in self.params.data.items()]
        return own + [KnownDataset(name, "catalog", entry.title) for name, entry in entries().items()]

    def prepare(self, dataset: str, source: Path | None = None) -> Prepared:
        """Makes or reads a data set, and writes its manifest.

        Args:
            dataset: a section of `data`, or a set of the catalog.
            source: see `fetch`.

        Raises:
            ConfigError: there is no such data set; the message names the nearest one.
            DataError: its source is missing or not as it should be.
        """
        from lle.config.data import settings_for
        from lle.data.prepare import prepare

        settings = settings_for(dataset, self.params.data)
        if source is not None and settings.kind != "catalog":
            raise ConfigError(
                f"--from is for sets of the catalog, and data.{dataset} is of the kind '{settings.kind}'. Leave it out"
                + (f", or name the folder in the settings: -S data.{dataset}.source={source}." if settings.kind == "folder" else ".")
            )
        command = self.params.command("fetch", dataset)
        return prepare(dataset, settings, self.data, command=command, source=source, sections=self.params.data, raw=self.root / "build/raw")

    def fetch(self, dataset: str, source: Path | None = None) -> Path:
        """Makes, reads or downloads a data set, prepares it, and returns its folder.

        Args:
            dataset: its name.
            source: an archive or a folder that is on disk already, for a set of the catalog.
        """
        return self.prepare(dataset, source).folder

    def check_dataset(self, dataset: str) -> list[Finding]:
        """Returns what is suspicious about a prepared data set: orphans, duplicates, misaligned pairs."""
        from lle.data.check import check
        from lle.data.pairs import open_prepared

        return check(open_prepared(dataset, self.data))

    def is_prepared(self, dataset: str) -> bool:
        """Says whether a data set is on disk, ready for use."""
        return (self.data / dataset / "dataset.json").is_file()

    def require_prepared(self, dataset: str) -> None:
        """Prepares a data set that is not on disk."""
        from lle.config.data import settings_for

        if not self.is_prepared(dataset):
            settings_for(dataset, self.params.data)  # raises where there is no such data set
            LOG.info("%s is not prepared yet: preparing it", dataset)
            self.prepare(dataset)
