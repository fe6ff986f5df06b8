"""LIME: divides by an illumination that is smooth but keeps the edges of the picture."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from lle.engine.method import Method
from lle.methods.lime.config import Config
from lle.methods.lime.solve import illumination
from lle.nn.classical import by_image


class Lime(Method):
    """Guo, Li, Ling, IEEE TIP 2017."""

    # Every pixel's illumination depends on all others through the linear system.
    scope = "global"
    config: Config

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch, see `Method.forward`."""
        return by_image(self._enhance, low)

    def _enhance(self, image: np.ndarray) -> np.ndarray:
        c = self.config
        t = illumination(image.astype(np.float64), c.smoothness, c.sigma, c.epsilon, c.tolerance)
        enhanced: np.ndarray = image / np.maximum(t, c.epsilon)[..., None] ** c.gamma
        return enhanced
