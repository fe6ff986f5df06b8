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

from lle.files import write_text


def mend(root: Path = Path()) -> list[str]:
    """Puts right what no longer parses of DVC's own files, unless another DVC runs in the folder.

    Args:
        root: folder of the project.

    Returns:
        What was done, a sentence a file; empty where nothing was wrong.
    """
    from dvc.lock import Lock, LockError
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA as LOCK_FILE
    from dvc.utils.serialize import parse_yaml

    folder = root / ".dvc/tmp"
    if not folder.is_dir():
        return []
    done = []
    with contextlib.suppress(LockError), Lock(str(folder / "lock")), Lock(str(folder / "rwlock.lock")):
        if _damaged(folder / "rwlock", json.loads):
            (folder / "rwlock").unlink()
            done.append("DVC's list of its locks (.dvc/tmp/rwlock) was damaged, as after a kill, and was removed.")
        lock = root / "dvc.lock"
        if _damaged(lock, lambda text: LOCK_FILE(parse_yaml(text, lock))):
            aside, committed = folder / "dvc.lock.damaged", _committed(root)
            os.replace(lock, aside)
            if committed is not None:
                write_text(lock, committed)
            instead = "all stages run again" if committed is None else "the committed one is used"
            done.append(f"dvc.lock was damaged, as after a kill; it lies in {aside.as_posix()}, and {instead}.")
    return done


def _committed(root: Path) -> str | None:
    """Returns the committed dvc.lock; None where there is none, or no git."""
    try:
        found = subprocess.run(["git", "show", "HEAD:./dvc.lock"], cwd=root, capture_output=True, encoding="utf-8", check=False)
    except FileNotFoundError:
        return None
    return found.stdout if found.returncode == 0 else None


def _damaged(path: Path, parse: Callable[[str], object]) -> bool:
    """Whether a file is there and cannot be parsed."""
    if not path.is_file():
        return False
    try:
        parse(path.read_text(encoding="utf-8"))
    except Exception:  # of JSON, YAML and the schema, whose errors have no common class: each means that the file is not whole
        return True
    return False
