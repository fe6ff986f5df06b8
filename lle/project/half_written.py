"""Files that a killed DVC leaves half-written.

DVC writes `dvc.lock` and its list of locks in place. A kill or a power cut between truncating and writing leaves an empty file, with
which every later `dvc repro` fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path


def mend(root: Path = Path()) -> list[str]:
    """Puts right what no longer parses of DVC's own files, unless another DVC runs in the folder.

    Args:
        root: folder of the project.

    Returns:
        What was done, a sentence a file; empty where nothing was wrong.
    """
    from dvc.lock import Lock, LockError
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA as LOCK_FILE
    from ruamel.yaml import YAML

    folder = root / ".dvc/tmp"
    if not folder.is_dir():
        return []
    done = []
    with contextlib.suppress(LockError), Lock(str(folder / "lock")), Lock(str(folder / "rwlock.lock")):
        if _damaged(folder / "rwlock", json.loads):
            (folder / "rwlock").unlink()
            done.append("DVC's list of its locks (.dvc/tmp/rwlock) was damaged, as after a kill, and was removed.")
        lock = root / "dvc.lock"
        if _damaged(lock, lambda text: LOCK_FILE(YAML(typ="safe").load(text))):
            aside = folder / "dvc.lock.damaged"
            os.replace(lock, aside)
            committed = subprocess.run(["git", "show", "HEAD:./dvc.lock"], cwd=root, capture_output=True, check=False)
            if committed.returncode == 0:
                lock.write_bytes(committed.stdout)
            instead = "the committed one is used" if committed.returncode == 0 else "all stages run again"
            done.append(f"dvc.lock was damaged, as after a kill; it lies in {aside.as_posix()}, and {instead}.")
    return done


def _damaged(path: Path, parse: Callable[[str], object]) -> bool:
    """Whether a file is there and cannot be parsed."""
    if not path.is_file():
        return False
    try:
        parse(path.read_text(encoding="utf-8"))
    except Exception:  # of JSON, YAML and the schema, whose errors have no common class: each means that the file is not whole
        return True
    return False
