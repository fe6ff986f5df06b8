"""Do the result files agree with each other, and are they the ones that the pipeline wrote?"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

from lle.files import read_json
from lle.gate.snapshot import per_picture
from lle.gate.verdict import Check
from lle.metrics.registry import all_metrics

AGREEMENT = 5e-5
"""Share by which the mean in a JSON file may differ from that of its table, whose values have six digits."""
JUDGED = ("evaluate", "zoo", "profile", "segment", "clip")
"""Beginnings of the names of the stages whose files the gate judges."""


def inconsistencies(reports: Path) -> Iterator[Check]:
    """Yields a failure for every mean that is not its table's, and for every file that is not as `dvc.lock` says it was written."""
    yield from _disagreements(reports)
    yield from _changed(reports)


def _disagreements(reports: Path) -> Iterator[Check]:
    """Yields a failure for every mean that is not that of its per-image table, as after a change by hand."""
    for path in sorted([*reports.glob("metrics/*/*.json"), *reports.glob("zoo/metrics/*/*.json")]):
        _, values = per_picture(path.with_suffix(".csv"))
        for name, cell in read_json(path)["metrics"].items():
            known = [value for value in values.get(name, ()) if value is not None]
            mean = math.fsum(known) / len(known) if known else None
            if name not in all_metrics() or all_metrics()[name].direction == "none" or (mean is None and cell["mean"] is None):
                continue
            largest = max((abs(value) for value in known), default=0.0)
            if mean is None or cell["mean"] is None or abs(mean - cell["mean"]) > AGREEMENT * largest:
                found = f"{path.name} says {cell['mean']}, its table {mean}: one of them was changed by hand"
                yield Check(f"{path.parent.name}/{path.stem}", f"{name} agrees", "fail", found, mean, cell["mean"])


def _changed(reports: Path) -> Iterator[Check]:
    """Yields a failure for every file of results that is not as `dvc.lock`, where there is one, says it was written."""
    import yaml

    lock = reports.parent / "dvc.lock"
    if not lock.is_file():
        return
    # The loader in C, where it was built, is ten times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for stage, entry in yaml.load(lock.read_text(encoding="utf-8"), loader).get("stages", {}).items():
        for out in entry.get("outs", ()):
            path = lock.parent / out["path"]
            # Folders of pictures have a digest of another kind; `dvc status` looks at them.
            if not path.is_relative_to(reports) or not path.is_file() or not stage.startswith(JUDGED):
                continue
            if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != out["md5"]:
                parts = path.relative_to(reports).with_suffix("").parts[1:]
                found = f"is not what {stage} wrote, says dvc.lock. dvc repro {stage} makes it again; dvc commit {stage} takes it as it is"
                yield Check("/".join(parts), path.name, "fail", found)
