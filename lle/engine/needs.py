"""What a method takes from other stages: a small CLIP, a teacher, a second data set.

`MethodConfig.needs` names the folders. Digests of their content, and of the code that a model among them runs, stand in
`build/needs/<method>.json`, which is a dependency of the method's training: it is trained again when what it needs
changes, and other methods are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from lle import registry
from lle.config.base import MethodConfig
from lle.engine.fingerprint import method_fingerprint
from lle.errors import WeightsError
from lle.files import digest, read_json, sha256, write_json

MEASURED = {"train.json", "losses.csv", "report.json"}
"""Files that tell how a folder was made and how long that took; they are not what is used of it."""


def digests(settings: MethodConfig) -> dict[str, str | None]:
    """Returns the digest of every folder that a method needs, None for one that is not there."""
    return {str(path): folder_digest(path) for path in settings.needs()}


def folder_digest(folder: Path) -> str | None:
    """Returns the digest of a folder's content, or None where there is no such folder.

    A prepared data set is told by its own digest, any other folder by its files without those in `MEASURED`; a model also by
    the code of its method, which is loaded by name.
    """
    if not folder.is_dir():
        return None
    if (folder / "dataset.json").is_file():
        return str(read_json(folder / "dataset.json")["digest"])
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in MEASURED)
    content = {str(path.relative_to(folder)): sha256(path) for path in files}
    if (folder / "method.json").is_file():
        content["code"] = _code(folder / "method.json")
    return digest(content)


def _code(description: Path) -> str:
    """Returns the fingerprint of the method that a model folder describes."""
    model = read_json(description)
    name = model["method"]
    try:
        settings = registry.config_class(name)(**model["settings"])
    except ValidationError as error:
        raise WeightsError(f"{description} does not fit method '{name}' as it is now. Train it again with `lle train {name}`.") from error
    return method_fingerprint(name, trained=False, settings=settings)


def write_needs(settings: Mapping[str, MethodConfig], folder: Path = Path("build/needs")) -> None:
    """Writes `<method>.json` for every method, with the digests of what it needs.

    Args:
        settings: by method.
        folder: receives the files; those of methods that are gone are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.json"):
        if stale.stem not in settings:
            stale.unlink()
    for name, section in settings.items():
        write_json(folder / f"{name}.json", digests(section))
