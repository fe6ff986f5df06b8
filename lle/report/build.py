"""Builds `reports/leaderboard.md` and `reports/index.html` from the result files.

The page is one file that works from disk: style, script and pictures are inside it. Equal inputs give equal bytes: there is
no clock, no absolute path and no random id in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from lle.files import write_text
from lle.registry import Card
from lle.report import figures
from lle.report.claims import Claims, compare, read_claims
from lle.report.columns import COSTS, GROUPS, Column, columns
from lle.report.gallery import scenes
from lle.report.leaderboard import (
    COST_HEADS,
    INTERVALS,
    MARKS,
    SIZE,
    Table,
    cost_rows,
    hardware,
    leaderboard,
    markdown,
    throughput_rows,
)
from lle.report.parts import WIDE, both
from lle.report.results import INPUT, Results, read_results
from lle.report.sections import Section, sections
from lle.report.significance import ALPHA, Tests, ranks, tests

TEMPLATES = Path(__file__).parent / "templates"
KINDS = ("classical", "zero-reference", "unpaired", "paired", "unknown")


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Returns nested plain data as pairs of joined keys and text, in the order of the keys."""
    if isinstance(value, Mapping):
        return [pair for key in sorted(value) for pair in flat(value[key], f"{prefix} {key}" if prefix else str(key))]
    if isinstance(value, (list, tuple)):
        return [(prefix, ", ".join(str(item) for item in value))]
    return [(prefix, "none" if value is None else str(value))]


def short(text: object, length: int = 12) -> str:
    """Returns the beginning of a digest or commit, enough to recognise it, and whether the checkout had changes."""
    return str(text)[:length] + ("-dirty" if str(text).endswith("-dirty") else "")


def _distinct(values: Iterable[object]) -> list[str]:
    return sorted({str(value) for value in values if value})


def _tests(results: Results, tables: Mapping[str, Table]) -> list[Tests]:
    """Tests the first two full-reference metrics of every data set."""
    found = []
    for table in tables.values():
        for column in [c for c in table.columns if c.group == "full"][:2]:
            tested = tests(results, table, column.key)
            if tested is not None:
                found.append(tested)
    return found


def _ranking(results: Results) -> dict[str, Any] | None:
    """Returns the rank table by PSNR with its critical-difference diagram."""
    ranked = ranks(results, "psnr")
    if ranked is None:
        return None
    title = f"Mean ranks by {ranked.column.label} over {', '.join(ranked.datasets)}"
    shown = {results.title(method): value for method, value in ranked.mean.items()}
    figure = both(lambda key, width: figures.critical_difference(key, shown, ranked.critical, width, title), "ranks")
    return {"ranks": ranked, "title": title, "figure": figure}


def _runs(results: Results) -> dict[str, dict[str, Any]]:
    """Returns the provenance of every result file, by the id that the cells carry."""
    runs: dict[str, dict[str, Any]] = {}
    for dataset, evaluations in results.evaluations.items():
        for method, evaluation in evaluations.items():
            facts = [("split", f"{evaluation.split}, {evaluation.images} pictures"), *flat(evaluation.provenance)]
            facts += [(f"protocol {key}", text) for key, text in flat(evaluation.protocol)]
            source = f"metrics/{dataset}/{method}.json"
            runs[f"{dataset}/{method}"] = {"title": results.title(method), "where": dataset, "file": source, "facts": facts}
    for method, profile in results.profiles.items():
        facts = flat(profile.provenance)
        facts += [(f"latency {SIZE} {key}", text) for key, text in flat((profile.latency_ms or {}).get(SIZE) or {})]
        runs[f"profile/{method}"] = {"title": results.title(method), "where": "profile", "file": f"profile/{method}.json", "facts": facts}
    if results.costs:
        runs["costs"] = {"title": "All methods", "where": "costs", "file": "costs.json", "facts": [("counted at", SIZE)]}
    return runs


