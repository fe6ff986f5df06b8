"""The leaderboard: one table a data set, ranked, with the reason for every empty cell; as data and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lle.report.columns import COSTS, Column, columns
from lle.results.read import INPUT, Evaluation, Profile, Results, Score

SIZE = "400x600"
"""Height x width at which the cost columns are measured."""
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
        return f"{self.images} test pictures{scenes}"


def count(value: float) -> str:
    """Writes a number of parameters: exact up to 9999, then in thousands or millions."""
    if value < 10_000:
        return f"{value:.0f}"
    return f"{value / 1e3:.1f} k" if value < 1e6 else f"{value / 1e6:.2f} M"


def cost_text(column: Column, value: float) -> str:
    """Formats a cell of a cost column: three significant digits, because the costs span six powers of ten."""
    if column.key == "parameters":
        return count(value)
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _cost(profile: Profile | None, key: str) -> float | None:
    if profile is None:
        return None
    return {
        "parameters": None if profile.parameters is None else float(profile.parameters),
        "gmacs": profile.gmacs(SIZE),
        "latency": profile.latency(SIZE),
        "memory": profile.memory(SIZE),
    }[key]


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
        for column in COSTS:
            value = _cost(results.profiles.get(method), column.key)
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
        tags = evaluation.provenance.get("tags") or {}
        labels = tuple(f"{key}: {value}" for key, value in sorted(tags.items()) if key != BACKBONE)
        origin = trained_on(evaluation, supervision)
        rows.append(Row(method, results.title(method), supervision, origin, labels, cells, str(tags.get(BACKBONE, ""))))
    images = max(evaluation.images for evaluation in evaluations.values())
    footnotes = tuple(f"{', '.join(labels)}: {reason}" for reason, labels in notes.items())
    scenes = max((evaluation.scenes for evaluation in evaluations.values() if evaluation.scenes is not None), default=None)
    return Table(dataset, images, scenes, (*metrics, *COSTS), tuple(rows), footnotes)


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _markdown_cell(cell: Cell, dataset: str) -> str:
    if cell.value is None:
        return f"—[^{dataset}-{cell.note}]" if cell.note else "—"
    text = {1: f"**{cell.text}**", 2: f"<ins>{cell.text}</ins>"}.get(cell.rank, cell.text)
    return f"{text} <sub>{cell.interval}</sub>" if cell.interval else text


def _markdown_table(table: Table) -> list[str]:
    metrics = [column for column in table.columns if column.group != "cost"]
    lines = [
        f"| Method | Supervision | Trained on |{' CLIP |' if table.guided else ''} "
        + " | ".join(f"{c.label} {c.arrow}".strip() for c in metrics)
        + " |",
        f"|---|---|---|{'---|' if table.guided else ''}" + "---:|" * len(metrics),
    ]
    for row in table.rows:
        cells = [_markdown_cell(row.cells[column.key], table.dataset) for column in metrics]
        trained = ", ".join((row.trained_on, *row.tags))
        guide = f" {_escape(row.backbone) or '—'} |" if table.guided else ""
        lines.append(f"| {_escape(row.title)} | {row.supervision} | {_escape(trained)} |{guide} " + " | ".join(cells) + " |")
    used = {row.cells[column.key].note for row in table.rows for column in metrics}
    notes = [f"[^{table.dataset}-{i}]: {note}" for i, note in enumerate(table.notes, 1) if i in used]
    return [*lines, "", *(line for note in notes for line in (note, ""))]


COST_HEADS = (
    "Parameters",
    f"GMACs {SIZE}",
    "GMACs 256x256",
    f"Latency ms {SIZE}",
    "Latency ms 256x256",
    f"Peak memory MB {SIZE}",
    "Threads",
    "Training images/s",
    "Waiting for data",
)
"""Heads of the table of costs, without the method's and the hardware's."""


def cost_rows(results: Results) -> list[tuple[str, tuple[str, ...], str]]:
    """Returns method, cells under `COST_HEADS` and hardware of every profile; a dash where nothing was measured."""
    rows = []
    for method, profile in results.profiles.items():
        timing, train = (profile.latency_ms or {}).get(SIZE) or {}, profile.train or {}
        shown = (
            profile.gmacs(SIZE),
            profile.gmacs("256x256"),
            profile.latency(SIZE),
            profile.latency("256x256"),
            profile.memory(SIZE),
        )
        wait, waits = train.get("data_wait_share"), train.get("wait_shares", {})
        cells = (
            "—" if profile.parameters is None else str(profile.parameters),
            *("—" if value is None else cost_text(COSTS[1], value) for value in shown),
            str(timing.get("threads", "—")),
            "—" if train.get("images_per_s") is None else cost_text(COSTS[1], train["images_per_s"]),
            "—" if wait is None else ", ".join([f"{100 * wait:.1f} %", *(f"{name} {100 * share:.1f} %" for name, share in waits.items())]),
        )
        rows.append((method, cells, hardware(profile.provenance)))
    return rows


def _markdown_costs(results: Results) -> list[str]:
    lines = ["| Method | " + " | ".join(COST_HEADS) + " | Hardware |", "|---|" + "---:|" * len(COST_HEADS) + "---|"]
    for method, cells, machine in cost_rows(results):
        lines.append(f"| {_escape(results.title(method))} | " + " | ".join(cells) + f" | {_escape(machine)} |")
    return lines


def throughput_rows(results: Results) -> list[tuple[str, str, str, str]]:
    """Returns crop size, training and loader images per second, and their quotient, from `throughput.json`."""
    rows = []
    for crop, found in sorted(results.throughput.get("crops", {}).items()):
        values = (found.get(key) for key in ("training_images_per_s", "loader_images_per_s", "loader_per_training"))
        training, loader, quotient = ("—" if value is None else f"{value:g}" for value in values)
        rows.append((crop, training, loader, quotient))
    return rows


def hardware(provenance: Mapping[str, object]) -> str:
    """Returns the hardware of a provenance record in a few words."""
    found = provenance.get("hardware")
    if not isinstance(found, Mapping):
        return "not recorded"
    cores = f", {found['cores']} cores" if found.get("cores") else ""
    threads = f", {found['threads']} thread{'s' if found['threads'] != 1 else ''}" if found.get("threads") else ""
    accelerator = f", {found['accelerator']}" if found.get("accelerator") else ", no accelerator"
    return f"{found.get('cpu', 'unknown CPU')}{cores}{threads}{accelerator}"


def markdown(results: Results) -> str:
    """Returns `leaderboard.md`: the same tables as the page, with footnotes for the empty cells."""
    lines = [
        "# Leaderboard",
        "",
        "Made by `lle report` from the JSON files in this folder; `index.html` beside it has the pictures, the curves and the "
        "provenance of every number.",
        "",
        f"{INTERVALS} {MARKS} Here the best is **bold** and the second <ins>underlined</ins>. Arrows point to the better direction. "
        "GT-mean columns scale the output to the brightness of the answer before "
        "measuring: they are no fair comparison with the other columns.",
        "",
    ]
    for dataset in results.datasets:
        table = leaderboard(results, dataset)
        lines += [f"## {dataset}", "", f"{table.pictures}.", "", *_markdown_table(table)]
    if results.profiles:
        lines += ["## Cost", "", "Sizes are height x width. MACs are multiply-accumulates, not twice as many operations.", ""]
        lines += _markdown_costs(results)
    if throughput_rows(results):
        lines += ["", "## Throughput", "", "| Crop | Training images/s | Loader images/s | Loader per training |", "|---|---:|---:|---:|"]
        lines += ["| " + " | ".join(row) + " |" for row in throughput_rows(results)]
    return "\n".join(lines).rstrip() + "\n"
