"""Under which licences the pictures stand that a model learned from."""

from __future__ import annotations

from pathlib import Path

from lle.data import catalog
from lle.data.pairs import open_prepared
from lle.errors import LleError

UNKNOWN = "unknown"


def data_licence(dataset: str | None, data: Path) -> str:
    """Returns the licences of a data set's training pictures, as far as they are known.

    Args:
        dataset: the set's name; None for a method that learned from none.
        data: folder of the prepared sets.
    """
    if dataset is None:
        return "none: it learned from no pictures"
    listed = catalog.entries().get(dataset)
    if listed is not None and listed.licence:
        return listed.licence
    try:
        prepared = open_prepared(dataset, data)
        named = {row.about.get("licence", "") for row in prepared.rows("train")} - {""}
    except LleError:
        return f"{UNKNOWN}: {dataset} is not prepared here"
    return ", ".join(sorted(named)) or f"{UNKNOWN}: {dataset} names none"
