"""What a method's card says that is written from the code: its parameters and multiply-accumulates, and how its presets differ."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lle import registry
from lle.errors import LleError
from lle.files import write_text
from lle.measure.cost import macs, parameters

SIZE = (400, 600)
"""Height and width of the picture for which multiply-accumulates are counted, as in the papers' tables."""

HEADING = "## Settings by preset"
"""Heading of the part of a card that is written from the code; it goes on to the end of the card."""
ABOUT = "Every setting in which a preset differs from `paper`, written by `lle methods cards`."


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


def settings(name: str) -> dict[str, dict[str, str]]:
    """Compares the presets of a method with `paper`, all defaults filled in.

    Returns:
        By setting (`backbone.model` for one inside another), its value by preset, `paper` first, as it would stand in params.yaml.
        Settings that all presets have in common are left out; nothing where a method has no preset `paper`, or no other.
    """
    config = registry.config_class(name)
    if "paper" not in config.presets:
        return {}
    found = {
        preset: dict(_flat(config(preset=preset).model_dump(mode="json"))) for preset in ("paper", *sorted({*config.presets} - {"paper"}))
    }
    keys = dict.fromkeys(key for values in found.values() for key in values if key != "preset")
    rows = {key: {preset: values.get(key, "") for preset, values in found.items()} for key in keys}
    return {key: row for key, row in rows.items() if len(set(row.values())) > 1}


def _flat(values: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{inside}{key}.")
        else:
            yield inside + key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def table(name: str) -> str:
    """Returns the part of a card that `settings` fills, with its heading; "" where there is nothing to compare."""
    rows = settings(name)
    if not rows:
        return ""
    presets = list(next(iter(rows.values())))
    lines = [HEADING, "", ABOUT, "", f"| Setting | {' | '.join(presets)} |", "|---|" + "---|" * len(presets)]
    lines += [f"| `{key}` | {' | '.join(value.replace('|', chr(92) + '|') for value in row.values())} |" for key, row in rows.items()]
    return "\n".join(lines) + "\n"


def updated(name: str) -> str:
    """Returns the text of a card with the figures and the table of settings as they are now, and nothing else changed.

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
    body, written = text[match.end() :].partition(HEADING)[0].rstrip(), table(name)
    return "---\n" + "\n".join(lines) + f"\n---\n{body}\n" + (f"\n{written}" if written else "")


def update(names: Iterable[str] | None = None) -> list[Path]:
    """Writes the counted figures and the tables of settings into the cards of some methods, or of all.

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
