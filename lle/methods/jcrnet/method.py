"""JCRNet as a method: both outputs are compared with the normal-light picture."""

from __future__ import annotations

from torch import Tensor

from lle.engine.method import Batch, Losses, Method
from lle.losses.charbonnier import charbonnier
from lle.methods.jcrnet.config import Config
from lle.methods.jcrnet.loss import edge_loss
from lle.methods.jcrnet.network import JCRNet


class JCRNetMethod(Method):
    """Charbonnier plus edge loss on the final and on the first stage's picture, both unclamped."""

    stream = "paired"
    scope = "global"
    network: JCRNet
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = JCRNet(config.width, config.width_projection)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W; see `Method.forward`."""
        return self.network(low)

    def loss(self, batch: Batch) -> Losses:
        """Terms of a `paired` batch, for each supervised output."""
        final, first = self.network.stages(batch["low"])
        outputs = {"final": final, "first": first} if self.config.supervise_first else {"final": final}
        terms = {}
        for name, output in outputs.items():
            if self.config.w_charbonnier:
                terms[f"charbonnier_{name}"] = self.config.w_charbonnier * charbonnier(output, batch["normal"])
            if self.config.w_edge:
                terms[f"edge_{name}"] = self.config.w_edge * edge_loss(output, batch["normal"])
        return terms
