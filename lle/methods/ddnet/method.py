"""DDNet: enhancement guided by a coarse picture and an edge map."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method
from lle.losses.charbonnier import charbonnier
from lle.losses.gt_mean import gt_mean
from lle.losses.ssim import ssim_loss
from lle.losses.tv import total_variation
from lle.methods.ddnet.config import Config
from lle.methods.ddnet.network import DDNet, edge_map


def laplacian(image: Tensor) -> Tensor:
    """Each channel's eight-neighbour Laplacian, B x C x H x W, zeros beyond the border."""
    kernel = image.new_full((image.shape[1], 1, 3, 3), -1.0)
    kernel[:, :, 1, 1] = 8
    return F.conv2d(image, kernel, padding=1, groups=image.shape[1])


class DoubleDomain(Method):
    """DDNet (Qu et al., 2023)."""

    stream = "paired"
    scope = "global"
    network: DDNet
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = DDNet(config.width)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def compare(self, enhanced: Tensor, normal: Tensor) -> Losses:
        """SSIM, edges and L1 of the result."""
        return {
            "ssim": self.config.ssim_weight * ssim_loss(enhanced, normal),
            "edge": self.config.edge_weight * charbonnier(laplacian(enhanced), laplacian(normal)),
            "l1": F.l1_loss(enhanced, normal),
        }

    def loss(self, batch: Batch) -> Losses:
        """SSIM, edges and variation of the result; coarse picture and edge map near those of the normal picture."""
        low, normal = batch["low"], batch["normal"]
        guides = self.network.left(low)
        enhanced = self.network.right(guides) + low
        weights = self.config
        return {
            **gt_mean(self.compare, enhanced, normal, weights.gt_mean),
            "variation": weights.tv_weight * total_variation(enhanced, power=2),
            "coarse": weights.coarse_weight * F.l1_loss(guides.coarse, normal),
            "frequency": weights.frequency_weight * F.l1_loss(guides.edges, edge_map(normal)),
        }