def _costs(results: Results, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """Draws quality against each cost, for the leading quality metric of every data set."""
    drawn: list[dict[str, Any]] = []
    for dataset, table in tables.items():
        quality = next((c for c in table.columns if c.group == "full" and any(r.cells[c.key].value is not None for r in table.rows)), None)
        if quality is None:
            continue
        for cost, x_label in (
            (COSTS[1], f"10⁹ multiply-accumulates at {SIZE}"),
            (COSTS[2], f"Median latency at {SIZE}, ms"),
            (COSTS[0], "Parameters"),
        ):
            points, without = [], []
            for row in table.rows:
                if row.method == INPUT:
                    continue
                x, y = row.cells[cost.key].value, row.cells[quality.key].value
                if x is None or y is None or x <= 0:
                    without.append(row.title)
                    continue
                score = results.evaluations[dataset][row.method].metrics[quality.key]
                points.append(figures.Point(row.title, x, y, row.supervision, score.low, score.high))
            if len(points) < 2:
                continue
            key = f"cost-{len(drawn)}"
            title = f"{quality.label} on {dataset} against {cost.label}"
            unit = " dB" if quality.key.startswith("psnr") else ""
            y_label = f"{quality.label}{unit} on {dataset} ({quality.better} is better)"

            def draw(
                name: str,
                width: float,
                points: list[figures.Point] = points,
                x_label: str = x_label,
                y_label: str = y_label,
                title: str = title,
                better: str = quality.better or "higher",
            ) -> str:
                height = 400 if width >= WIDE else 330 + 8 * len(points)
                return figures.scatter(name, points, x_label, y_label, width, height, title, better)

            drawn.append({"title": title, "figure": both(draw, key), "without": sorted(without)})
    return drawn


def _overview(tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """Draws the place of every method in every metric that has a better direction."""
    drawn: list[dict[str, Any]] = []
    for dataset, table in tables.items():
        rows = [row for row in table.rows if row.method != INPUT]
        shown = [c for c in table.columns if c.better is not None and c.group in {"full", "none"}]
        places: list[list[int | None]] = [[] for _ in rows]
        heads = []
        for column in shown:
            values = sorted((v for r in rows if (v := r.cells[column.key].value) is not None), reverse=column.better == "higher")
            if len(values) < 2:
                continue
            heads.append(column.label)
            for line, row in zip(places, rows, strict=True):
                value = row.cells[column.key].value
                line.append(None if value is None else values.index(value) + 1)
        if len(heads) < 2:
            continue
        title = f"Place of every method in every metric, {dataset}"
        lines = [(row.title, line) for row, line in zip(rows, places, strict=True)]

        def draw(
            name: str,
            width: float,
            heads: list[str] = heads,
            lines: list[tuple[str, list[int | None]]] = lines,
            title: str = title,
        ) -> str:
            return figures.heatmap(name, heads, lines, width, title)

        drawn.append({"title": title, "figure": both(draw, f"places-{len(drawn)}")})
    return drawn


def _distributions(results: Results, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    drawn: list[dict[str, Any]] = []
    for dataset, table in tables.items():
        per_image = results.per_image.get(dataset, {})
        for column in [c for c in table.columns if c.group == "full"][:2]:
            rows = []
            for row in table.rows:
                values = per_image[row.method].numbers(column.key) if row.method in per_image else ()
                if values:
                    rows.append((row.title, row.supervision, values))
            if len(rows) < 2:
                continue
            title = f"{column.label} of every test picture, {dataset}"
            label = f"{column.label} ({column.better} is better)"

            def draw(
                name: str,
                width: float,
                rows: list[tuple[str, str, tuple[float, ...]]] = rows,
                label: str = label,
                title: str = title,
            ) -> str:
                return figures.strips(name, rows, label, width, title)

            drawn.append({"title": title, "figure": both(draw, f"dots-{len(drawn)}")})
    return drawn


def _curves(results: Results) -> list[dict[str, Any]]:
    drawn: list[dict[str, Any]] = []
    for method, training in results.trainings.items():
        panels = []
        for index, term in enumerate(training.terms):
            name = " · ".join((term.phase, term.update, term.term))
            picture = figures.curve(f"curve-{method}-{index}", term.points, f"{results.title(method)}: {name}")
            if picture:
                panels.append({"name": name, "figure": Markup(picture)})
        if panels:
            drawn.append({"method": method, "title": results.title(method), "training": training, "panels": panels})
    return sorted(drawn, key=lambda item: str(item["title"]).casefold())


def _cards(results: Results) -> list[dict[str, Any]]:
    # "commonmark" with html off: what a card says is text, never markup of the page.
    convert = MarkdownIt("commonmark", {"html": False}).enable("table")
    drawn: list[dict[str, Any]] = []
    for method, card in results.cards.items():
        profile = results.profiles.get(method)
        body = "\n".join("##" + line if line.startswith("#") else line for line in card.text.splitlines())
        measured = {
            "parameters": None if profile is None else profile.parameters,
            "gmacs": None if profile is None or profile.gmacs(SIZE) is None else f"{profile.gmacs(SIZE):.4g}",
        }
        drawn.append({"method": method, "card": card, "body": Markup(convert.render(body)), "measured": measured})
    return sorted(drawn, key=lambda item: str(item["card"].title).casefold())


def _provenance(results: Results) -> dict[str, Any]:
    records = [e.provenance for evaluations in results.evaluations.values() for e in evaluations.values()]
    digests = {
        dataset: _distinct(e.provenance.get("data_digest") for e in evaluations.values())
        for dataset, evaluations in results.evaluations.items()
    }
    rows = []
    for dataset, evaluations in results.evaluations.items():
        for method, evaluation in evaluations.items():
            rows.append({"dataset": dataset, "method": method, "title": results.title(method), "record": evaluation.provenance})
    return {
        "commits": _distinct(record.get("git") for record in records),
        "dirty": any(str(record.get("git")).endswith("-dirty") for record in records),
        "digests": digests,
        "configs": _distinct(record.get("config_hash") for record in records),
        "hardware": _distinct(hardware(record) for record in records),
        "commands": _distinct(record.get("command") for record in records),
        "rows": rows,
    }


def _protocols(results: Results) -> list[tuple[str, str]]:
    """Returns the measuring protocol, one line a key; a key on which evaluations differ lists every value."""
    found: dict[str, set[str]] = {}
    for evaluations in results.evaluations.values():
        for evaluation in evaluations.values():
            for key, text in flat(evaluation.protocol):
                found.setdefault(key, set()).add(text)
    return [(key, " or ".join(sorted(values))) for key, values in sorted(found.items())]


def _grouped(table: Table) -> list[tuple[str, str, int]]:
    """Returns group key, title and number of columns of the heads above the heads."""
    sizes: dict[str, int] = {}
    for column in table.columns:
        sizes[column.group] = sizes.get(column.group, 0) + 1
    return [(group, GROUPS[group], sizes[group]) for group in GROUPS if group in sizes]


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["marker"] = lambda kind: Markup(
        f'<svg class="chart key" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">{figures.marker(kind, 8, 8)}</svg>'
    )
    environment.filters["short"] = short
    environment.filters["capfirst"] = lambda text: text[:1].upper() + text[1:]
    # Style and script are this package's own files and stand in the page as they are.
    environment.globals["raw"] = lambda name: Markup((TEMPLATES / name).read_text(encoding="utf-8"))
    return environment


def html(results: Results, claims: Claims, extra: Sequence[Section] = ()) -> str:
    """Returns the page; `extra` are the sections that stand before the training curves."""
    tables = {dataset: leaderboard(results, dataset) for dataset in results.datasets}
    order = {dataset: [row.method for row in table.rows] for dataset, table in tables.items()}
    kinds = {row.supervision for table in tables.values() for row in table.rows}
    shown: tuple[Column, ...] = (*columns(c.key for table in tables.values() for c in table.columns if c.group != "cost"), *COSTS)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            results=results,
            tables=tables,
            groups={dataset: _grouped(table) for dataset, table in tables.items()},
            columns=shown,
            meanings={c.key: {"label": c.label, "meaning": c.meaning} for c in shown},
            intervals=INTERVALS,
            marks=MARKS,
            size=SIZE,
            input=INPUT,
            kinds=[kind for kind in KINDS if kind in kinds],
            scenes=scenes(results, order),
            costs=_costs(results, tables),
            distributions=_distributions(results, tables),
            curves=_curves(results),
            cards=_cards(results),
            runs=_runs(results),
            provenance=_provenance(results),
            protocols=_protocols(results),
            claims=claims,
            compared=compare(claims, results),
            cost_heads=COST_HEADS,
            cost_rows=cost_rows(results),
            throughput=throughput_rows(results),
            overview=_overview(tables),
            tests=_tests(results, tables),
            alpha=ALPHA,
            ranking=_ranking(results),
            extra=extra,
        )
        .rstrip()
        + "\n"
    )


def build_report(reports: Path = Path("reports"), card: Callable[[str], Card] | None = None) -> list[Path]:
    """Writes the leaderboard and the page.

    Args:
        reports: folder of the result files and of `claims.yaml`; the two files are written into it.
        card: returns a method's card; None asks the registry.

    Returns:
        The files written.

    Raises:
        LleError: there are no results, or a result file is malformed.
    """
    results = read_results(reports, card)
    written = {
        Path(reports) / "leaderboard.md": markdown(results),
        Path(reports) / "index.html": html(results, read_claims(Path(reports) / "claims.yaml"), sections(Path(reports), results)),
    }
    for path, text in written.items():
        write_text(path, text)
    return list(written)
