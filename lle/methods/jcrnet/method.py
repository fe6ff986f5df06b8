"""JCRNet as a method: both outputs are compared with the normal-light picture."""

from __future__ import annotations

import torch
from torch import Tensor

from lle.engine.method import Batch, Losses, Method
from lle.losses.charbonnier import charbonnier
from lle.losses.gt_mean import gt_mean
from lle.methods.jcrnet.config import Config
from lle.methods.jcrnet.loss import edge_loss
from lle.methods.jcrnet.network import JCRNet


class JCRNetMethod(Method):
    """Charbonnier plus edge loss on the final and on the first stage's picture, both unclamped."""

    stream = "paired"
    scope = "global"
    layout = torch.channels_last
    network: JCRNet
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = JCRNet(config.width, config.width_projection)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W; see `Method.forward`."""
        return self.network(low)

    def compare(self, output: Tensor, normal: Tensor) -> Losses:
        """Terms of one output; those of weight 0 are neither computed nor named."""
        terms = {}
        if self.config.w_charbonnier:
            terms["charbonnier"] = self.config.w_charbonnier * charbonnier(output, normal)
        if self.config.w_edge:
            terms["edge"] = self.config.w_edge * edge_loss(output, normal)
        return terms

    def loss(self, batch: Batch) -> Losses:
        """Terms of a `paired` batch, for each supervised output."""
        final, first = self.network.stages(batch["low"])
        outputs = {"final": final, "first": first} if self.config.supervise_first else {"final": final}
        terms: Losses = {}
        for name, output in outputs.items():
            compared = gt_mean(self.compare, output, batch["normal"], self.config.gt_mean)
            terms |= {f"{kind}_{name}": term for kind, term in compared.items()}
        return terms
