"""Types of settings from which a value is drawn."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def _rising(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"the lower bound {bounds[0]} is above the upper bound {bounds[1]}")
    return bounds


Unit = Annotated[float, Field(ge=0, le=1)]
Range = Annotated[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]], AfterValidator(_rising)]
"""Lower and upper bound, from which a value is drawn for each picture."""
UnitRange = Annotated[tuple[Unit, Unit], AfterValidator(_rising)]
PositiveRange = Annotated[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], AfterValidator(_rising)]
