"""`leaderboard.md`: the tables of the page in Markdown, with footnotes for the empty cells."""

from __future__ import annotations

from lle.report.costs import COST_HEADS, cost_rows, throughput_rows
from lle.report.leaderboard import INTERVALS, MARKS, Cell, Table, leaderboards
from lle.results.read import Results


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


def _markdown_costs(results: Results) -> list[str]:
    lines = ["| Method | " + " | ".join(COST_HEADS) + " | Hardware |", "|---|" + "---:|" * len(COST_HEADS) + "---|"]
    for method, cells, machine in cost_rows(results):
        lines.append(f"| {_escape(results.title(method))} | " + " | ".join(cells) + f" | {_escape(machine)} |")
    return lines


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
    for dataset, table in leaderboards(results).items():
        lines += [f"## {dataset}", "", f"{table.pictures}.", "", *_markdown_table(table)]
    if results.profiles:
        lines += ["## Cost", "", "Sizes are height x width. MACs are multiply-accumulates, not twice as many operations.", ""]
        lines += _markdown_costs(results)
    if throughput_rows(results):
        lines += ["", "## Throughput", "", "| Crop | Training images/s | Loader images/s | Loader per training |", "|---|---:|---:|---:|"]
        lines += ["| " + " | ".join(row) + " |" for row in throughput_rows(results)]
    return "\n".join(lines).rstrip() + "\n"
