"""What the papers claim: a summary on the first page, and every table of a paper on a page of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lle.report.claims import ComparedTable, compare
from lle.report.claims_file import CLAIMS, Claims, Paper, read_claims
from lle.report.render import fragment
from lle.report.sections import Section
from lle.results.cost import Costs, Profile
from lle.results.quality import Evaluation
from lle.results.read import Results
from lle.results.study import Study
from lle.results.training import Training

READS = (CLAIMS, Evaluation.FILES, Profile.FILES, Costs.FILES, Study.FILES, Training.FILES)


def section(reports: Path, results: Results) -> Iterator[Section]:
    """Yields the summary and the tables."""
    claims = read_claims(reports / CLAIMS)
    compared = compare(claims, results)
    summaries = [_paper_summary(paper, compared[paper.id]) for paper in claims.papers]
    yield Section("papers", "What the papers claim", fragment("papers", papers=summaries), menu="Papers", order=920)
    for paper in claims.papers:
        yield from (_table(paper, number, item, claims) for number, item in enumerate(compared[paper.id], 1))


def _table(paper: Paper, number: int, item: ComparedTable, claims: Claims) -> Section:
    name = item.table.table[:1].upper() + item.table.table[1:]
    key = f"t{number}"
    cells = tuple(
        (one.run, column.metric) for line in item.cells for column, cell in zip(item.table.columns, line, strict=True) for one in cell.ours
    )
    html = fragment("claimed", key=key, item=item, claims=claims)
    return Section(key, f"{name}: {item.table.title}", html, menu=name, order=number, page=f"papers/{paper.id}", cells=cells)


def _paper_summary(paper: Paper, tables: Sequence[ComparedTable]) -> dict[str, Any]:
    return {
        "id": paper.id,
        "name": paper.name,
        "tables": len(tables),
        "claimed": sum(table.count for table in tables),
        "ours": sum(table.filled for table in tables),
        "doubts": sum(note.kind != "remark" for table in paper.tables for note in table.notes),
    }
