"""Multi-scale Retinex on the intensity, with the chromaticity kept."""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from lle.engine.method import Method
from lle.methods.msr.config import Config
from lle.nn.classical import by_image


def surround(intensity: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian mean of H x W values.

    A wide Gaussian of a small, smooth copy is the wide Gaussian of the picture to within a few thousandths, at a cost that
    does not grow with sigma.
    """
    height, width = intensity.shape
    factor = max(1, int(sigma // 6))
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = cv2.resize(intensity, size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(
        small, (0, 0), sigmaX=sigma * size[0] / width, sigmaY=sigma * size[1] / height, borderType=cv2.BORDER_REFLECT
    )
    result: np.ndarray = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    return result


class Msr(Method):
    """Jobson, Rahman, Woodell, IEEE TIP 1997; chromaticity preserved as in Petro, Sbert, Morel, IPOL 2014."""

    # The widest surround and the percentiles see the whole picture.
    scope = "global"
    config: Config

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch, see `Method.forward`."""
        return by_image(self._enhance, low)

    def _enhance(self, image: np.ndarray) -> np.ndarray:
        c = self.config
        intensity = image.mean(axis=2) + c.floor
        log = np.log(intensity)
        retinex = np.mean([log - np.log(surround(intensity, sigma)) for sigma in c.scales], axis=0)
        black, white = np.percentile(retinex, (c.low_percentile, 100 - c.high_percentile))
        if white - black < 1e-6:
            return image
        target = np.clip((retinex - black) / (white - black), 0, 1)
        # No channel may leave [0, 1], or its hue would change.
        factor = np.minimum(target / intensity, 1 / np.maximum(image.max(axis=2), 1 / 255))
        enhanced: np.ndarray = image * factor[..., None]
        return enhanced
