"""The record of a run beside its results: what was to be done, and a line of JSON for each picture.

`_manifest/job.json` says with what the results are made; `_manifest/part-*.jsonl` hold the lines, as whole files, because an object
store cannot append. Their names sort by time, and the last line of a picture counts.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self

from lle.cluster.place import Place
from lle.errors import LleError
from lle.results.base import Number, Part

FOLDER = "_manifest"
JOB = f"{FOLDER}/job.json"
LINES = 1000
SECONDS = 10.0
"""A part is written after so many lines or so long, whichever comes first."""


class Line(Part):
    """What became of one picture."""

    source: str
    """Its address."""
    target: str
    """The result, relative to the folder of the results."""
    status: Literal["written", "found", "failed"]
    """`found`: the result was there already, by an attempt that was killed or by an earlier run."""
    error: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    """Of the result."""
    seconds: Number | None = None
    """From the picture before to this one, at its worker."""
    ended: Number | None = None
    """Seconds since 1970."""
    worker: str | None = None
    """Machine and process."""


class Manifest:
    """Writes lines in parts.

    Args:
        place: of the results.
        lines: after which a part is written.
        seconds: after which a part is written.
    """

    def __init__(self, place: Place, lines: int = LINES, seconds: float = SECONDS) -> None:
        self.place, self.lines, self.seconds = place, lines, seconds
        self._waiting: list[Line] = []
        self._since = time.monotonic()
        # Two runs in a second, on machines whose clocks agree, must not write one name.
        self._run = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
        self._part = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()

    def add(self, line: Line) -> None:
        """Takes a line."""
        self._waiting.append(line)
        if len(self._waiting) >= self.lines or time.monotonic() - self._since > self.seconds:
            self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        if self._waiting:
            text = "".join(json.dumps(line.plain(), ensure_ascii=False, sort_keys=True) + "\n" for line in self._waiting)
            self.place.write(f"{FOLDER}/part-{self._run}-{self._part:06}.jsonl", text.encode())
            self._part += 1
            self._waiting = []
        self._since = time.monotonic()


def read_lines(place: Place) -> dict[str, Line]:
    """Returns the last line of each picture, by the name of its result.

    Raises:
        LleError: a part is damaged.
    """
    found: dict[str, Line] = {}
    for name in sorted(name for name in Place(place.join(FOLDER)).names() if name.endswith(".jsonl")):
        for text in place.read(f"{FOLDER}/{name}").decode().splitlines():
            try:
                line = Line.model_validate_json(text)
            except ValueError as error:
                raise LleError(f"{place.join(f'{FOLDER}/{name}')} is damaged. Remove it: results that it names are found again.") from error
            found[line.target] = line
    return found


def begin(place: Place, job: Mapping[str, Any], force: bool) -> None:
    """Notes with what the results of a place are made, unless that stands there already.

    Args:
        place: of the results.
        job: plain data: the model and how results are written.
        force: results may be replaced, also by others.

    Raises:
        LleError: the results there are of another job.
    """
    text = json.dumps(job, indent=2, sort_keys=True) + "\n"
    try:
        before = json.loads(place.read(JOB))
    except FileNotFoundError:
        before = None
    except ValueError as error:
        raise LleError(f"{place.join(JOB)} is damaged. Remove it, and say --skip-existing to go on with the results there.") from error
    if before == json.loads(text):
        return
    if before is not None and not force:
        other = ", ".join(_differing(before, json.loads(text)))
        raise LleError(
            f"the results in {place.address} are made with another {other} (see {JOB}). Choose another folder, or replace them: --force."
        )
    place.write(JOB, text.encode())


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*one, *other}):
        if one.get(key) != other.get(key):
            yield key
