"""What the papers claim, beside what this suite measured: `reports/claims.yaml` and its comparison with the results.

A claimed value never stands in our column. Ours is there only if the same metric was measured for the same method on the same
data set; any other cell says what is missing, and the command that would fill it where there is one. The rows of an ablation
take ours from a study of this suite, on other pictures than the paper's, and say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from lle.config.base import Strict
from lle.errors import LleError
from lle.registry import packages
from lle.report.columns import metric as column_of
from lle.report.leaderboard import SIZE
from lle.results.read import Results, Study


class ClaimedSet(Strict):
    """A data set that a paper measures on."""

    title: str
    """What it is."""
    missing: str
    """Why there is nothing of ours where it was not evaluated."""
    command: str | None = None
    """What would fill the cells; METHOD stands for a row's method."""


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
        if self.study is None and any(row.variant is not None for row in self.rows):
            raise ValueError(f"{self.table}: a row names a variant, but the table names no study")
        for note in self.notes:
            for found, known in ((note.rows, rows), (note.metrics, metrics)):
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


@dataclass(frozen=True)
class Ours:
    """A figure of ours beside a printed one.

    Attributes:
        text: as shown.
        difference: ours minus the printed figure, with the digits of the latter.
        conditions: how it was measured.
        run: id of its provenance record.
        where: data set, where it is not the paper's; "" where it is.
    """

    text: str
    difference: str
    conditions: str
    run: str
    where: str = ""


@dataclass(frozen=True)
class Compared:
    """One cell: what is claimed, what we have.

    Attributes:
        claimed: as printed.
        ours: our figures: one, or one a data set where a study stands in for the paper's pictures; none where it is missing.
        missing: why there is none; "" where there is one.
        doubts: numbers of the table's notes about this cell.
    """

    claimed: str
    ours: tuple[Ours, ...]
    missing: str
    doubts: tuple[int, ...]


@dataclass(frozen=True)
class ComparedTable:
    """A paper's table with our figures; `cells[i][j]` is row i, column j."""

    table: ClaimedTable
    cells: tuple[tuple[Compared, ...], ...]

    @property
    def filled(self) -> int:
        """Number of cells with a figure of ours."""
        return sum(bool(cell.ours) for row in self.cells for cell in row)

    @property
    def count(self) -> int:
        """Number of cells."""
        return sum(len(row) for row in self.cells)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Distinct reasons of the empty cells, in the order of the cells."""
        return tuple(dict.fromkeys(cell.missing for row in self.cells for cell in row if cell.missing))

    @property
    def conditions(self) -> tuple[str, ...]:
        """Distinct conditions of our figures, in the order of the cells."""
        return tuple(dict.fromkeys(one.conditions for row in self.cells for cell in row for one in cell.ours))

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Data sets of our figures that are not the paper's."""
        return tuple(dict.fromkeys(one.where for row in self.cells for cell in row for one in cell.ours if one.where))


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) != 0 else text.lstrip("+-")


@dataclass(frozen=True)
class _Cell:
    """What a cell is about."""

    claims: Claims
    table: ClaimedTable
    row: ClaimedRow
    column: ClaimedColumn
    claimed: Decimal

    def figure(self, value: float, text: str, conditions: str, run: str, where: str = "") -> tuple[Ours]:
        difference = _signed(value - float(self.claimed), max(0, -int(self.claimed.as_tuple().exponent)))
        return (Ours(text, difference, conditions, run, where),)


def _cost(results: Results, cell: _Cell, method: str) -> tuple[Ours] | str:
    profile = results.profiles.get(method)
    costs = results.costs.get(method, {})
    # The paper's own size, where the settings have another.
    counted = (costs.get("paper") or costs).get("macs")
    if profile is None and counted is not None:
        return cell.figure(counted / 1e9, _operations(counted / 1e9), f"{cell.row.name}: multiply-accumulates counted at {SIZE}", "costs")
    if profile is None:
        return f"{cell.row.name} is not profiled here: lle profile {method}"
    value = profile.gmacs(SIZE)
    if value is None:
        return f"{cell.row.name}: its operations at {SIZE} were not counted: lle profile {method}"
    return cell.figure(value, _operations(value), f"{cell.row.name}: multiply-accumulates counted at {SIZE}", f"profile/{method}")


def _operations(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.1f}"


