"""Settings of studies: ablations, and comparisons that take longer than the default suite."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, model_validator

from lle.config.base import Strict

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
    """Data sets on whose test split every variant is measured."""
    seeds: list[int] = Field(default=[0], min_length=1)
    """Every variant is trained once with each."""
    set: list[str] = Field(default_factory=list)
    """Overrides for all variants, in the grammar of `-S`, for example methods.unet.iterations=5000."""
    variants: dict[str, VariantConfig] = Field(min_length=1)
    """The rows, by a short name."""
    contrasts: list[str] = Field(default_factory=list)
    """Expectations such as `full > no_refinement`, tested on PSNR where there are references; the result is reported whichever
    way it comes out."""

    @model_validator(mode="after")
    def _contrasts_name_variants(self) -> Self:
        for text in self.contrasts:
            match = CONTRAST.match(text)
            if match is None:
                raise ValueError(f"contrasts: '{text}' must read `first > second`")
            unknown = [name for name in match.groups() if name not in self.variants]
            if unknown:
                raise ValueError(f"contrasts: '{text}' names {unknown[0]}, but the variants are {', '.join(self.variants)}")
        if twice := [text for text in self.contrasts if self.contrasts.count(text) > 1]:
            raise ValueError(f"contrasts: '{twice[0]}' stands there more than once")
        repeated = {seed for seed in self.seeds if self.seeds.count(seed) > 1}
        if repeated:
            raise ValueError(f"seeds: {min(repeated)} stands there more than once")
        return self

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The contrasts as pairs: the variant that is expected to be better first."""
        return [(match[1], match[2]) for text in self.contrasts if (match := CONTRAST.match(text)) is not None]
