"""Builds `reports/leaderboard.md` and the HTML pages from the result files.

`index.html` holds the tables, `papers/<id>.html` what a paper claims beside ours, `pictures.html` and `studies.html` the
sections of those names. Every page is one file that works from disk: style, script and pictures are inside it. Equal inputs
give equal bytes: there is no clock, no absolute path and no random id in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from lle.errors import LleError
from lle.files import write_text
from lle.registry import Card
from lle.report import figures
from lle.report.claims import Claims, ComparedTable, Paper, compare, read_claims
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
from lle.report.runs import Run, flat, runs, used
from lle.report.sections import Section, sections
from lle.report.significance import ALPHA, Tests, ranks, tests
from lle.results.read import INPUT, Results, read_results

TEMPLATES = Path(__file__).parent / "templates"
KINDS = ("classical", "zero-reference", "unpaired", "paired", "unknown")


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


def _pairs(results: Results, tested: Sequence[Tests]) -> list[dict[str, Any]]:
    """Returns what the comparison of any two methods draws: values by picture, and the tests of the tables."""
    return [
        {
            "dataset": t.dataset,
            "label": t.column.label,
            "digits": t.column.digits,
            "better": t.column.better,
            "images": results.per_image[t.dataset][t.methods[0]].images,
            "methods": [
                {"id": m, "title": t.titles[m], "values": results.per_image[t.dataset][m].numbers(t.column.key)} for m in t.methods
            ],
            "tests": {
                f"{a} {b}": [t.column.text(d.mean), t.column.text(d.low), t.column.text(d.high), f"{pair.adjusted:.2g}", pair.verdict]
                for (a, b), pair in t.pairs.items()
                for d in (pair.difference.difference,)
            },
        }
        for t in tested
    ]


def _ranking(results: Results) -> dict[str, Any] | None:
    """Returns the rank table by PSNR with its critical-difference diagram."""
    ranked = ranks(results, "psnr")
    if ranked is None:
        return None
    title = f"Mean ranks by {ranked.column.label} over {', '.join(ranked.datasets)}"
    shown = {results.title(method): value for method, value in ranked.mean.items()}
    figure = both(lambda key, width: figures.critical_difference(key, shown, ranked.critical, width, title), "ranks")
    return {"ranks": ranked, "title": title, "figure": figure}


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


TITLES = {
    "pictures": (
        "Pictures under the magnifying glass",
        "Where the methods err, which light they infer, and what they do to hue, saturation and value. Computed from the sample "
        "pictures in git.",
    ),
    "studies": (
        "Studies",
        "Ablations and long comparisons that the default pipeline leaves out. The variants of a study are trained and measured "
        "alike; what was expected of them is tested and reported whichever way it came out.",
    ),
}
"""Heading and first sentence of the pages that hold sections only."""
EMPTY = {
    "pictures": "There are no sample pictures: `evaluate.samples` in params.yaml is 0, or nothing was evaluated yet (dvc repro).",
    "studies": "No study was run yet. `lle study` lists them, `lle study NAME` runs one.",
}
"""What such a page says when it has no section."""


@dataclass(frozen=True)
class _Site:
    """What all pages share: `pages` of the menu, `sections` by page, `runs` by id."""

    environment: Environment
    results: Results
    pages: tuple[dict[str, str], ...]
    sections: Mapping[str, tuple[Section, ...]]
    runs: Mapping[str, Run]

    def render(self, template: str, here: str, menu: Sequence[tuple[str, str]], cells: Iterable[tuple[str, str]], **context: Any) -> str:
        """Returns a page.

        Args:
            template: file in `templates`.
            here: the page's key.
            menu: anchor and name of the sections.
            cells: run id and metric of the numbers that open their provenance.
            context: what the template shows.
        """
        cells = [*cells, *(cell for one in self.sections.get(here, ()) for cell in one.cells)]
        shown = [*columns(key for _, key in cells if key not in {c.key for c in COSTS}), *COSTS]
        return (
            self.environment.get_template(template)
            .render(
                here=here,
                root="../" * here.count("/"),
                site=self.pages,
                menu=menu,
                extra=self.sections.get(here, ()),
                results=self.results,
                runs=used(self.runs, (run for run, _ in cells)),
                meanings={c.key: {"label": c.label, "meaning": c.meaning} for c in shown},
                **context,
            )
            .rstrip()
            + "\n"
        )


def _index(site: _Site, claims: Claims, compared: Mapping[str, tuple[ComparedTable, ...]]) -> str:
    results = site.results
    tables = {dataset: leaderboard(results, dataset) for dataset in results.datasets}
    order = {dataset: [row.method for row in table.rows] for dataset, table in tables.items()}
    kinds = {row.supervision for table in tables.values() for row in table.rows}
    found: dict[str, Any] = {
        "scenes": scenes(results, order),
        "cost_rows": cost_rows(results),
        "distributions": _distributions(results, tables),
        "tests": _tests(results, tables),
        "curves": _curves(results),
        "cards": _cards(results),
    }
    names = {
        "scenes": ("compare", "Pictures"),
        "cost_rows": ("cost", "Cost"),
        "distributions": ("spread", "Spread"),
        "tests": ("tests", "Tests"),
    }
    later = {"curves": ("training", "Training"), "cards": ("methods", "Methods")}
    menu = [
        ("tables", "Tables"),
        *(entry for key, entry in names.items() if found[key]),
        *((one.key, one.menu) for one in site.sections.get("index", ()) if one.menu),
        *(entry for key, entry in later.items() if found[key]),
        ("papers", "Papers"),
        ("reproduce", "Reproduce"),
    ]
    shown: tuple[Column, ...] = (*columns(c.key for table in tables.values() for c in table.columns if c.group != "cost"), *COSTS)
    cells = [(f"{dataset}/{row.method}", c.key) for dataset, table in tables.items() for row in table.rows for c in table.columns]
    cells = [(run, key) for run, key in cells if key not in {c.key for c in COSTS}]
    cells += [(f"profile/{method}", "gmacs") for method in results.profiles]
    return site.render(
        "index.html.j2",
        "index",
        menu,
        cells,
        title="Low-light enhancement: results",
        tables=tables,
        groups={dataset: _grouped(table) for dataset, table in tables.items()},
        columns=shown,
        intervals=INTERVALS,
        marks=MARKS,
        size=SIZE,
        input=INPUT,
        kinds=[kind for kind in KINDS if kind in kinds],
        costs=_costs(results, tables),
        provenance=_provenance(results),
        protocols=_protocols(results),
        papers=[_paper_summary(paper, compared[paper.id]) for paper in claims.papers],
        cost_heads=COST_HEADS,
        throughput=throughput_rows(results),
        overview=_overview(tables),
        alpha=ALPHA,
        pairs=_pairs(results, found["tests"]),
        ranking=_ranking(results),
        **found,
    )


def _paper_summary(paper: Paper, tables: Sequence[ComparedTable]) -> dict[str, Any]:
    return {
        "id": paper.id,
        "name": paper.name,
        "tables": len(tables),
        "claimed": sum(table.count for table in tables),
        "ours": sum(table.filled for table in tables),
        "doubts": sum(note.kind != "remark" for table in paper.tables for note in table.notes),
    }


def _paper(site: _Site, claims: Claims, paper: Paper, compared: Sequence[ComparedTable]) -> str:
    here = f"papers/{paper.id}"
    menu = [(f"t{number}", item.table.table[:1].upper() + item.table.table[1:]) for number, item in enumerate(compared, 1)]
    menu += [(one.key, one.menu) for one in site.sections.get(here, ()) if one.menu]
    cells = [
        (one.run, column.metric)
        for item in compared
        for line in item.cells
        for column, cell in zip(item.table.columns, line, strict=True)
        for one in cell.ours
    ]
    return site.render(
        "paper.html.j2", here, menu, cells, title=f"{paper.name}: claimed and measured", claims=claims, paper=paper, compared=compared
    )


def pages(results: Results, claims: Claims, reports: Path) -> dict[str, str]:
    """Returns the pages by file name under `reports`."""
    compared = compare(claims, results)
    by_page: dict[str, tuple[Section, ...]] = {}
    for one in sections(reports, results):
        by_page[one.page] = (*by_page.get(one.page, ()), one)
    known = {"index", *TITLES, *(f"papers/{paper.id}" for paper in claims.papers)}
    for page, shown in by_page.items():
        if page not in known:
            raise LleError(f"section '{shown[0].key}': there is no page '{page}'; there are {', '.join(sorted(known))}.")
    entries = [("index", "Results"), *((key, key.capitalize()) for key in TITLES)]
    entries += [(f"papers/{paper.id}", paper.name) for paper in claims.papers]
    site = _Site(
        _environment(),
        results,
        tuple({"key": key, "file": f"{key}.html", "name": name} for key, name in entries),
        by_page,
        runs(results, reports),
    )
    made = {"index.html": _index(site, claims, compared)}
    for key, (title, lead) in TITLES.items():
        menu = [(one.key, one.menu) for one in by_page.get(key, ()) if one.menu]
        made[f"{key}.html"] = site.render("extra.html.j2", key, menu, (), title=title, lead=lead, empty=EMPTY[key])
    for paper in claims.papers:
        made[f"papers/{paper.id}.html"] = _paper(site, claims, paper, compared[paper.id])
    return made


def build_report(reports: Path = Path("reports"), card: Callable[[str], Card] | None = None) -> list[Path]:
    """Writes the leaderboard and the pages, and removes pages that are no more.

    Args:
        reports: folder of the result files and of `claims.yaml`; the files are written into it.
        card: returns a method's card; None asks the registry.

    Returns:
        The files written.

    Raises:
        LleError: there are no results, or a result file is malformed.
    """
    reports = Path(reports)
    results = read_results(reports, card)
    written = {"leaderboard.md": markdown(results), **pages(results, read_claims(reports / "claims.yaml"), reports)}
    for old in sorted((reports / "papers").glob("*.html")):
        if old.relative_to(reports).as_posix() not in written:
            old.unlink()
    for name, text in written.items():
        write_text(reports / name, text)
    return [reports / name for name in written]
