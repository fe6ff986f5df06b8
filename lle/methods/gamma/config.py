"""Settings of the gamma curve."""

from __future__ import annotations

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of the gamma curve."""

    gamma: float = Field(0.45, gt=0)
    """Exponent of the values in [0, 1]; below 1 brightens."""
