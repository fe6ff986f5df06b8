"""IAT: local multiply-add maps and a global colour transform, learnt from pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method
from lle.losses.feature_mse import feature_mse, frozen_features
from lle.losses.gt_mean import gt_mean
from lle.methods.iat.config import Config
from lle.methods.iat.network import IAT


class IlluminationAdaptiveTransformer(Method):
    """IAT (Cui et al., BMVC 2022)."""

    stream = "paired"
    scope = "global"
    network: IAT
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = IAT(config.width, config.blocks, config.learn_gamma)
        self.perceptual = frozen_features(config.perceptual)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(self._scaled(low))

    def estimate(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """The exponent, B x 1, and the colour matrix, B x 3 x 3, of whole pictures."""
        gamma, color = self.network.global_net(self._scaled(view))
        return gamma, color

    def enhance_with(self, low: Tensor, parameters: tuple[Tensor, Tensor]) -> Tensor:
        """Enhances parts of pictures with the exponent and matrix of the whole."""
        return self.network.transform(self._scaled(low), *parameters)

    def _scaled(self, low: Tensor) -> Tensor:
        return low * 2 - 1 if self.config.pre_norm else low

    def compare(self, enhanced: Tensor, normal: Tensor) -> Losses:
        """L1, or smooth L1 with a perceptual loss, as `loss` says."""
        if self.config.loss == "l1":
            return {"l1": F.l1_loss(enhanced, normal)}
        return {
            "smooth_l1": F.smooth_l1_loss(enhanced, normal),
            "perceptual": self.config.perceptual_weight * feature_mse(self.perceptual, enhanced, normal),
        }

    def loss(self, batch: Batch) -> Losses:
        """The result is compared with the normal picture."""
        return gt_mean(self.compare, self(batch["low"]), batch["normal"], self.config.gt_mean)

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the authors' state dict; two layers of theirs stand in a list of one."""
        super().import_weights(
            {stem: {key.replace("_end.0.", "_end."): value for key, value in state.items()} for stem, state in files.items()}
        )
