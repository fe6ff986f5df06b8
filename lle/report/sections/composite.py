"""The composite index of the distillation paper, beside what the paper claims for its own."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from lle.metrics.registry import all_metrics
from lle.report.parts import paragraph, table
from lle.report.sections import Section
from lle.results.composite import Composite, CompositeSet
from lle.results.read import Results

READS = (Composite.FILES,)
ABOUT = (
    "The paper claims to improve a “comprehensive performance index”, and does not say what it is. Ours brings each metric to 0 … 1 "
    "over the methods of a table, turned so that more is better, and adds the values; it ranks within one table and has no meaning "
    "outside it. A method that is last in every metric has index 0, and nothing can be expressed in per cent of that."
)


def section(reports: Path, results: Results) -> Section | None:
    """Returns the tables of `composite/composite.json`, or None where it was not measured."""
    path = Composite.path(reports)
    if not path.exists():
        return None
    found = Composite.read(path)
    parts = [paragraph(ABOUT)]
    labels = {name: metric.label for name, metric in all_metrics().items()}
    terms = {name: f"{labels[name]} ({'more' if way == 'higher' else 'less'} is better)" for name, way in found.terms.items()}
    parts.append(paragraph(f"Terms of the index: {', '.join(terms.values())}."))
    parts += [paragraph(f"Without {labels[name]}: {reason}.") for name, reason in found.missing_terms.items()]
    for dataset, cells in found.datasets.items():
        if cells.missing is not None:
            parts.append(paragraph(f"{dataset}: {cells.missing}."))
        else:
            parts.append(_table(dataset, cells, found, results))
    return Section("composite", "Composite index of the distillation paper", Markup().join(parts), order=490, page="papers/distill")


def _table(dataset: str, cells: CompositeSet, found: Composite, results: Results) -> Markup:
    heads = [
        "Method",
        *(all_metrics()[name].label for name in found.terms),
        "Index",
        f"{results.title(found.method)} against it",
        "s a picture",
    ]
    rows = []
    for name, row in cells.methods.items():
        against = cells.against.get(name)
        gain = "—" if against is None else f"{against.difference:+.3f}"
        if against is not None and against.percent is not None:
            gain += f" ({against.percent:+.1f} %)"
        values = [f"{row[metric]:.4g}" for metric in found.terms]
        rows.append([results.title(name), *values, f"{row['index']:.3f}", gain, f"{row['seconds']:.2g}"])
    return table(f"Composite index on {dataset}, {cells.images} pictures", heads, rows)
