"""From settings to a prepared data set on disk."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from lle.config.data import CatalogData, DataConfig, DemoData, DemoSegData, FolderData, Fractions, JoinData, MineData, settings_for
from lle.data import demo, demo_seg, join
from lle.data.check import at_fetch, misfits
from lle.data.folders import Found, read_folder, say_left_out
from lle.data.images import shown
from lle.data.mine import pairs as mine_pairs
from lle.data.pairs import Prepared, Row, open_prepared, some, write_manifest
from lle.data.splits import default_split, split_by_scene
from lle.errors import DataError, LleError

log = logging.getLogger("lle.data")
"""What a person should know of a set that was made or read: lines at the level INFO, and WARNING for what may be wrong with it."""


def prepare(
    name: str,
    settings: DataConfig,
    folder: Path = Path("build/data"),
    command: str | None = None,
    source: Path | None = None,
    sections: Mapping[str, DataConfig] | None = None,
    raw: Path | None = None,
) -> Prepared:
    """Makes or reads a data set and writes its manifest; logs a line about it, and what was left out or looks wrong.

    The new set replaces an older one of that name when it is complete, and not before.

    Args:
        name: the set's name.
        settings: its section of `params.yaml`, see `lle.config.data.settings_for`.
        folder: of all prepared sets.
        command: what to type to make it again, kept in `dataset.json`.
        source: an archive or a folder that the user has of a set of the catalog.
        sections: the section `data` of `params.yaml`, from which the parts of a join are made where they are not there.
        raw: where downloaded sets are kept; None takes `build/raw`.

    Raises:
        DataError: the source is missing, or is not as it should be.
        LleError: the disk is full, or the set has to be brought by hand.
    """
    home = Path(folder) / name
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(home.parent / f".{name}.lock"):
            _make(name, settings, home, command, source, sections or {}, raw)
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else None
        if place is not None and not Path(place).is_relative_to(home.parent):
            raise DataError(f"cannot read {shown(place)}: {error.strerror or error}. Mend its permissions, then run it again.") from error
        raise LleError(
            f"cannot write {home.parent}: {error.strerror or error}. Free space or mend the folder, then run it again."
        ) from error
    prepared = open_prepared(name, folder)
    counts = ", ".join(f"{count} {split}" for split, count in prepared.counts.items())
    scenes = len({row.scene for row in prepared.all_rows})
    log.info("%s: %s from %d %s, digest %s", name, counts, scenes, "scene" if scenes == 1 else "scenes", prepared.digest[:12])
    if shared := prepared.facts.get("shared_pictures"):
        why = "as published" if isinstance(settings, CatalogData) and "duplicate" not in settings.allow else "as allowed"
        log.warning("%s: %d files have the content of a file of another split, %s; test scores may be too good", name, shared, why)
    if isinstance(settings, FolderData | CatalogData):
        for finding in at_fetch(prepared):
            log.warning("%s: %s", name, finding.message)
    return prepared


def absent(name: str, settings: DataConfig, raw: Path | None = None) -> str | None:
    """Returns what is missing of a set that is neither made here nor on disk, and how it is got; None where it can be prepared now."""
    if isinstance(settings, FolderData) or (isinstance(settings, CatalogData) and settings.source is not None):
        assert settings.source is not None
        if settings.source.is_dir() or (isinstance(settings, CatalogData) and _at_hand(name, settings, raw)):
            return None
        return f"its pictures are not on disk; data.{name}.source names the folder"
    if isinstance(settings, CatalogData) and not _at_hand(name, settings, raw):
        return f"its pictures are not on disk; `lle fetch {name}` gets them, or says how they are got"
    return None


def _at_hand(name: str, settings: CatalogData, raw: Path | None) -> bool:
    from lle.data import catalog, fetch

    item = catalog.entry(settings.entry or name)
    return fetch.mirrored(item) or ((raw or fetch.RAW) / item.id).is_dir()


@dataclass
class _Made:
    """What a set consists of: rows, what their paths are relative to (None: the set's own folder) and facts for `dataset.json`."""

    rows: list[Row]
    root: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    shared_allowed: bool = False


def _make(
    name: str,
    settings: DataConfig,
    home: Path,
    command: str | None,
    source: Path | None,
    sections: Mapping[str, DataConfig],
    raw: Path | None,
) -> None:
    """Builds a set in a hidden folder and puts it in place; removes what a killed run left there."""
    for left in home.parent.glob(f".{name}~*"):
        shutil.rmtree(left)
    temporary = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{name}~"))
    temporary.chmod(0o755)
    fetched: str | None = None
    try:
        if isinstance(settings, DemoData):
            made = _Made(demo.make(settings, temporary))
        elif isinstance(settings, DemoSegData):
            made = _Made(demo_seg.make(settings, temporary), facts={"segmentation": demo_seg.SEGMENTATION.model_dump(mode="json")})
        elif isinstance(settings, MineData):
            made = _Made(mine_pairs.make(settings, temporary), facts={"segmentation": mine_pairs.SEGMENTATION.model_dump(mode="json")})
        elif isinstance(settings, FolderData):
            made = _from_folder(name, settings)
        elif isinstance(settings, JoinData):
            made = _join(name, settings, home.parent, sections, raw)
        else:
            fetched = settings.entry or name
            made = _from_catalog(name, settings, source, raw)
        facts = {**made.facts, "command": command} if command else made.facts
        write_manifest(temporary, name, settings.kind, made.rows, made.root, facts, made.shared_allowed)
        if home.exists():
            home.rename(temporary.with_name(f"{temporary.name}-old"))
        temporary.rename(home)
        _settle(fetched, raw, used=True)
        shutil.rmtree(temporary.with_name(f"{temporary.name}-old"), ignore_errors=True)
    finally:
        _settle(fetched, raw, used=False)
        shutil.rmtree(temporary, ignore_errors=True)


def _settle(fetched: str | None, raw: Path | None, used: bool) -> None:
    """Keeps or takes back the download of a set of the catalog."""
    if fetched is not None:
        from lle.data import fetch

        fetch.settle(fetched, used, raw or fetch.RAW)


def _from_folder(name: str, settings: FolderData) -> _Made:
    root = settings.source
    found = read_folder(root, settings.paired, "orphan" in settings.allow)
    found = _fitting(name, found, settings.allow)
    facts = _say(name, found, root)
    rows, more = _divide(name, found, settings, own=True)
    facts |= more
    return _Made(rows, root, {**facts, "whole": found.whole}, "duplicate" in settings.allow)


def _from_catalog(name: str, settings: CatalogData, given: Path | None, raw: Path | None) -> _Made:
    from lle.data import catalog, fetch, layouts

    item = catalog.entry(settings.entry or name)
    # A mirror is named for the moment, so it goes before what the settings say for good.
    if given is None and settings.source is not None and not fetch.mirrored(item):
        root = settings.source
    else:
        root = fetch.fetch(item.id, given, folder=raw or fetch.RAW)
    found = layouts.read(item, root, "orphan" in settings.allow)
    if settings.licences is not None:
        found = _licensed(name, found, settings.licences)
    found = _fitting(name, found, settings.allow)
    facts = {**_say(name, found, root), "entry": item.id}
    rows, more = _divide(name, found, settings, own=item.own)
    facts |= more
    if settings.val:
        rows = _set_aside(name, rows, settings.val, settings.seed)
    if item.segmentation is not None:
        facts["segmentation"] = item.segmentation.model_dump(mode="json")
    return _Made(rows, root, facts, settings.split is None or "duplicate" in settings.allow)


def _join(name: str, settings: JoinData, folder: Path, sections: Mapping[str, DataConfig], raw: Path | None) -> _Made:
    parts = {}
    for part in settings.parts:
        if part == name:
            raise DataError(f"data.{name}.parts: a set cannot be a part of itself.")
        if not (folder / part / "dataset.json").is_file():
            prepare(part, settings_for(part, sections), folder, command=f"lle fetch {part}", sections=sections, raw=raw)
        parts[part] = open_prepared(part, folder)
    rows, root, facts = join.join(name, parts, settings.shares)
    return _Made(rows, root, facts, "duplicate" in settings.allow)


def _divide(name: str, found: Found, settings: FolderData | CatalogData, own: bool) -> tuple[list[Row], dict[str, Any]]:
    """Applies the setting `split`; `own` tells whether the set is the user's own, which is divided where nothing says how."""
    if settings.split is None:
        if found.own_splits or not own:
            return found.rows, {}
        rows, told = default_split(found.rows, settings.seed)
        log.info("%s: %s. Set data.%s.split to have it otherwise", name, told, name)
        return rows, {"divided": told}
    if found.own_splits:
        raise DataError(f"the data set '{name}' comes with its own splits. Set data.{name}.split to null, or remove its column `split`.")
    fractions: Mapping[str, float] = settings.split.model_dump() if isinstance(settings.split, Fractions) else {settings.split: 1.0}
    return split_by_scene(found.rows, fractions, settings.seed), {}


def _fitting(name: str, found: Found, allow: Sequence[str]) -> Found:
    """Refuses pairs of unequal size, or leaves them out; warns of pictures whose head cannot be read."""
    wrong, damaged = misfits(found.rows)
    for message in damaged:
        log.warning("%s: %s", name, message)
    if not wrong:
        return found
    told = some([text for _, text in wrong])
    if "size" not in allow:
        raise DataError(
            f"the data set '{name}' has {len(wrong)} of {len(found.rows)} pairs that do not fit: {told}. Give both pictures of a pair the "
            f"same size or remove it, or leave such pairs out with data.{name}.allow: [size]."
        )
    if len(wrong) == len(found.rows):
        raise DataError(f"the data set '{name}' has no pair whose pictures are of one size: {told}.")
    out = {id(row) for row, _ in wrong}
    left = [(next(iter(row.files.values())), "is of another size than its partner") for row, _ in wrong]
    return replace(found, rows=[row for row in found.rows if id(row) not in out], left_out=[*found.left_out, *left])


def _say(name: str, found: Found, root: Path) -> dict[str, Any]:
    """Says what was left out; returns it for `dataset.json`."""
    if not found.left_out:
        return {}
    told = say_left_out(found.left_out, root)
    log.warning("%s: left out: %s", name, told)
    return {"left_out": told}


def _licensed(name: str, found: Found, licences: Sequence[str]) -> Found:
    """Keeps the pictures under the licences that the settings name."""
    from lle.data.photos import licence_family

    if not any(row.about.get("licence") for row in found.rows):
        raise DataError(f"the data set '{name}' names no licence for each picture. Set data.{name}.licences to null.")
    has = sorted({licence_family(row.about.get("licence", "")) for row in found.rows})
    unknown = [licence for licence in licences if licence_family(licence) not in has]
    if unknown:
        raise DataError(f"data.{name}.licences: no picture is under '{unknown[0]}'; there are {', '.join(filter(None, has))}.")
    wanted = {licence_family(licence) for licence in licences}
    rows = [row for row in found.rows if licence_family(row.about.get("licence", "")) in wanted]
    log.info("%s: %d of %d pictures are under %s", name, len(rows), len(found.rows), ", ".join(licences))
    return replace(found, rows=rows)


def _set_aside(name: str, rows: list[Row], share: float, seed: int) -> list[Row]:
    """Moves a share of the training scenes to `val`."""
    if any(row.split == "val" for row in rows):
        raise DataError(f"the data set '{shown(name)}' has a split val already. Set data.{name}.val to 0.")
    train = split_by_scene([row for row in rows if row.split == "train"], {"train": 1 - share, "val": share}, seed)
    return train + [row for row in rows if row.split != "train"]
