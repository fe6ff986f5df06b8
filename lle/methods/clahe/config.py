"""Settings of CLAHE."""

from __future__ import annotations

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of CLAHE."""

    clip_limit: float = Field(2.0, gt=0)
    """Largest height of a tile's histogram, in units of its mean height."""
    tiles: int = Field(8, ge=1)
    """Tiles along each side of the picture."""
