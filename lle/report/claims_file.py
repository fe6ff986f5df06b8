"""`reports/claims.yaml`: the figures that the papers print, as a checked model."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from lle.config.base import Strict
from lle.config.data import catalog_names
from lle.errors import LleError

CLAIMS = "claims.yaml"
"""Its place below the reports folder."""


class ClaimedSet(Strict):
    """A data set that a paper measures on."""

    title: str
    """What it is."""
    missing: str | None = None
    """Why no command can measure on it; null for a set of the catalog, which its name finds."""


class ClaimedColumn(Strict):
    """One metric of a table."""

    metric: str
    """Key of the metric: as in the result files where this suite measures it, `gmacs` for operations."""
    label: str
    """As the paper calls it."""
    unit: str | None = None
    """Unit; null for a plain number."""


class ClaimedRow(Strict):
    """One row of a table."""

    name: str
    """As the paper calls it."""
    method: str | None
    """Id in this suite; null where it has none."""
    dataset: str | None = None
    """Data set, where the table's rows differ in it."""
    variant: str | None = None
    """Variant of the table's study that stands for this row; null where none does."""
    values: list[Decimal]
    """One number a column, with the digits that are printed."""


class Note(Strict):
    """What is wrong with, or to be known about, some figures of a table."""

    kind: Literal["misprint", "contradiction", "remark"]
    """`misprint`: cannot be meant as printed; `contradiction`: at odds with another place of the paper."""
    rows: list[str] = Field(default_factory=list)
    """Names of the rows concerned; empty for all."""
    datasets: list[str] = Field(default_factory=list)
    """Data sets of the rows concerned, where rows differ in it; empty for all."""
    metrics: list[str] = Field(default_factory=list)
    """Metrics of the columns concerned; empty for all."""
    text: str
    """What it is."""


class ClaimedTable(Strict):
    """One table of a paper."""

    table: str
    """Number as printed, or what is known of its place."""
    title: str
    """What it shows."""
    dataset: str | None = None
    """Data set of all rows that name none."""
    missing: str | None = None
    """Why nothing of ours can stand in this table, whatever is evaluated."""
    study: str | None = None
    """Study of this suite that repeats the table on other pictures, by name."""
    columns: list[ClaimedColumn] = Field(min_length=1)
    """Its metrics."""
    rows: list[ClaimedRow] = Field(min_length=1)
    """Its rows."""
    notes: list[Note] = Field(default_factory=list)
    """Misprints and the like."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for row in self.rows:
            if len(row.values) != len(self.columns):
                raise ValueError(f"{self.table}, {row.name}: {len(row.values)} values for {len(self.columns)} columns")
        places = [(row.name, row.dataset) for row in self.rows]
        if len(set(places)) != len(places):
            raise ValueError(f"{self.table}: a row stands there twice")
        rows, metrics = {row.name for row in self.rows}, {column.metric for column in self.columns}
        datasets = {name for row in self.rows if (name := row.dataset or self.dataset) is not None}
        if self.study is None and any(row.variant is not None for row in self.rows):
            raise ValueError(f"{self.table}: a row names a variant, but the table names no study")
        for note in self.notes:
            for found, known in ((note.rows, rows), (note.datasets, datasets), (note.metrics, metrics)):
                for name in found:
                    if name not in known:
                        raise ValueError(f"{self.table}: a note is about '{name}', which is not in the table")
        return self


class Paper(Strict):
    """One paper."""

    id: str
    """Id of its method in this suite."""
    number: int
    """Number of the paper in this project."""
    name: str
    """Short name for menus."""
    title: str
    """Title."""
    reference: str
    """Where it was published."""
    remark: str | None = None
    """What is to be known about its figures as a whole."""
    tables: list[ClaimedTable]
    """Its tables, in its order."""


class Claims(Strict):
    """`reports/claims.yaml`."""

    datasets: dict[str, ClaimedSet]
    """Data sets that the papers measure on, by the name that `lle evaluate` would use."""
    undefined: dict[str, str] = Field(default_factory=dict)
    """Rows, by their name in the tables, whose method nobody could write, and why: the papers' figures are all there is."""
    papers: list[Paper]
    """The papers."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        for known, claimed in self.datasets.items():
            if (claimed.missing is None) != (known in catalog_names()):
                raise ValueError(f"datasets: '{known}' must be a set of the catalog, or say in `missing` why no command can fetch it")
        for paper in self.papers:
            for table in paper.tables:
                for name in {table.dataset, *(row.dataset for row in table.rows)} - {None}:
                    if name not in self.datasets:
                        raise ValueError(f"{paper.id}, {table.table}: the data set '{name}' is not under `datasets`")
        rows = {row.name for paper in self.papers for table in paper.tables for row in table.rows if row.method is None}
        for name in self.undefined:
            if name not in rows:
                raise ValueError(f"undefined: no row without a method is called '{name}'")
        return self


def read_claims(path: Path) -> Claims:
    """Reads and checks the claims.

    Raises:
        LleError: the file is missing, no YAML, or does not fit the schema.
    """
    try:
        return Claims.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise LleError(f"{path} does not exist: it is part of the repository. Restore it with `git checkout -- {path}`.") from error
    except yaml.YAMLError as error:
        raise LleError(f"{path} is not valid YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise LleError(f"{path}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error
