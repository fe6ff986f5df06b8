"""Zero-DCE: curves estimated without any reference picture."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lle.engine.method import Batch, Losses, Method, Phase, Stream
from lle.losses.zero_reference import zero_reference
from lle.methods.zero_dce.config import Config
from lle.methods.zero_dce.network import Network
from lle.nn.dce import apply_curves


class ZeroDce(Method):
    """Guo et al., CVPR 2020."""

    stream = "low"
    network: Network
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Network(config.width, config.curves)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch, see `Method.forward`."""
        enhanced: Tensor = self.network(low)
        return enhanced

    def phases(self) -> Sequence[Phase]:
        """One phase on low-light pictures alone."""
        return (Phase("fit", self.updates(), streams={"train": Stream("low", resize=self.config.resize)}),)

    def loss(self, batch: Batch) -> Losses:
        """Equations 5 to 8 of the paper."""
        low = batch["low"]
        curves = self.network.curves(low)
        return zero_reference(self.config, low, apply_curves(low, curves), curves)
