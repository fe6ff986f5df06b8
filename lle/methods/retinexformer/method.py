"""Retinexformer: light up, then restore; learnt from pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method
from lle.losses.gt_mean import gt_mean
from lle.methods.retinexformer.config import Config
from lle.methods.retinexformer.network import Retinexformer

_BETA = 1.2
"""Both parameters of the beta distribution that blending shares are drawn from."""


class RetinexTransformer(Method):
    """Retinexformer (Cai et al., ICCV 2023)."""

    stream = "paired"
    scope = "global"
    network: Retinexformer
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Retinexformer(config.width, config.blocks)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def mixed(self, low: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
        """Blends the pictures of a share of the batches with one another, low and normal alike; both B x 3 x H x W."""
        if float(torch.rand(())) >= self.config.mixup:
            return low, normal
        share = float(torch.distributions.Beta(_BETA, _BETA).sample())
        order = torch.randperm(len(low), device=low.device)
        return share * low + (1 - share) * low[order], share * normal + (1 - share) * normal[order]

    def loss(self, batch: Batch) -> Losses:
        """L1 to the normal picture."""
        low, normal = self.mixed(batch["low"], batch["normal"])
        return gt_mean(lambda image, reference: {"l1": F.l1_loss(image, reference)}, self.network(low), normal, self.config.gt_mean)

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the authors' file, whose feed-forward layers stand inside a normalisation's `fn`."""
        super().import_weights(
            {stem: {key.replace(".fn.net.", ".net."): value for key, value in state.items()} for stem, state in files.items()}
        )
