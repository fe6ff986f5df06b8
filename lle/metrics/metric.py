"""What a metric is: one column of the tables, and the picture that it judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from lle.metrics.protocol import Image, gt_mean


@dataclass
class Sample:
    """One picture to be judged; what several metrics share is computed once.

    Attributes:
        output: the enhanced picture, rounded to 8 bits.
        low: the picture it was made from.
        reference: the normal-light picture, None in an unpaired set.
    """

    output: Image
    low: Image
    reference: Image | None

    @property
    def target(self) -> Image:
        """The reference; only metrics that need one ask for it."""
        if self.reference is None:
            raise ValueError("this picture has no reference")
        return self.reference

    @cached_property
    def corrected(self) -> Image:
        """The output with the reference's mean brightness."""
        return gt_mean(self.output, self.target)


@dataclass(frozen=True)
class Metric:
    """One column of the tables.

    Attributes:
        name: key in files and settings.
        label: heading in tables.
        direction: which values are better; `none` for a description that is no judgement.
        needs_reference: has no value on an unpaired set.
        unit: of the value, empty for a plain number.
        definition: what is measured, in one line.
        source: paper or code the definition comes from.
        measure: computes the value of one picture.
        missing: returns why the metric cannot be measured on this machine, or None.
        order: place among the columns, by this number and then by name.
        digits: decimals in tables.
    """

    name: str
    label: str
    direction: Literal["higher", "lower", "none"]
    needs_reference: bool
    unit: str
    definition: str
    source: str
    measure: Callable[[Sample], float]
    missing: Callable[[], str | None] = lambda: None
    order: int = 500
    digits: int = 3
