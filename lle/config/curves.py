"""Settings that Zero-DCE and Zero-DCE++ have in common."""

from __future__ import annotations

from pydantic import Field

from lle.config.base import MethodConfig


class CurveConfig(MethodConfig):
    """Settings of a network of curves that learns without references."""

    width: int = Field(32, ge=1)
    """Channels of the hidden layers."""
    curves: int = Field(8, ge=1)
    """How often a curve is applied."""
    resize: int | None = Field(None, ge=16)
    """Side to which whole pictures are squeezed for training, as the authors do; null takes random crops."""
    tv_weight: float = Field(200.0, ge=0)
    """Weight of the smoothness of the curve maps."""
    spatial_weight: float = Field(1.0, ge=0)
    """Weight of the brightness differences between neighbouring regions."""
    colour_weight: float = Field(5.0, ge=0)
    """Weight of the greyness of the mean colour."""
    exposure_weight: float = Field(10.0, ge=0)
    """Weight of the distance from `exposure_level`."""
    exposure_level: float = Field(0.6, gt=0, lt=1)
    """Brightness that 16x16 patches shall have."""
