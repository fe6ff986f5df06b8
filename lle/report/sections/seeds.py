"""How much of a result is luck of the seed: the spread over seeds beside the spread over pictures."""

from __future__ import annotations

import statistics
from pathlib import Path

from markupsafe import Markup

from lle.report import figures, parts
from lle.report.leaderboard import leaderboard
from lle.report.sections import Section
from lle.results.read import INPUT, Results

NOTE = (
    "Every method is trained again with other seeds and measured on the same pictures. “Seed sd” is the standard deviation of the "
    "seeds' means, “picture ±” half the 95 % interval over pictures of the suite's own seed. A difference between two methods below "
    "the seed sd may be luck of the draw, whatever the test over pictures says."
)


def section(_: Path, results: Results) -> Section | None:
    """Shows what lies in `reports/seeds`; None where `suite.seeds` names no further seed."""
    shown = [part for dataset in results.datasets for part in _dataset(results, dataset)]
    if not shown:
        return None
    return Section("seeds", "Luck of the seed", Markup().join([parts.paragraph(NOTE), *shown]), menu="Seeds", order=450)


def _dataset(results: Results, dataset: str) -> list[Markup]:
    table = leaderboard(results, dataset)
    column = next((c for c in table.columns if c.group == "full" and any(row.cells[c.key].value is not None for row in table.rows)), None)
    if column is None:
        return []
    rows: list[list[str]] = []
    bars: list[figures.Bar] = []
    for row in table.rows:
        own = results.evaluations[dataset][row.method].metrics.get(column.key)
        others = {
            seed: found[dataset].metrics.get(column.key) for seed, found in results.seeds.get(row.method, {}).items() if dataset in found
        }
        means = {seed: score.mean for seed, score in others.items() if score is not None and score.mean is not None}
        if row.method == INPUT or own is None or own.mean is None or not means:
            continue
        first = results.evaluations[dataset][row.method].provenance.seed
        values = [own.mean, *(mean for seed, mean in means.items() if seed != first)]
        sd = statistics.stdev(values) if len(values) > 1 else None
        half = None if own.low is None or own.high is None else (own.high - own.low) / 2
        every = ", ".join([f"{first}: {column.text(own.mean)}", *(f"{s}: {column.text(m)}" for s, m in means.items() if s != first)])
        spread = ("—" if value is None else column.text(value) for value in (sd, half))
        rows.append([row.title, column.text(statistics.fmean(values)), *spread, every])
        bars.append(figures.Bar(row.title, own.mean, own.low, own.high, tuple(values)))
    if not rows:
        return []
    title = f"{column.label} on {dataset}, by seed"
    heads = ("Method", f"{column.label}, mean of seeds", "Seed sd", "Picture ±", "By seed")
    drawn = parts.both(lambda key, width: figures.intervals(key, bars, f"{column.label} on {dataset}", width, title), f"seeds-{dataset}")
    caption = f"{title}: the suite's seed with its interval over pictures; rings are the means of all seeds."
    return [parts.table(title, heads, rows, text=(4,)), parts.figures([parts.figure(drawn, caption)])]
