"""From settings to a prepared data set on disk."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from filelock import FileLock

from lle.config.data import CatalogData, DemoData, DemoSegData, FolderData, Fractions
from lle.data import demo, demo_seg
from lle.data.pairs import Prepared, Row, open_prepared, read_folder, split_by_scene, write_manifest
from lle.errors import DataError, LleError

Settings = DemoData | DemoSegData | FolderData | CatalogData


def prepare(name: str, settings: Settings, folder: Path = Path("build/data"), command: str | None = None) -> Prepared:
    """Makes or reads a data set and writes its manifest; prints one line about it.

    The new set replaces an older one of that name when it is complete, and not before.

    Args:
        name: the set's name.
        settings: its section of `params.yaml`.
        folder: of all prepared sets.
        command: what to type to make it again, kept in `dataset.json`.

    Raises:
        DataError: the source is missing, or is not as it should be.
        LleError: the disk is full, or the set has to be brought by hand.
    """
    home = Path(folder) / name
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(home.parent / f".{name}.lock"):
            _make(name, settings, home, command)
    except OSError as error:
        raise LleError(
            f"cannot write {home.parent}: {error.strerror or error}. Free space or mend the folder, then run it again."
        ) from error
    prepared = open_prepared(name, folder)
    counts = ", ".join(f"{count} {split}" for split, count in prepared.counts.items())
    scenes = len({row.scene for row in prepared.all_rows})
    click.echo(f"{name}: {counts} from {scenes} {'scene' if scenes == 1 else 'scenes'}, digest {prepared.digest[:12]}")
    if shared := prepared.facts.get("shared_pictures"):
        click.echo(f"{name}: {shared} files have the content of a file of another split, as published; test scores may be too good")
    return prepared


def _make(name: str, settings: Settings, home: Path, command: str | None) -> None:
    """Builds a set in a hidden folder and puts it in place; removes what a killed run left there."""
    for left in home.parent.glob(f".{name}~*"):
        shutil.rmtree(left)
    temporary = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{name}~"))
    temporary.chmod(0o755)
    try:
        root: Path | None = None
        facts: dict[str, Any] = {}
        if isinstance(settings, DemoData):
            rows = demo.make(settings, temporary)
        elif isinstance(settings, DemoSegData):
            rows = demo_seg.make(settings, temporary)
            facts["segmentation"] = demo_seg.SEGMENTATION.model_dump(mode="json")
        elif isinstance(settings, FolderData):
            root = settings.source
            rows, own = read_folder(root, settings.paired)
            rows = _divide(name, rows, own, settings)
        else:
            root, rows, facts = _from_catalog(name, settings)
        published = isinstance(settings, CatalogData) and settings.split is None
        facts = {**facts, "command": command} if command else facts
        write_manifest(temporary, name, settings.kind, rows, root, facts, published)
        if home.exists():
            home.rename(temporary.with_name(f"{temporary.name}-old"))
        temporary.rename(home)
        shutil.rmtree(temporary.with_name(f"{temporary.name}-old"), ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _divide(name: str, rows: list[Row], own: bool, settings: FolderData | CatalogData) -> list[Row]:
    """Applies the setting `split`; `own` tells whether the set comes with splits."""
    if settings.split is None:
        return rows
    if own:
        raise DataError(f"the data set '{name}' comes with its own splits. Set data.{name}.split to null, or remove its column `split`.")
    fractions: Mapping[str, float] = settings.split.model_dump() if isinstance(settings.split, Fractions) else {settings.split: 1.0}
    return split_by_scene(rows, fractions, settings.seed)


def _from_catalog(name: str, settings: CatalogData) -> tuple[Path, list[Row], dict[str, Any]]:
    from lle.data import catalog, fetch

    entry = catalog.entry(settings.entry or name)
    # A mirror is named for the moment, so it goes before what the settings say for good.
    source = fetch.fetch(entry.id) if settings.source is None or fetch.mirrored(entry) else settings.source
    rows, own = catalog.read(entry, source)
    rows = _divide(name, rows, own, settings)
    if settings.val:
        rows = _set_aside(name, rows, settings.val, settings.seed)
    facts: dict[str, Any] = {"entry": entry.id}
    if entry.segmentation is not None:
        facts["segmentation"] = entry.segmentation.model_dump(mode="json")
    return source, rows, facts


def _set_aside(name: str, rows: list[Row], share: float, seed: int) -> list[Row]:
    """Moves a share of the training scenes to `val`."""
    if any(row.split == "val" for row in rows):
        raise DataError(f"the data set '{name}' has a split val already. Set data.{name}.val to 0.")
    train = split_by_scene([row for row in rows if row.split == "train"], {"train": 1 - share, "val": share}, seed)
    return train + [row for row in rows if row.split != "train"]
