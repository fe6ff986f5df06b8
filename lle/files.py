"""Files written whole or not at all, and digests of them."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, overload

from lle.errors import LleError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, renamed onto it when the block ends without an error.

    A reader therefore sees the old file or the whole new one, also after a kill or on a full disk.

    Raises:
        LleError: the disk is full or the folder cannot be written; the old file is untouched.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays, because image and array writers choose their format by it. The stem is cut, because names have a longest length.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:24]}-", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise LleError(f"cannot write {path}: {error.strerror or error}. {write_advice(error)}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_advice(error: OSError) -> str:
    """Returns what a person can do about a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full: free space, then run it again."
    if error.errno == errno.ENAMETOOLONG:
        return "The file system takes no name as long as that: choose a shorter one."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "You may not write there: choose another folder, or change its permissions."
    return "Choose another folder, then run it again."


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes JSON atomically, with sorted keys and a final newline, so that equal values give equal bytes.

    Raises:
        ValueError: a float is NaN or infinite; JSON has no such number, store None and the reason instead.
    """
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def csv_text(lines: Sequence[Mapping[str, Any]]) -> str:
    """Returns lines as CSV, with the keys in the order of their first appearance; a key that a line lacks leaves its cell empty."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(dict.fromkeys(key for line in lines for key in line)), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


@overload
def significant(value: float) -> float: ...
@overload
def significant(value: None) -> None: ...
def significant(value: float | None) -> float | None:
    """Returns the value with six significant digits: more are noise, and differ between machines. What is unknown stays None."""
    return None if value is None else float(f"{value:.6g}")


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        LleError: the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LleError(f"{path} does not exist. Run the stage that writes it: dvc repro.") from error
    except OSError as error:
        raise LleError(f"{path} cannot be read: {error.strerror or error}. Name a JSON file, or mend its permissions.") from error
    except json.JSONDecodeError as error:
        raise LleError(f"{path} is not valid JSON (line {error.lineno}). Delete it and run dvc repro.") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise LleError(f"{path} is not valid JSON ({type(error).__name__}). Delete it and run dvc repro.") from error


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file as 64 hex digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Returns the SHA-256 of plain data (dicts, lists, numbers, strings), independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
