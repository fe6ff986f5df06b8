"""Net-T as a method: it reconstructs normal-light pictures, and enhances nothing."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from lle.engine.method import Batch, Losses, Method
from lle.methods.net_t.config import Config
from lle.methods.net_t.network import NetT


class NetTMethod(Method):
    """L1 between a normal-light picture and its reconstruction. It never sees a low-light picture."""

    stream = "normal"
    network: NetT
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = NetT(config.channels, config.blocks)

    def forward(self, low: Tensor) -> Tensor:
        """Reconstructs B x 3 x H x W as dark or as bright as it is."""
        return self.network(low)

    def loss(self, batch: Batch) -> Losses:
        """The one term of a `normal` batch."""
        return {"l1": F.l1_loss(self.network(batch["normal"]), batch["normal"])}
