"""The key of a form: which code stands for which method and picture. Raters do not get it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from lle.errors import DataError
from lle.files import read_json, write_json
from lle.results.base import Part
from lle.results.provenance import Provenance

NAME = "key.json"


class Shown(Part):
    """A picture of the form."""

    image: str
    """Its name in the data set, or the stem of its file."""
    scene: str
    """What it shows; pictures of one scene are no independent evidence."""


class Key(Part):
    """`key.json` beside a form."""

    study: str
    """Digest of the form, which its answers carry."""
    name: str
    """What the result will be called."""
    dataset: str
    question: str
    seed: int
    methods: dict[str, str]
    """Name of the method by code."""
    pictures: dict[str, Shown]
    """By code."""
    provenance: Provenance

    def write(self, path: Path) -> None:
        """Writes the file."""
        write_json(path, self.plain())

    @classmethod
    def read(cls, path: Path) -> Key:
        """Reads the file.

        Raises:
            LleError: it is missing or damaged.
        """
        try:
            return cls.model_validate(read_json(path))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise DataError(f"{path} is no key of a form: {where}: {first['msg']}. Name the key.json beside the form.") from error
