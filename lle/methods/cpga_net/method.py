"""CPGA-Net: channel priors and a gamma, learnt from pairs."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Frozen, Losses, Method, Phase, Stream
from lle.losses.feature_mse import feature_mse, frozen_features
from lle.losses.gt_mean import gt_mean
from lle.losses.vgg import vgg
from lle.methods.cpga_net.config import Config
from lle.methods.cpga_net.network import CPGANet

# Means that the authors subtract from BGR pictures of up to 255; their VGG16 sees values in that range.
_CAFFE = ((103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255, 1 / 255, 1 / 255))


class ChannelPriorGamma(Method):
    """CPGA-Net (Weng et al., 2024)."""

    scope = "global"
    network: CPGANet
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = CPGANet(config.width, config.guided)
        name = config.perceptual
        self.features = Frozen(lambda: vgg("vgg16", ("pool5",), _CAFFE)) if name != "efficientnet_lite0" else frozen_features(name)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def phases(self) -> Sequence[Phase]:
        """One phase on pairs."""
        return (Phase("fit", self.updates(), streams={"train": Stream("paired", augment=self.config.augment)}),)

    def estimate(self, view: Tensor) -> Tensor:
        """Returns the gamma, B x 1 x 1 x 1."""
        return self.network.estimate(view)

    def enhance_with(self, low: Tensor, parameters: Tensor) -> Tensor:
        """Enhances with the gamma of the whole picture."""
        return self.network.enhance_with(low, parameters)

    def compare(self, enhanced: Tensor, normal: Tensor) -> Losses:
        """L1 and, where it is asked for, instance-normalised features."""
        terms = {"l1": F.l1_loss(enhanced, normal)}
        if self.config.perceptual != "none" and self.config.perceptual_weight > 0:
            # BGR for the authors' network.
            pair = (enhanced.flip(1), normal.flip(1)) if self.config.perceptual == "vgg16" else (enhanced, normal)
            terms["perceptual"] = self.config.perceptual_weight * feature_mse(self.features, *pair, normalise=True)
        return terms

    def loss(self, batch: Batch) -> Losses:
        """The result is compared with the normal picture."""
        return gt_mean(self.compare, self.network(batch["low"]), batch["normal"], self.config.gt_mean)
