"""Methods: their cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from lle.report.costs import SIZE
from lle.report.render import fragment
from lle.report.sections import Section
from lle.results.cost import Profile
from lle.results.read import Results

READS = (Profile.FILES,)


def section(_: Path, results: Results) -> Section | None:
    """Shows the card of every method with results."""
    cards = _cards(results)
    return (
        Section("methods", "Methods", fragment("methods", results=results, cards=cards, size=SIZE), menu="Methods", order=910)
        if cards
        else None
    )


def _cards(results: Results) -> list[dict[str, Any]]:
    # "commonmark" with html off: what a card says is text, never markup of the page.
    convert = MarkdownIt("commonmark", {"html": False}).enable("table")
    entries: list[dict[str, Any]] = []
    for method, card in results.cards.items():
        profile = results.profiles.get(method)
        body = "\n".join("##" + line if line.startswith("#") else line for line in card.text.splitlines())
        measured = {
            "parameters": None if profile is None else profile.parameters,
            "gmacs": None if profile is None or profile.gmacs(SIZE) is None else f"{profile.gmacs(SIZE):.4g}",
        }
        entries.append({"method": method, "card": card, "body": Markup(convert.render(body)), "measured": measured})
    return sorted(entries, key=lambda item: str(item["card"].title).casefold())
