"""The weights that come with the package, beside the tables of what the pipeline trains itself."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from lle.report import parts
from lle.report.columns import columns
from lle.report.sections import Section
from lle.results.quality import INPUT
from lle.results.read import Results
from lle.results.zoo import ZooEvaluation

READS = (ZooEvaluation.FILES,)
ABOUT = (
    "These weights were trained for longer than the default pipeline trains, and come with the package: a method that was not trained "
    "here takes them. They are measured like the methods of the tables above, on the same pictures; small figures are the 95 % interval "
    "over pictures. Cards: lle zoo show NAME."
)


def section(reports: Path, results: Results) -> Section | None:
    """Shows what lies in `reports/zoo`."""
    found = [ZooEvaluation.read(path) for path in sorted(reports.glob(ZooEvaluation.FILES))]
    shown = [_table(dataset, found, results) for dataset in sorted({one.dataset for one in found})]
    if not shown:
        return None
    html = Markup().join([parts.paragraph(ABOUT), *shown])
    return Section("zoo", "Models that come with the package", html, menu="Zoo", order=102)


def _table(dataset: str, found: list[ZooEvaluation], results: Results) -> Markup:
    own = [one for one in found if one.dataset == dataset]
    heads = columns({key for one in own for key in one.metrics})
    here = results.evaluations.get(dataset, {})
    trained = {name: here[name].metrics for name in here}

    def cell(key: str, metrics: object) -> Markup | str:
        score = metrics.get(key) if isinstance(metrics, dict) else None
        column = next(column for column in heads if column.key == key)
        if score is None or score.mean is None:
            return "—"
        interval = "" if score.low is None or score.high is None else f"{column.text(score.low)} – {column.text(score.high)}"
        return Markup("<b>{}</b><small>{}</small>").format(column.text(score.mean), interval)

    def order(one: ZooEvaluation) -> tuple[float, str]:
        score = one.metrics.get("psnr")
        return (-(score.mean or 0.0) if score is not None else 0.0, one.method)

    rows = [[one.method, one.trained_on or "—", *(cell(column.key, one.metrics) for column in heads)] for one in sorted(own, key=order)]
    if INPUT in trained:
        rows.append([results.title(INPUT), "—", *(cell(column.key, trained[INPUT]) for column in heads)])
    names = ["Weights", "Learned from", *(f"{column.label} {column.arrow}".strip() for column in heads)]
    return parts.table(f"Models that come with the package, on {dataset}", names, rows, text=(1,))
