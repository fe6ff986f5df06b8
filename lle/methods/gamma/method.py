"""A fixed gamma curve."""

from __future__ import annotations

from torch import Tensor

from lle.engine.method import Method
from lle.methods.gamma.config import Config


class Gamma(Method):
    """The simplest brightening there is."""

    config: Config

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch, see `Method.forward`."""
        return low.clamp(0, 1) ** self.config.gamma
