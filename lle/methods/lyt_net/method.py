"""LYT-Net: light and colour apart, learnt from pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Frozen, Losses, Method, Phase, Stream
from lle.losses.feature_mse import feature_mse, frozen_features
from lle.losses.gt_mean import gt_mean
from lle.losses.vgg import AS_IT_IS, vgg
from lle.methods.lyt_net.config import Config
from lle.methods.lyt_net.loss import brightness_loss, multi_scale_ssim_loss, psnr_loss
from lle.methods.lyt_net.network import LYTNet


class LightweightYuvTransformer(Method):
    """LYT-Net (Brateanu et al., IEEE SPL 2025)."""

    scope = "global"
    network: LYTNet
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = LYTNet(config.width, config.tokens == "pixels")
        name = config.perceptual
        self.features = Frozen(lambda: vgg("vgg19", ("relu3_3",), AS_IT_IS)) if name != "efficientnet_lite0" else frozen_features(name)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def phases(self) -> Sequence[Phase]:
        """One phase on pairs."""
        return (Phase("fit", self.updates(), streams={"train": Stream("paired", augment=self.config.augment)}),)

    def compare(self, enhanced: Tensor, normal: Tensor) -> Losses:
        """Smooth L1, structure at several scales, PSNR, mean brightness and, where it is asked for, features."""
        weights = self.config
        terms = {
            "smooth_l1": F.smooth_l1_loss(enhanced, normal),
            "ssim": weights.ssim_weight * multi_scale_ssim_loss(enhanced, normal),
            "psnr": weights.psnr_weight * psnr_loss(enhanced, normal),
            "brightness": weights.brightness_weight * brightness_loss(enhanced, normal),
        }
        if weights.perceptual != "none" and weights.perceptual_weight > 0:
            terms["perceptual"] = weights.perceptual_weight * feature_mse(self.features, enhanced, normal)
        return terms

    def loss(self, batch: Batch) -> Losses:
        """The result is compared with the normal picture."""
        return gt_mean(self.compare, self.network(batch["low"]), batch["normal"], self.config.gt_mean)

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the authors' file; their normalisation holds torch's one inside."""
        super().import_weights(
            {stem: {key.replace("layer_norm.norm.", "layer_norm."): value for key, value in state.items()} for stem, state in files.items()}
        )
