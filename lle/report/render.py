"""Templates of the pages and of their sections."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lle.report.charts.svg import marker

TEMPLATES = Path(__file__).parent / "templates"


def short(text: object, length: int = 12) -> str:
    """Returns the beginning of a digest or commit, enough to recognise it, and whether the checkout had changes."""
    return str(text)[:length] + ("-dirty" if str(text).endswith("-dirty") else "")


@functools.cache
def environment() -> Environment:
    """Returns the templates; text that is no `Markup` is escaped, and an unknown variable is an error."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.globals["marker"] = lambda kind: Markup(
        f'<svg class="chart key" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">{marker(kind, 8, 8)}</svg>'
    )
    found.filters["short"] = short
    found.filters["capfirst"] = lambda text: text[:1].upper() + text[1:]
    # Style and script are this package's own files and stand in the page as they are.
    found.globals["raw"] = lambda name: Markup((TEMPLATES / name).read_text(encoding="utf-8"))
    return found


def fragment(name: str, **context: Any) -> Markup:
    """Returns the HTML of a section from `templates/section_<name>.html.j2`.

    Args:
        name: of the template.
        context: what it shows.
    """
    return Markup(environment().get_template(f"section_{name}.html.j2").render(**context).strip())
