"""The leaderboard as data: one table a data set, ranked, with the reason for every empty cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lle.measure.quality import MIN_SCENES
from lle.report.columns import COSTS, FLICKER, Column, columns
from lle.report.costs import SIZE, cost_of, cost_text
from lle.results.base import Score
from lle.results.quality import INPUT, Evaluation
from lle.results.read import Results

KINDS = ("classical", "zero-reference", "unpaired", "paired", "unknown")
"""Kinds of supervision, in the order of a legend."""
BACKBONE = "clip_backbone"
"""Tag of results that a CLIP guided."""
INTERVALS = (
    "Small figures are the 95 % bootstrap interval of the mean over test pictures: where two intervals overlap widely, "
    "the order of the two methods is not established. Pictures of the same scene are no independent evidence: with few "
    "scenes the intervals say little about other scenes."
)
MARKS = "Best and second best of a column are marked; the untouched input is measured like a method but takes no part in the ranking."


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        value: the number, None where it is missing.
        text: the number as shown, or a dash.
        interval: the interval as shown, or "".
        n: pictures behind the mean.
        rank: 1 for the best, 2 for the second best, 0 otherwise.
        note: number of the footnote that says why the cell is empty; 0 for none.
        missing: that reason.
    """

    value: float | None
    text: str
    interval: str = ""
    n: int | None = None
    rank: int = 0
    note: int = 0
    missing: str = ""


@dataclass(frozen=True)
class Row:
    """One method's row; `cells` by column key; `backbone` is the CLIP that guided it, "" for none."""

    method: str
    title: str
    supervision: str
    trained_on: str
    tags: tuple[str, ...]
    cells: Mapping[str, Cell]
    backbone: str = ""


@dataclass(frozen=True)
class Table:
    """The leaderboard of one data set; `notes[i]` is footnote i + 1; `scenes` is None where it was not recorded."""

    dataset: str
    images: int
    scenes: int | None
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def guided(self) -> bool:
        """Says whether CLIP guided any method, so that the table has a column for it."""
        return any(row.backbone for row in self.rows)

    @property
    def pictures(self) -> str:
        """Says how many pictures there are, and of how many scenes where these are fewer."""
        scenes = f" of {self.scenes} scenes" if self.scenes is not None and self.scenes < self.images else ""
        few = ": a smoke test, with too few scenes to tell methods apart" if self.few else ""
        return f"{self.images} test pictures{scenes}{few}"

    @property
    def few(self) -> bool:
        """Whether its pictures are of so few scenes that intervals over scenes mean nothing."""
        return self.scenes is not None and self.scenes < MIN_SCENES


def trained_on(evaluation: Evaluation, supervision: str) -> str:
    """Says in a few words where a method's weights come from."""
    if evaluation.trained_on is not None:
        return evaluation.trained_on
    return "no training" if supervision in {"none", "classical"} else "imported weights"


def ranks(values: Mapping[str, float | None], column: Column) -> dict[str, int]:
    """Returns 1 for the best and 2 for the second best distinct value, as shown, and 0 for the others.

    Values that look equal at the digits shown share a rank. A column without a direction, or with a single value, has no
    ranks: being the best of one says nothing.
    """
    found = {method: value for method, value in values.items() if value is not None}
    if column.better is None or len(found) < 2:
        return dict.fromkeys(values, 0)
    shown = {method: round(value, column.digits) for method, value in found.items()}
    best = sorted(set(shown.values()), reverse=column.better == "higher")
    places = {value: place for place, value in enumerate(best[:2], 1)}
    return {method: places.get(shown[method], 0) if method in shown else 0 for method in values}


def _reason(score: Score | None) -> str:
    if score is None:
        return "not measured when this method was evaluated: run `dvc repro` to evaluate it with the present list of metrics."
    return score.missing or "the evaluation gave no value and no reason: run `lle evaluate` again."


def _order(evaluations: Mapping[str, Evaluation], shown: Sequence[Column]) -> list[str]:
    """Best first by the first full-reference metric that anyone has; others follow by name, the input comes last.

    A data set without references is in the order of the names: no metric without a reference is trusted to rank.
    """

    def has(column: Column) -> bool:
        return any(e.metrics.get(column.key) is not None and e.metrics[column.key].mean is not None for e in evaluations.values())

    leading = next((column for column in shown if column.group == "full" and has(column)), None)

    def key(method: str) -> tuple[bool, bool, float, str]:
        score = evaluations[method].metrics.get(leading.key) if leading is not None else None
        value = None if score is None else score.mean
        if leading is None or value is None:
            return (method == INPUT, True, 0.0, method)
        return (method == INPUT, False, -value if leading.better == "higher" else value, method)

    return sorted(evaluations, key=key)