def _measured(results: Results, cell: _Cell, method: str) -> tuple[Ours] | str:
    row, key = cell.row, cell.column.metric
    name = row.dataset or cell.table.dataset
    if name is None:
        return "the paper does not say what was measured on"
    target = cell.claims.datasets[name]
    if name not in results.evaluations:
        command = None if target.command is None else target.command.replace("METHOD", method)
        return target.missing if command is None else f"{target.missing}: {command}"
    evaluation = results.evaluations[name].get(method)
    if evaluation is None:
        return f"{row.name} is not evaluated on {name}: lle evaluate {method} {name}"
    score = evaluation.metrics.get(key)
    if score is None:
        return f"{column_of(key).label} was not measured on {name}: lle evaluate {method} {name}"
    if score.mean is None:
        return f"{column_of(key).label}: {score.missing}"
    training = results.trainings.get(method)
    parts = [
        f"{row.name}: trained on {evaluation.trained_on}" if evaluation.trained_on else f"{row.name}: not trained here",
        f"{training.iterations} iterations" if training is not None and evaluation.trained_on else "",
        f"seed {evaluation.provenance.get('seed')}",
        *(f"{tag} {value}" for tag, value in sorted((evaluation.provenance.get("tags") or {}).items())),
        f"{evaluation.images} pictures of {name}",
    ]
    return cell.figure(score.mean, column_of(key).text(score.mean), ", ".join(part for part in parts if part), f"{name}/{method}")


def study_conditions(study: Study, name: str, dataset: str) -> str:
    """Says in a line how a variant of a study was trained and measured."""
    variant = study.variants[name]
    iterations = sorted({record["iterations"] for record in variant.training.values() if record.get("iterations")})
    tags = {f"{tag} {value}" for record in variant.provenance.values() for tag, value in (record.get("tags") or {}).items()}
    images = max((score.n for score in variant.results.get(dataset, {}).values() if score.n is not None), default=None)
    parts = [
        f"{variant.title}: trained on {study.train_data}" if iterations else f"{variant.title}: not trained",
        f"{' or '.join(str(number) for number in iterations)} iterations" if iterations else "",
        f"{'seed' if len(study.seeds) == 1 else 'seeds'} {', '.join(str(seed) for seed in study.seeds)}",
        *sorted(tags),
        f"{images} pictures of {dataset}" if images is not None else f"pictures of {dataset}",
    ]
    return ", ".join(part for part in parts if part)


def _from_study(results: Results, cell: _Cell, study_name: str, variant: str) -> tuple[Ours, ...] | str:
    study = results.studies.get(study_name)
    if study is None:
        return f"the study of this table is not run: lle study {study_name}"
    if variant not in study.variants:
        return f"the study {study_name} has no variant {variant} any more: lle study {study_name}"
    key = cell.column.metric
    found: list[Ours] = []
    reasons: list[str] = []
    for dataset in study.datasets:
        score = study.variants[variant].results.get(dataset, {}).get(key)
        if score is None or score.mean is None:
            reasons.append(f"{column_of(key).label}: {score.missing if score is not None else f'not measured, run lle study {study_name}'}")
            continue
        conditions = study_conditions(study, variant, dataset)
        found += cell.figure(score.mean, column_of(key).text(score.mean), conditions, f"study/{study_name}/{variant}", dataset)
    return tuple(found) or reasons[0]


def _ours(results: Results, cell: _Cell) -> tuple[Ours, ...] | str:
    """Returns our figures of a cell, or why there is none."""
    table, row, key = cell.table, cell.row, cell.column.metric
    if row.method is None and row.name in cell.claims.undefined:
        return f"{row.name}: {cell.claims.undefined[row.name]}"
    if table.study is not None and row.variant is not None:
        return _from_study(results, cell, table.study, row.variant)
    if table.missing is not None and key != "gmacs":
        return table.missing
    if row.method is None:
        return f"{row.name} is not in this suite"
    if row.method not in packages() and row.method not in results.methods:
        return f"{row.name} ({row.method}) is not in this checkout"
    if key == "gmacs":
        return _cost(results, cell, row.method)
    return _measured(results, cell, row.method)


def compare(claims: Claims, results: Results) -> Mapping[str, tuple[ComparedTable, ...]]:
    """Puts our figures beside the papers'.

    Returns:
        By paper id, its tables.
    """
    compared = {}
    for paper in claims.papers:
        tables = []
        for table in paper.tables:
            lines = []
            for row in table.rows:
                cells = []
                for column, value in zip(table.columns, row.values, strict=True):
                    doubts = tuple(
                        index
                        for index, note in enumerate(table.notes, 1)
                        if (row.name in note.rows or not note.rows)
                        and (column.metric in note.metrics or not note.metrics)
                        and (note.rows or note.metrics)
                    )
                    found = _ours(results, _Cell(claims, table, row, column, value))
                    ours, missing = ((), found) if isinstance(found, str) else (found, "")
                    cells.append(Compared(str(value), ours, missing, doubts))
                lines.append(tuple(cells))
            tables.append(ComparedTable(table, tuple(lines)))
        compared[paper.id] = tuple(tables)
    return compared
