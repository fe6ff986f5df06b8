"""Sections of the report: one module a section, found by its place in this folder. See `docs/add_a_report_section.md`.

A section is `lle/report/sections/<name>.py` with

    READS = ("metrics/*/*.json",)

    def section(reports: Path, results: Results) -> Section | Iterable[Section] | None

`READS` are glob patterns of the files below the reports folder that the section shows; they decide when the report is stale,
so a file that is read and not named there makes a page that is not built again. What `results` holds always counts. The
function returns what to show, several sections where they belong together, or None where there is nothing. No other file
needs to know the module.

Its rules are those of the report: equal inputs give equal bytes (no clock, no absolute path, no order that a file system or a
hash chooses), every picture is inside the page, no number is written by hand, and an empty cell says why. Build the HTML with
`lle.report.parts` (tables, figures, pictures), `lle.report.figures` (charts as SVG) or a template (`lle.report.render`); what
is no markup must pass through them or `html.escape`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from markupsafe import Markup

from lle.results.read import READS as RESULTS
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
        data: plain data for the page's script, by id.
    """

    key: str
    title: str
    html: Markup
    menu: str = ""
    order: int = 500
    page: str = "index"
    css: str = ""
    cells: tuple[tuple[str, str], ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


def reads() -> tuple[str, ...]:
    """Returns glob patterns of all files below the reports folder that the report shows."""
    return tuple(sorted({*RESULTS, *(pattern for module in _modules() for pattern in getattr(module, "READS", ()))}))


def sections(reports: Path, results: Results) -> tuple[Section, ...]:
    """Returns what the modules of this folder have to show, in the order of the pages."""
    found: list[Section] = []
    for module in _modules():
        shown = module.section(reports, results)
        found += [] if shown is None else [shown] if isinstance(shown, Section) else list(_checked(module, shown))
    return tuple(sorted(found, key=lambda one: (one.page, one.order, one.key)))


def _modules() -> list[ModuleType]:
    return [importlib.import_module(f"{__name__}.{name}") for name in sorted(module.name for module in pkgutil.iter_modules(__path__))]


def _checked(module: ModuleType, shown: Iterable[Any]) -> Iterable[Section]:
    for one in shown:
        if not isinstance(one, Section):
            raise TypeError(f"{module.__name__}.section gave {type(one).__name__}, not a Section")
        yield one