def leaderboard(results: Results, dataset: str) -> Table:
    """Builds the table of one data set.

    A metric that some method has a cell for is a column, also when every cell of it is empty: the footnotes then say what
    to install or download.
    """
    evaluations = results.evaluations[dataset]
    metrics = columns(key for evaluation in evaluations.values() for key in evaluation.metrics)
    contestants = {method: evaluation for method, evaluation in evaluations.items() if method != INPUT}

    def mean(evaluation: Evaluation, key: str) -> float | None:
        score = evaluation.metrics.get(key)
        return None if score is None else score.mean

    placed = {c.key: ranks({m: mean(e, c.key) for m, e in contestants.items()}, c) for c in metrics}
    notes: dict[str, list[str]] = {}

    def empty(column: Column, reason: str) -> Cell:
        """A dash whose footnote other columns share where the reason is the same."""
        labels = notes.setdefault(reason, [])
        if column.label not in labels:
            labels.append(column.label)
        return Cell(None, "—", note=list(notes).index(reason) + 1, missing=f"{column.label}: {reason}")

    rows = []
    for method in _order(evaluations, metrics):
        evaluation = evaluations[method]
        cells: dict[str, Cell] = {}
        for column in metrics:
            score = evaluation.metrics.get(column.key)
            if score is None or score.mean is None:
                cells[column.key] = empty(column, _reason(score))
                continue
            interval = "" if score.low is None or score.high is None else f"{column.text(score.low)} – {column.text(score.high)}"
            rank = placed[column.key].get(method, 0)
            cells[column.key] = Cell(score.mean, column.text(score.mean), interval, score.n, rank)
        if (flicker := results.flickers.get(method)) is not None:
            cells[FLICKER.key] = Cell(flicker.alone.warping, FLICKER.text(flicker.alone.warping))
        elif results.flickers:
            again = next(iter(results.flickers.values())).dataset
            cells[FLICKER.key] = empty(FLICKER, f"not measured: run `lle flicker {method} {again}`.")
        for column in COSTS:
            value = cost_of(results.profiles.get(method), column.key)
            if value is not None:
                cells[column.key] = Cell(value, cost_text(column, value))
                continue
            if method == INPUT:
                cells[column.key] = Cell(None, "—", missing="Nothing is computed.")
                continue
            if method not in results.profiles:
                reason = f"no profile of {method}: run `lle profile {method}`."
            elif column.key == "gmacs" and results.profiles[method].macs_missing is not None:
                reason = str(results.profiles[method].macs_missing)
            else:
                reason = f"not in the profile of {method} at {SIZE}: run `lle profile {method}` again."
            cells[column.key] = empty(column, reason)
        supervision = results.supervision(method)
        tags = evaluation.provenance.tags
        labels = tuple(f"{key}: {value}" for key, value in sorted(tags.items()) if key != BACKBONE)
        origin = trained_on(evaluation, supervision)
        rows.append(Row(method, results.title(method), supervision, origin, labels, cells, str(tags.get(BACKBONE, ""))))
    images = max(evaluation.images for evaluation in evaluations.values())
    footnotes = tuple(f"{', '.join(labels)}: {reason}" for reason, labels in notes.items())
    scenes = max((evaluation.scenes for evaluation in evaluations.values() if evaluation.scenes is not None), default=None)
    return Table(dataset, images, scenes, (*metrics, *((FLICKER,) if results.flickers else ()), *COSTS), tuple(rows), footnotes)


def leaderboards(results: Results) -> dict[str, Table]:
    """Returns the tables by data set."""
    tables = [leaderboard(results, dataset) for dataset in results.datasets]
    tables.sort(key=lambda table: (table.few, -len(table.rows), table.dataset))
    return {table.dataset: table for table in tables}


def kinds(tables: Mapping[str, Table]) -> list[str]:
    """Returns the kinds of supervision in the tables, for a legend."""
    found = {row.supervision for table in tables.values() for row in table.rows}
    return [kind for kind in KINDS if kind in found]
