"""What the papers claim, beside what this suite measured: the comparison of `reports/claims.yaml` with the results.

A claimed value never stands in our column. Ours is there only if the same metric was measured for the same method on the same
data set; any other cell says what is missing, and the command that would fill it where there is one. The rows of an ablation
take ours from a study of this suite, on other pictures than the paper's, and say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from lle.registry import card, packages
from lle.report.claims_file import ClaimedColumn, ClaimedRow, ClaimedTable, Claims
from lle.report.columns import metric as column_of
from lle.report.costs import SIZE
from lle.results.read import Results
from lle.results.study import Study


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
    costs = results.costs.get(method)
    # The paper's own size, where the settings have another.
    counted = None if costs is None else (costs.paper or costs).macs
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
    # A method that was trained here has its model; fetching what is on disk already takes no time.
    train = "" if method in results.trainings or card(method).supervision == "classical" else f"lle train {method} && "
    command = f"lle fetch {name} && {train}lle evaluate {method} {name}"
    if name not in results.evaluations:
        return target.missing or f"{name} is not evaluated here: {command}"
    evaluation = results.evaluations[name].get(method)
    if evaluation is None:
        return f"{row.name} is not evaluated on {name}: {command}"
    score = evaluation.metrics.get(key)
    if score is None:
        return f"{column_of(key).label} was not measured on {name}: {command}"
    if score.mean is None:
        return f"{column_of(key).label}: {score.missing}"
    training = results.trainings.get(method)
    parts = [
        f"{row.name}: trained on {evaluation.trained_on}" if evaluation.trained_on else f"{row.name}: not trained here",
        f"{training.iterations} iterations" if training is not None and evaluation.trained_on else "",
        f"seed {evaluation.provenance.seed}",
        *(f"{tag} {value}" for tag, value in sorted(evaluation.provenance.tags.items())),
        f"{evaluation.images} pictures of {name}",
    ]
    return cell.figure(score.mean, column_of(key).text(score.mean), ", ".join(part for part in parts if part), f"{name}/{method}")


def study_conditions(study: Study, name: str, dataset: str) -> str:
    """Says in a line how a variant of a study was trained and measured."""
    variant = study.variants[name]
    iterations = sorted({record.iterations for record in variant.training.values() if record.iterations})
    tags = {f"{tag} {value}" for record in variant.provenance.values() for tag, value in record.tags.items()}
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
                        and ((row.dataset or table.dataset) in note.datasets or not note.datasets)
                        and (column.metric in note.metrics or not note.metrics)
                        and (note.rows or note.datasets or note.metrics)
                    )
                    found = _ours(results, _Cell(claims, table, row, column, value))
                    ours, missing = ((), found) if isinstance(found, str) else (found, "")
                    cells.append(Compared(str(value), ours, missing, doubts))
                lines.append(tuple(cells))
            tables.append(ComparedTable(table, tuple(lines)))
        compared[paper.id] = tuple(tables)
    return compared
