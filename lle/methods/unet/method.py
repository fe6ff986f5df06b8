"""A supervised U-Net: what every other supervised method has to beat."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method
from lle.losses.gt_mean import gt_mean
from lle.losses.ssim import ssim_loss
from lle.methods.unet.config import Config
from lle.methods.unet.network import Network


class Unet(Method):
    """Our reference for supervised training."""

    stream = "paired"
    # Nothing is pooled over the whole picture.
    scope = "local"
    network: Network
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Network(config.width, config.levels, config.exponent)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch, see `Method.forward`."""
        enhanced: Tensor = self.network(low)
        return enhanced

    def compare(self, enhanced: Tensor, normal: Tensor) -> Losses:
        """Mean absolute error and structural dissimilarity."""
        return {
            "l1": self.config.l1_weight * F.l1_loss(enhanced, normal),
            "ssim": self.config.ssim_weight * ssim_loss(enhanced, normal),
        }

    def loss(self, batch: Batch) -> Losses:
        """The result is compared with the normal picture."""
        return gt_mean(self.compare, self.network(batch["low"]), batch["normal"], self.config.gt_mean)
