"""What every result file has in common: a version of its form, reading with clear errors, and writing.

A model describes one kind of file. Its types are strict, so a number that became a text is an error, and the same numbers
come back as the same bytes. A file without `schema` is of version 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, ValidationError

from lle.errors import LleError
from lle.files import read_json, write_json

Number = StrictInt | StrictFloat
"""A finite number, written again as it was: 20 stays 20, and does not become 20.0."""
Fact = str | bool | StrictInt | StrictFloat | None
"""A plain value, such as a tag."""
Point = Annotated[tuple[Number, Number | None], Field(strict=False)]
"""Iteration and value; the value is None where it was not finite."""


class Part(BaseModel):
    """A piece of a result file. An unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)

    def plain(self) -> dict[str, Any]:
        """Returns what was given, as plain data: keys that were not set are left out, and so is the version of a file."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"schema_version"})


class ResultFile(Part):
    """A result file."""

    SCHEMA: ClassVar[int] = 1
    """Version of the form that this code reads and writes."""
    FILES: ClassVar[str]
    """Glob pattern of the files of this kind, below the reports folder."""

    schema_version: int = Field(default=1, alias="schema")
    """Version of the file's form."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads and checks a file.

        Raises:
            LleError: the file is missing, no JSON, of another version, or malformed; the message names the key.
        """
        content = read_json(path)
        version = content.get("schema", 1) if isinstance(content, dict) else 1
        if version != cls.SCHEMA:
            raise LleError(
                f"{path} has schema {version}, and this code reads schema {cls.SCHEMA}. Use the code that wrote it, or run dvc repro."
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise LleError(
                f"{path}: {where}: {first['msg']}. Restore it with `git checkout -- {path}`, or delete it and run dvc repro."
            ) from error

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Returns the model of plain data, as they would be in the file: a tuple becomes a list.

        Raises:
            ValidationError: a key is missing, unknown or of another type: the writer and the model do not fit each other.
        """
        return cls.model_validate(json.loads(json.dumps(content, allow_nan=False)))

    @classmethod
    def written(cls, content: Mapping[str, Any], path: Path) -> Self:
        """Returns the model of plain data and writes its file, see `of` and `write`."""
        found = cls.of(content)
        found.write(path)
        return found

    def write(self, path: Path) -> None:
        """Writes the file whole or not at all; equal values give equal bytes."""
        write_json(path, {**self.plain(), "schema": self.SCHEMA})


class RunMean(Part):
    """The mean over the pictures of one training of a study."""

    seed: int
    processor: str
    """`native`, or `baseline` for the oldest instruction set that the libraries know."""
    mean: Number


class Score(Part):
    """One metric: a mean with a 95 % interval, or the reason why there is none.

    The unit is that of the metric; see `lle.metrics.registry`.
    """

    mean: Number | None
    low: Number | None = None
    high: Number | None = None
    n: int | None = None
    """Pictures behind the mean."""
    missing: str | None = None
    """Why there is no mean."""
    by_seed: dict[str, Number] = Field(default_factory=dict)
    """In studies: the mean of every seed."""
    by_run: list[RunMean] = Field(default_factory=list)
    """In studies: the mean of every training."""
    processor_gap: Number | None = None
    """In studies: largest difference between processors at one seed."""
    seed_sd: Number | None = None
    """In studies: standard deviation of the seeds' means."""
