"""Settings of studies: ablations, and comparisons that take longer than the default suite."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from lle.config.base import Strict

Processor = Literal["native", "baseline"]
CONTRAST = re.compile(r"^(\w+) > (\w+)$")


class VariantConfig(Strict):
    """One row of a study: a method, and what is set differently for it."""

    title: str | None = None
    """What the row is called in the report; null takes its key."""
    method: str
    """Method that is trained and measured, by id."""
    set: list[str] = Field(default_factory=list)
    """Overrides in the grammar of `-S`, behind those of the whole study."""


class StudyConfig(Strict):
    """Variants that are trained alike and measured on the same pictures."""

    title: str
    """Heading in the report."""
    paper: str | None = None
    """Paper to which it belongs, as reports/claims.yaml calls it."""
    datasets: list[str] = Field(min_length=1)
    """Data sets on which every variant is measured: on the test split, on the validation split where settings are chosen."""
    selects: bool = False
    """Whether settings are chosen by this study: it then measures validation splits, and reading a test split is refused."""
    seeds: list[int] = Field(default=[0], min_length=1)
    """Every variant is trained once with each."""
    set: list[str] = Field(default_factory=list)
    """Overrides for all variants, in the grammar of `-S`, for example methods.unet.iterations=5000."""
    processors: list[Processor] = Field(default=["native"], min_length=1)
    """Every variant is trained and measured with the instructions of each: `native` is this machine's, `baseline` an old x86
    processor's. Means and tests are of the first one; all show how far machines may differ."""
    processor_seeds: list[int] | None = Field(default=None, min_length=1)
    """Of `seeds`, those of the trainings on the processors after the first, which may take many times as long; null takes all."""
    variants: dict[str, VariantConfig] | Literal["suite"] = Field(min_length=1)
    """The rows, by a short name; `suite` stands for every method of the suite, each with its own settings."""
    mechanisms: bool = False
    """Whether the numbers of `lle mechanism` are measured of every variant too, and how far the pictures of a contrast differ."""
    contrasts: list[str] = Field(default_factory=list)
    """Expectations such as `full > no_refinement`, tested on PSNR where there are references; the result is reported whichever
    way it comes out."""

    @model_validator(mode="after")
    def _contrasts_name_variants(self) -> Self:
        for text in self.contrasts:
            match = CONTRAST.match(text)
            if match is None:
                raise ValueError(f"contrasts: '{text}' must read `first > second`")
            # With `suite` the names are methods, which are checked where the suite is known.
            unknown = [name for name in match.groups() if self.variants != "suite" and name not in self.variants]
            if unknown:
                raise ValueError(f"contrasts: '{text}' names {unknown[0]}, but the variants are {', '.join(self.variants)}")
        if twice := [text for text in self.contrasts if self.contrasts.count(text) > 1]:
            raise ValueError(f"contrasts: '{twice[0]}' stands there more than once")
        for key in ("seeds", "processors", "processor_seeds"):
            names = [str(value) for value in getattr(self, key) or ()]
            if repeated := sorted(name for name in names if names.count(name) > 1):
                raise ValueError(f"{key}: {repeated[0]} stands there more than once")
        if strange := sorted(set(self.processor_seeds or ()) - set(self.seeds)):
            raise ValueError(f"processor_seeds: {strange[0]} is none of the seeds, {', '.join(map(str, self.seeds))}")
        if self.processor_seeds is not None and len(self.processors) == 1:
            raise ValueError("processor_seeds: there is one processor only; name a second one in `processors`, or leave this key out")
        return self

    @property
    def runs(self) -> list[tuple[Processor, int]]:
        """Processor and seed of every training of a variant."""
        first, *others = self.processors
        again = self.seeds if self.processor_seeds is None else self.processor_seeds
        return [*((first, seed) for seed in self.seeds), *((other, seed) for other in others for seed in again)]

    @property
    def split(self) -> Literal["val", "test"]:
        """The split that it measures."""
        return "val" if self.selects else "test"

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The contrasts as pairs: the variant that is expected to be better first."""
        return [(match[1], match[2]) for text in self.contrasts if (match := CONTRAST.match(text)) is not None]
