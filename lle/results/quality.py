"""Quality of one method on one data set: the means, and the table by picture."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from lle.errors import LleError
from lle.files import csv_text, write_text
from lle.results.base import Fact, Number, Part, ResultFile, Score
from lle.results.provenance import Provenance

INPUT = "input"
"""Name under which the untouched low-light pictures are measured like a method."""
NORMAL = "normal"
"""Name of the reference pictures among the samples."""
LIT_LOG_RATIO = 0.2
"""Greatest change of a lit picture's mean, as the natural logarithm of the ratio of stored values, output over input (issue 13). It
is 1.7 dB of amplitude; the issue allows 2 dB."""
LIT_PSNR = 28.0
"""Least PSNR in dB between a lit picture and what a method makes of it (issue 13)."""
_NOT_METRICS = ("image", "scene", "width", "height")


class LitFrames(Part):
    """What a method makes of pictures that are lit already, the references of the validation split."""

    images: int
    """Number of pictures."""
    psnr: Number
    """Mean PSNR to the picture itself, dB; equal pictures count as the metric's ceiling."""
    log_ratio: Number
    """Mean natural logarithm of output's mean over the picture's, of stored values."""
    within: int
    """Pictures that keep to both limits, `LIT_LOG_RATIO` and `LIT_PSNR`."""

    @property
    def left_alone(self) -> bool:
        """Whether the means keep to both limits."""
        return abs(self.log_ratio) < LIT_LOG_RATIO and self.psnr >= LIT_PSNR


class Evaluation(ResultFile):
    """`reports/metrics/<data set>/<method>.json`."""

    FILES: ClassVar[str] = "metrics/*/*.json"

    method: str
    dataset: str
    split: str = "test"
    images: int
    """Number of pictures."""
    scenes: int | None = None
    """Number of photographed scenes; several pictures of one scene are no independent evidence."""
    trained_on: str | None = None
    """Training set; None for what was not trained here."""
    protocol: dict[str, Fact | dict[str, Fact] | list[Fact]] = Field(default_factory=dict)
    """How the metrics were computed."""
    metrics: dict[str, Score]
    lit: LitFrames | None = None
    """What becomes of lit pictures; None where the set has none for validation, and for untouched inputs."""
    provenance: Provenance

    @staticmethod
    def path(reports: Path, dataset: str, method: str) -> Path:
        """Returns where the file of a data set and a method lies."""
        return Path(reports) / "metrics" / dataset / f"{method}.json"


@dataclass(frozen=True)
class PerImage:
    """`reports/metrics/<data set>/<method>.csv`: a row a picture, a column a metric, in the metric's unit.

    Attributes:
        images: picture names, sorted.
        scenes: the photograph that each picture is of; crops of one photograph are not independent.
        values: metric name -> one value a picture, in the order of `images`; None where the metric is missing.
    """

    FILES: ClassVar[str] = "metrics/*/*.csv"

    images: tuple[str, ...]
    scenes: tuple[str, ...]
    values: Mapping[str, tuple[float | None, ...]]

    def numbers(self, metric: str) -> tuple[float, ...]:
        """Returns the values of a metric, or nothing unless every picture has a finite one."""
        values = self.values.get(metric, ())
        found = tuple(value for value in values if value is not None)
        return found if len(found) == len(values) else ()

    @staticmethod
    def path(reports: Path, dataset: str, method: str) -> Path:
        """Returns where the table of a data set and a method lies: beside the means."""
        return Evaluation.path(reports, dataset, method).with_suffix(".csv")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a table.

        Raises:
            LleError: it is empty, or a cell is no number.
        """
        with path.open(encoding="utf-8", newline="") as stream:
            rows = sorted(csv.DictReader(stream), key=lambda row: row["image"])
        if not rows:
            raise LleError(f"{path} has no rows. Delete it and run dvc repro.")
        columns = [name for name in rows[0] if name not in _NOT_METRICS]
        try:
            values = {name: tuple(_number(row[name] or "") for row in rows) for name in columns}
        except ValueError as error:
            raise LleError(f"{path}: {error}. Restore it with `git checkout -- {path}`, or delete it and run dvc repro.") from error
        return cls(tuple(row["image"] for row in rows), tuple(row.get("scene") or row["image"] for row in rows), values)

    @staticmethod
    def write(path: Path, rows: list[dict[str, Any]]) -> None:
        """Writes a table.

        Args:
            path: the file.
            rows: `image`, `scene`, `width`, `height` (pixels) and the metrics of every picture, in the order of the data set.
        """
        write_text(path, csv_text(rows))

    def check_means(self, path: Path, evaluation: Evaluation) -> None:
        """Refuses a mean that is not the mean of this table: one of the two files was edited or is of another run.

        Raises:
            LleError: a mean of `evaluation`, read from `path`, contradicts the table.
        """
        for name, score in evaluation.metrics.items():
            numbers = self.numbers(name)
            if score.mean is None or not numbers:
                continue
            mean = sum(numbers) / len(numbers)
            if not math.isclose(mean, score.mean, rel_tol=1e-3, abs_tol=1e-3):
                raise LleError(
                    f"{path}: {name} is {score.mean:g}, but the pictures in {path.stem}.csv beside it have a mean of {mean:g}. "
                    f"Run `lle evaluate {evaluation.method} {evaluation.dataset}` to measure both again."
                )


def _number(text: str) -> float | None:
    if text.strip() == "":
        return None
    value = float(text)
    return value if math.isfinite(value) else None
