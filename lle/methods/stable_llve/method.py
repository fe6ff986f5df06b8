"""StableLLVE: single pictures enhanced so that a moved picture gives the moved result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method
from lle.losses.gt_mean import gt_mean
from lle.methods.stable_llve.config import Config
from lle.methods.stable_llve.loss import random_flow, warp
from lle.methods.stable_llve.network import Network


class StableVideoEnhancement(Method):
    """StableLLVE, called LTCLL in SLLEN's tables (Zhang et al., CVPR 2021)."""

    stream = "paired"
    network: Network
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Network(config.width)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def loss(self, batch: Batch) -> Losses:
        """Distance to the normal picture, and between enhancing the moved picture and moving the enhanced one."""
        low = batch["low"]
        enhanced = self.network(low)
        flow = random_flow(low, self.config.motion, self.config.motion_cells)
        return {
            **gt_mean(_l1, enhanced, batch["normal"], self.config.gt_mean),
            "consistency": self.config.consistency * F.l1_loss(self.network(warp(low, flow)), warp(enhanced, flow)),
        }

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the authors' checkpoint."""
        super().import_weights(
            {stem: {_rename(key.removeprefix("module.")): value for key, value in state.items()} for stem, state in files.items()}
        )


def _l1(enhanced: Tensor, normal: Tensor) -> Losses:
    return {"l1": F.l1_loss(enhanced, normal)}


def _rename(key: str) -> str:
    """From the authors' `down2.maxpool_conv.1.double_conv.0.weight` and `up3.conv.double_conv.2.bias` to our levels and units."""
    block, _, rest = key.partition(".")
    if block == "outc":
        return "unet.head." + rest.removeprefix("conv.")
    if block == "inc" or block.startswith(("down", "up")):
        unit, name = rest.split(".")[-2:]
        level = "down.0" if block == "inc" else f"down.{block[-1]}" if block.startswith("down") else f"up.{int(block[-1]) - 1}"
        return f"unet.{level}.{int(unit) // 2}.0.{name}"
    return key
