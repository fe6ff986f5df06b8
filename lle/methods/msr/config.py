"""Settings of multi-scale Retinex."""

from __future__ import annotations

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of multi-scale Retinex."""

    scales: tuple[float, ...] = Field((15.0, 80.0, 250.0), min_length=1)
    """Standard deviations of the Gaussian surrounds, in pixels."""
    low_percentile: float = Field(1.0, ge=0, lt=50)
    """Percentage of pixels that become black."""
    high_percentile: float = Field(1.0, ge=0, lt=50)
    """Percentage of pixels that become white."""
    floor: float = Field(0.05, gt=0)
    """Added to the intensity, in [0, 1]: what is much darker counts as noise and is not stretched to full brightness."""
