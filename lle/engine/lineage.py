"""Which commands made what a result rests on, so that `lle reproduce` can make all of it again from nothing.

Every folder under `build` that a command of ours makes names that command, and those that went before it: a data set in
`dataset.json`, a model in `train.json`, the small CLIP in `report.json`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lle.files import read_json


def made_by(folders: Iterable[Path]) -> list[str]:
    """Returns the commands that make the folders, in order and each once.

    Folders that are not there, or that a person brought, name none.
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
