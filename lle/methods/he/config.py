"""Settings of histogram equalisation."""

from __future__ import annotations

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of histogram equalisation."""

    strength: float = Field(1.0, ge=0, le=1)
    """Share of the equalised value in the result; 0 leaves the picture as it is."""
