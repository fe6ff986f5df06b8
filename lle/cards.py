"""The two figures on a method's card that are counted: parameters and multiply-accumulates. They are written from the code."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable
from pathlib import Path

from lle import registry
from lle.errors import LleError
from lle.files import write_text
from lle.measure.cost import macs, parameters

SIZE = (400, 600)
"""Height and width of the picture for which multiply-accumulates are counted, as in the papers' tables."""


def path(name: str) -> Path:
    """Returns the file of a method's card."""
    return Path(str(importlib.resources.files(registry.package(name)).joinpath("card.md")))


def figures(name: str) -> dict[str, str]:
    """Counts a method with the preset that its card names; nothing is computed, so it takes a moment.

    Returns:
        `parameters`, and for a network `gmacs` (10^9, four significant digits), as they stand on the card.
    """
    method = registry.create(name, {"preset": registry.card(name).preset})
    counted = {"parameters": str(parameters(method))}
    if method.network is not None:
        # An element on `meta` has a shape and no value.
        gmacs = macs(method.eval().to("meta"), *SIZE, device="meta") / 1e9
        counted["gmacs"] = f"{float(f'{gmacs:.4g}'):g}"
    return counted


def updated(name: str) -> str:
    """Returns the text of a card with the figures as they are counted, and nothing else changed.

    Raises:
        LleError: the card has no head between two `---` lines.
    """
    text = path(name).read_text(encoding="utf-8")
    match = re.match(r"---\n(.*?\n)---\n", text, re.DOTALL)
    if match is None:
        raise LleError(f"{path(name)} must begin with a head of `key: value` lines between two `---` lines.")
    counted = figures(name)
    lines = []
    for line in match[1].splitlines():
        key = line.partition(":")[0]
        if key not in ("parameters", "gmacs"):
            lines.append(line)
        elif key in counted:
            lines.append(f"{key}: {counted.pop(key)}")
    lines += [f"{key}: {value}" for key, value in counted.items()]
    return "---\n" + "\n".join(lines) + "\n---\n" + text[match.end() :]


def update(names: Iterable[str] | None = None) -> list[Path]:
    """Writes the counted figures into the cards of some methods, or of all.

    Returns:
        The cards that changed.
    """
    changed = []
    for name in registry.packages() if names is None else names:
        new = updated(name)
        if new != path(name).read_text(encoding="utf-8"):
            write_text(path(name), new)
            changed.append(path(name))
    return changed
