"""Settings of LIME."""

from __future__ import annotations

from pydantic import Field

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of LIME. The defaults are the parameters of the BIMEF comparison; no preset `paper`, for we have not read its values."""

    smoothness: float = Field(0.15, ge=0)
    """Weight of the smoothness of the illumination against its first estimate (the paper's alpha)."""
    sigma: float = Field(2.0, gt=0)
    """Standard deviation of the Gaussian that tells texture from structure, in pixels."""
    gamma: float = Field(0.8, gt=0, le=1)
    """Exponent of the illumination; below 1 darkens the result."""
    epsilon: float = Field(1e-3, gt=0)
    """Smallest gradient in the weights, and smallest illumination."""
    tolerance: float = Field(1e-3, gt=0, lt=1)
    """Relative residual at which the linear system counts as solved, also a bound of the relative error of the whole illumination;
    smaller values change no pixel by a twentieth of a grey level (tested)."""
