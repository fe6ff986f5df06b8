"""Additional sections of the report: one module a section, found by its place in this folder.

To add a section, put `lle/report/sections/<name>.py` here with a function

    def section(reports: Path, results: Results) -> Section | None

that reads git-tracked files under `reports` and returns what to show, or None where there is nothing to show. No other file
needs to know the module. Its rules are those of the report: equal inputs give equal bytes (no clock, no absolute path, no
order that a file system or a hash chooses), every picture is inside the page, no number is written by hand, and an empty cell
says why. Build the HTML with `lle.report.parts` (tables, figures, pictures) and `lle.report.figures` (charts as SVG); what is
no markup must pass through them or `html.escape`. Name what the module reads as dependencies of the stage `report` in
`dvc.yaml`; a folder that may be empty needs a file in git (a README.md that says what is put there), or DVC finds no dependency.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from lle.results.read import Results


@dataclass(frozen=True)
class Section:
    """One section of a page.

    Attributes:
        key: its anchor, unique in the page: lower-case letters and `-`; also the prefix of all ids inside.
        title: its heading.
        html: what stands below the heading; headings inside begin with `<h3>`.
        menu: its name in the menu at the top, one word; "" leaves it out of the menu.
        order: sections of a page follow each other by this number, then by key.
        page: file name of the page without its suffix: `index`, `pictures`, `studies` or `papers/<id of a paper>`.
        css: its own style rules, below those of `templates/page.css`.
        cells: run id (see `lle.report.runs`) and metric of every number that `lle.report.parts.number` made.
    """

    key: str
    title: str
    html: Markup
    menu: str = ""
    order: int = 500
    page: str = "index"
    css: str = ""
    cells: tuple[tuple[str, str], ...] = ()


def sections(reports: Path, results: Results) -> tuple[Section, ...]:
    """Returns what the modules of this folder have to show, in the order of the pages."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found = (importlib.import_module(f"{__name__}.{name}").section(reports, results) for name in names)
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.page, one.order, one.key)))
