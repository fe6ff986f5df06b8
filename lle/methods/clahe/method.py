"""CLAHE: contrast-limited adaptive histogram equalisation of the lightness."""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from lle.engine.method import Method
from lle.methods.clahe.config import Config
from lle.nn.classical import by_image, to_8bit


class Clahe(Method):
    """Zuiderveld, Graphics Gems IV, 1994, as OpenCV implements it."""

    # The tiles are fractions of the whole picture.
    scope = "global"
    config: Config

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch, see `Method.forward`."""
        return by_image(self._enhance, low)

    def _enhance(self, image: np.ndarray) -> np.ndarray:
        lab = cv2.cvtColor(to_8bit(image), cv2.COLOR_RGB2LAB)
        lab[..., 0] = cv2.createCLAHE(self.config.clip_limit, (self.config.tiles, self.config.tiles)).apply(lab[..., 0])
        enhanced: np.ndarray = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).astype(np.float32) / 255
        return enhanced
