"""Global histogram equalisation of the value channel."""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from lle.engine.method import Method
from lle.methods.he.config import Config
from lle.nn.classical import by_image, to_8bit


class He(Method):
    """Equalises V of HSV; hue and saturation stay."""

    # The curve is that of the whole picture's histogram.
    scope = "global"
    config: Config

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch, see `Method.forward`."""
        return by_image(self._enhance, low)

    def _enhance(self, image: np.ndarray) -> np.ndarray:
        value = to_8bit(image.max(axis=2))
        target = cv2.equalizeHist(value).astype(np.float32) / 255
        target = self.config.strength * target + (1 - self.config.strength) * image.max(axis=2)
        # Scaling all channels alike changes V of HSV and leaves hue and saturation. Half a grey level keeps black from dividing by 0.
        enhanced: np.ndarray = image * (target / np.maximum(image.max(axis=2), 0.5 / 255))[..., None]
        return enhanced
