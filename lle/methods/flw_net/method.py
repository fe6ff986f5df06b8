"""FLW-Net: a global curve and a local correction, learnt from pairs by relative losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method, Phase, Stream, load_strict
from lle.errors import WeightsError
from lle.losses.gt_mean import gt_mean
from lle.losses.padded_ssim import padded_ssim_loss
from lle.methods.flw_net.config import Config
from lle.methods.flw_net.loss import brightness_angle, colour_angle, structure_angle
from lle.methods.flw_net.network import FLWNet


class FastLightWeight(Method):
    """FLW-Net (Zhang et al., 2023)."""

    scope = "global"
    network: FLWNet
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = FLWNet(config.width, config.scale, config.mu)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def phases(self) -> Sequence[Phase]:
        """One phase on pairs."""
        return (Phase("fit", self.updates(), streams={"train": Stream("paired", augment=self.config.augment)}),)

    def estimate(self, view: Tensor) -> Tensor:
        """Returns the strengths of the curves, B x 7 x 1 x 1."""
        return self.network.choose(self.network.describe(view))

    def enhance_with(self, low: Tensor, parameters: Tensor) -> Tensor:
        """Enhances with the curves of the whole picture."""
        return self.network.correct(low, parameters)

    def compare(self, enhanced: Tensor, normal: Tensor) -> Losses:
        """L1, SSIM and the angles of colours, brightness and structure."""
        weights = self.config
        return {
            "l1": F.l1_loss(enhanced, normal),
            "ssim": weights.ssim_weight * padded_ssim_loss(enhanced, normal),
            "colour": weights.colour_weight * colour_angle(enhanced, normal),
            "brightness": weights.brightness_weight * brightness_angle(enhanced, normal),
            "structure": weights.structure_weight * structure_angle(enhanced, normal),
        }

    def loss(self, batch: Batch) -> Losses:
        """The result, asked to be as bright as the normal picture, is compared with it."""
        wanted = batch["normal"].amax(dim=1).mean(dim=(1, 2))
        return gt_mean(self.compare, self.network(batch["low"], wanted), batch["normal"], self.config.gt_mean)

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the authors' file, whose layers are `e_conv1.depth_conv` and `g_conv1.point_conv`."""
        if len(files) != 1:
            raise WeightsError(f"expected one file of weights, got {len(files)}: {', '.join(sorted(files))}")
        load_strict(self.network, next(iter(files.values())), _rename)


def _rename(key: str) -> str:
    key = key.replace(".depth_conv", "").replace(".point_conv", "")
    return key.replace("g_conv", "choose.conv").replace("e_conv", "conv")
