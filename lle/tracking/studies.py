"""What MLflow shows of studies: a parent run a study, a child a variant and seed; imports no MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lle.files import digest, read_json, sha256
from lle.tracking.runs import FORMAT

EXPERIMENT = "studies"
"""Experiment of all studies."""


@dataclass(frozen=True)
class Child:
    """One training of a study.

    Attributes:
        name: `<study>/<variant>/<seed>`.
        method: its method.
        parameters: what the variant sets, and its seed.
        metrics: mean by `<data set>/<metric>`.
        training: numbers of its training.
        provenance: where its numbers come from.
    """

    name: str
    method: str
    parameters: dict[str, str]
    metrics: dict[str, float]
    training: dict[str, Any]
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A study with its files.

    Attributes:
        path: `reports/studies/<name>.json`, with the table of all pictures beside it as `.csv`.
        model_digest: always empty, since studies keep no model in the store.
    """

    path: Path
    model_digest: str = ""

    @property
    def name(self) -> str:
        """Name of the run: the stage of the pipeline."""
        return f"study@{self.path.stem}"

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return EXPERIMENT

    @property
    def table(self) -> Path:
        """Metrics by variant, seed, data set and picture."""
        return self.path.with_suffix(".csv")

    @cached_property
    def digest(self) -> str:
        """Digest of everything the runs show."""
        files = [path for path in (self.path, self.table) if path.is_file()]
        return digest([FORMAT, {path.name: sha256(path) for path in files}])

    @cached_property
    def record(self) -> dict[str, Any]:
        """The study's results."""
        return dict(read_json(self.path))

    @property
    def seconds(self) -> float:
        """Time that all trainings took."""
        return sum(float(child.training.get("seconds") or 0) for child in self.children())

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the first child's numbers come from."""
        return next((child.provenance for child in self.children()), {})

    def children(self) -> Iterator[Child]:
        """Yields the trainings, by variant and seed."""
        for variant, row in self.record["variants"].items():
            overrides = dict(text.lstrip("+").partition("=")[::2] for text in row["set"] if not text.startswith("~"))
            for seed in map(str, self.record["seeds"]):
                facts = {"study": self.path.stem, "variant": variant, "title": row["title"], "method": row["method"], "seed": seed}
                metrics = {
                    f"{dataset}/{metric}": cell["by_seed"][seed]
                    for dataset, cells in row["results"].items()
                    for metric, cell in cells.items()
                    if seed in (cell.get("by_seed") or {})
                }
                training, origin = (dict((row.get(key) or {}).get(seed) or {}) for key in ("training", "provenance"))
                yield Child(f"{self.path.stem}/{variant}/{seed}", row["method"], {**overrides, **facts}, metrics, training, origin)

    def contrasts(self) -> dict[str, float]:
        """Returns the difference, first minus second, of every contrast that could be measured."""
        return {
            f"contrast/{entry['dataset']}/{entry['metric']}/{entry['better']} over {entry['worse']}": entry["difference"]["mean"]
            for entry in self.record.get("contrasts", ())
            if entry.get("difference")
        }

    def note(self) -> str:
        """Returns the description of the parent run: what was expected, and what came out."""
        lines = [f"**{self.record['title']}**", "", f"Trained on `{self.record['train_data']}`; seeds {self.record['seeds']}."]
        if self.record.get("contrasts"):
            lines += ["", "| expected | data set | difference | verdict |", "|---|---|---|---|"]
        for entry in self.record.get("contrasts", ()):
            cell = entry.get("difference")
            found = (
                f"{cell['mean']:+.3g} ({cell['low']:+.3g} … {cell['high']:+.3g}) {entry['metric']}" if cell else entry.get("missing", "-")
            )
            lines.append(f"| {entry['better']} > {entry['worse']} | {entry['dataset']} | {found} | {entry.get('verdict') or '-'} |")
        return "\n".join(lines)


def collect(reports: Path) -> list[Study]:
    """Finds the studies that have results."""
    return [Study(path) for path in sorted(Path(reports).glob("studies/*.json"))]
