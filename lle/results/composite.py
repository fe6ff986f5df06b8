"""The composite index of the distillation paper."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from lle.results.base import Number, Part, ResultFile
from lle.results.provenance import Provenance


class Against(Part):
    """The method's index compared with that of another one."""

    difference: Number
    percent: Number | None
    """None where the other index is 0."""


class CompositeSet(Part):
    """One data set: the results, or `missing`, the reason why there are none."""

    missing: str | None = None
    images: int | None = None
    data_digest: str | None = None
    methods: dict[str, dict[str, Number]] = Field(default_factory=dict)
    """By method: the mean of every term in its own unit, `index`, and `seconds` a picture."""
    against: dict[str, Against] = Field(default_factory=dict)


class ModelOrigin(Part):
    """Which model was measured."""

    config_hash: str | None = None
    fingerprint: str | None = None
    seed: int | None = None
    trained_on: str | None = None


class Composite(ResultFile):
    """`reports/composite/composite.json`."""

    FILES: ClassVar[str] = "composite/composite.json"

    method: str
    """The method that the others are compared with."""
    terms: dict[str, str]
    """Metrics of the index, and whether `higher` or `lower` is better."""
    missing_terms: dict[str, str]
    """Metrics that could not be measured, and why."""
    datasets: dict[str, CompositeSet]
    models: dict[str, ModelOrigin]
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "composite" / "composite.json"
