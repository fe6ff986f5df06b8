"""Builds `reports/leaderboard.md` and the HTML pages from the result files.

`index.html` holds the tables, `papers/<id>.html` what a paper claims beside ours, `pictures.html` and `studies.html` the
sections of those names. Every page is one file that works from disk: style, script and pictures are inside it. Equal inputs
give equal bytes: there is no clock, no absolute path and no random id in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lle.errors import LleError
from lle.files import write_text
from lle.registry import Card
from lle.report.claims_file import CLAIMS, Claims, read_claims
from lle.report.columns import COSTS, FLICKER, columns
from lle.report.curve_files import FOLDER, curve_files
from lle.report.leaderboard import leaderboards
from lle.report.markdown import markdown
from lle.report.provenance import origin, protocols
from lle.report.render import environment
from lle.report.runs import Run, runs, used
from lle.report.sections import Section, sections
from lle.results.read import Results, read_results

TITLES = {
    "pictures": (
        "Pictures under the magnifying glass",
        "Where the methods err, which light they infer, and what they do to hue, saturation and value. Computed from the sample "
        "pictures in git.",
    ),
    "simulation": (
        "The mine's network, simulated",
        "Cameras, edge boxes, a ring of switches and the cloud, with the times that the methods' profiles hold. Simulated, not "
        "measured: docs/simulation.md says what the model leaves out, and where each default comes from.",
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
    "simulation": "Nothing was simulated yet: `lle simulate`.",
    "studies": "No study was run yet. `lle study` lists them, `lle study NAME` runs one.",
}
"""What such a page says when it has no section."""


@dataclass(frozen=True)
class _Site:
    """What all pages share: `pages` of the menu, `sections` by page, `runs` by id."""

    results: Results
    pages: tuple[dict[str, str], ...]
    sections: Mapping[str, tuple[Section, ...]]
    runs: Mapping[str, Run]

    def render(self, template: str, here: str, **context: Any) -> str:
        """Returns a page.

        Args:
            template: file in `templates`.
            here: the page's key.
            context: what the template shows besides the sections.
        """
        shown = self.sections.get(here, ())
        cells = [cell for one in shown for cell in one.cells]
        meanings = [*columns(key for _, key in cells if key not in {c.key for c in (FLICKER, *COSTS)}), FLICKER, *COSTS]
        return (
            environment()
            .get_template(template)
            .render(
                here=here,
                root="../" * here.count("/"),
                site=self.pages,
                menu=[(one.key, one.menu) for one in shown if one.menu],
                extra=shown,
                results=self.results,
                runs=used(self.runs, (run for run, _ in cells)),
                meanings={c.key: {"label": c.label, "meaning": c.meaning} for c in meanings},
                **context,
            )
            .rstrip()
            + "\n"
        )


def pages(results: Results, claims: Claims, reports: Path) -> dict[str, str]:
    """Returns the pages by file name under `reports`."""
    by_page: dict[str, tuple[Section, ...]] = {}
    for one in sections(reports, results):
        by_page[one.page] = (*by_page.get(one.page, ()), one)
    known = {"index", *TITLES, *(f"papers/{paper.id}" for paper in claims.papers)}
    for page, shown in by_page.items():
        if page not in known:
            raise LleError(f"section '{shown[0].key}': there is no page '{page}'; there are {', '.join(sorted(known))}.")
    entries = [("index", "Results"), *((key, key.capitalize()) for key in TITLES)]
    entries += [(f"papers/{paper.id}", paper.name) for paper in claims.papers]
    menu = tuple({"key": key, "file": f"{key}.html", "name": name} for key, name in entries)
    site = _Site(results, menu, by_page, runs(results, reports))
    made = {
        "index.html": site.render(
            "index.html.j2",
            "index",
            title="Low-light enhancement: results",
            tables=leaderboards(results),
            provenance=origin(results),
            protocols=protocols(results),
        )
    }
    for key, (title, lead) in TITLES.items():
        made[f"{key}.html"] = site.render("extra.html.j2", key, title=title, lead=lead, empty=EMPTY[key])
    for paper in claims.papers:
        title = f"{paper.name}: claimed and measured"
        made[f"papers/{paper.id}.html"] = site.render("paper.html.j2", f"papers/{paper.id}", title=title, paper=paper)
    return made


def build_report(reports: Path = Path("reports"), card: Callable[[str], Card] | None = None) -> list[Path]:
    """Writes the leaderboard, the pages and the curves for `dvc plots`, and removes pages and curves that are no more.

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
    shown = pages(results, read_claims(reports / CLAIMS), reports)
    written = {"leaderboard.md": markdown(results), **shown, **curve_files(results.trainings)}
    for old in sorted([*(reports / "papers").glob("*.html"), *(reports / FOLDER).glob("*/*.csv")]):
        if old.relative_to(reports).as_posix() not in written:
            old.unlink()
    (reports / FOLDER).mkdir(exist_ok=True)  # an output of the stage, also where nothing was trained
    for name, text in written.items():
        write_text(reports / name, text)
    return [reports / name for name in written]
