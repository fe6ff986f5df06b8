"""Settings of methods that compare their result with a reference picture."""

from __future__ import annotations

from pydantic import Field

from lle.config.base import MethodConfig


class SupervisedConfig(MethodConfig):
    """Settings of a method that learns from pairs: those of every method, and the GT-mean loss."""

    gt_mean: float | None = Field(None, gt=0, le=1)
    """Spread of the GT-mean loss, which corrects brightness before it looks at noise and colour; its paper has 0.1. Null compares
    pictures as they are."""
