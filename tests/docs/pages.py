"""The pages that users read, and the commands on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "docs/mine/README.md"]
KINDS = ("network", "GPU", "long")
"""Marks of commands that no test runs: what each would need."""


@dataclass(frozen=True)
class Listed:
    """A command in a `sh` block.

    Attributes:
        page: path from the root.
        text: the command, without its comment.
        marks: those that its comment begins with.
    """

    page: str
    text: str
    marks: tuple[str, ...]


def blocks(path: Path, language: str) -> list[str]:
    """Returns the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands() -> list[Listed]:
    """Returns every command in a `sh` block, in the order of the pages."""
    found = []
    for path in PAGES:
        for line in "\n".join(blocks(path, "sh")).replace("\\\n", " ").splitlines():
            text, _, comment = line.partition(" #")
            if text.strip():
                words = re.match(rf"((?:{'|'.join(KINDS)})(?:, )?)*", comment.strip())
                marks = tuple(words[0].split(", ")) if words and words[0] else ()
                found.append(Listed(path.relative_to(ROOT).as_posix(), re.sub(r" +", " ", text.strip()), marks))
    return found
