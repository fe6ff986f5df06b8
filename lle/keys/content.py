"""What lies in the folders that a stage reads, and which commands made them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from lle.files import digest, read_json, sha256

MEASURED = {"train.json", "losses.csv", "report.json"}
"""Files that tell how a folder was made and how long that took; they are not what is used of it."""


def content_digest(path: Path, code: Callable[[Path], str] | None = None) -> str | None:
    """Returns the digest of what a folder or file holds, or None where there is none.

    A prepared data set is told by its own digest, any other folder by its files without those in `MEASURED`.

    Args:
        path: the folder or file.
        code: returns the digest of the code that the model described in a `method.json` runs; None leaves it out.
    """
    if path.is_file():
        return sha256(path)
    if not path.is_dir():
        return None
    if (path / "dataset.json").is_file():
        return str(read_json(path / "dataset.json")["digest"])
    files = (one for one in sorted(path.rglob("*")) if one.is_file() and one.name not in MEASURED)
    content = {one.relative_to(path).as_posix(): sha256(one) for one in files}
    if code is not None and (path / "method.json").is_file():
        content["code"] = code(path / "method.json")
    return digest(content)


def made_by(folders: Iterable[Path]) -> list[str]:
    """Returns the commands that make the folders, in order and each once, so that `lle reproduce` can run them again.

    Every folder under `build` that a command of ours makes names that command, and those that went before it: a data set in
    `dataset.json`, a model in `train.json`, the small CLIP in `report.json`. Folders that are not there, or that a person
    brought, name none.
    """
    commands: list[str] = []
    for folder in folders:
        for name in ("dataset.json", "train.json", "report.json"):
            if not (folder / name).is_file():
                continue
            record = read_json(folder / name)
            origin = record.get("provenance", record)
            commands += [*origin.get("before", ()), *([origin["command"]] if origin.get("command") else ())]
    return list(dict.fromkeys(commands))
