"""Trained weights that come with the package: a folder each, with the files of a model folder, `card.md` and `result.json`.

`lle zoo pack` writes them. Reading needs nothing that training needs.
"""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from lle.errors import LleError, did_you_mean

if TYPE_CHECKING:
    from lle.results.zoo import ZooModel

ZOO = Path(__file__).parent
RESULT = "result.json"
CARD = "card.md"
TEST = "mine_rendered"
"""Data set on which the default pipeline measures all weights again."""
LARGEST = 12_000_000
"""Bytes that all weights may have together."""


def list_zoo(pattern: str = "*", zoo: Path | None = None) -> list[str]:
    """Returns the names of the weights that come with the package, in alphabetical order.

    Args:
        pattern: of the shell, such as `*dce*`.
        zoo: the folder; None takes that of the package.
    """
    found = sorted(path.parent.name for path in (zoo or ZOO).glob(f"[a-z]*/{RESULT}"))
    return [name for name in found if fnmatch.fnmatchcase(name, pattern)]


def folder(name: str, zoo: Path | None = None) -> Path:
    """Returns the model folder of weights.

    Raises:
        LleError: there are none of this name.
    """
    names = list_zoo(zoo=zoo)
    if name not in names:
        known = f"`lle zoo` lists those that are: {', '.join(names)}." if names else "None were packed yet: `lle zoo train NAME`."
        raise LleError(f"no weights of the name '{name}' come with the package.{did_you_mean(name, names)} {known}")
    return (zoo or ZOO) / name


def model(name: str, zoo: Path | None = None) -> ZooModel:
    """Returns what is known of weights, see `folder`."""
    from lle.results.zoo import ZooModel

    return ZooModel.read(folder(name, zoo) / RESULT)


def card(name: str, zoo: Path | None = None) -> str:
    """Returns the card of weights as Markdown, see `folder`."""
    return (folder(name, zoo) / CARD).read_text(encoding="utf-8")


def default(zoo: Path | None = None) -> str:
    """Returns the name of the weights that are taken where none are named.

    Raises:
        LleError: no weights are marked so; the message lists what can be named.
    """
    names = list_zoo(zoo=zoo)
    chosen = [name for name in names if model(name, zoo).default]
    if chosen:
        return chosen[0]
    have = f"weights of the package: {', '.join(names)}" if names else "no weights come with this copy of the package"
    raise LleError(
        f"no method is named, and no default comes with this copy of the package. Name one before the pictures: `lle enhance clahe "
        f"PHOTO -o OUT` (clahe, gamma and lime need no training; {have}), or a method that was trained with `lle train`."
    )
