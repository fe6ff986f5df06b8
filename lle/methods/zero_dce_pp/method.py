"""Zero-DCE++: Zero-DCE on a small copy of the picture, with separable convolutions and one curve."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lle.engine.method import Batch, Losses, Method, Phase, Stream
from lle.losses.zero_reference import zero_reference
from lle.methods.zero_dce_pp.config import Config
from lle.methods.zero_dce_pp.network import Network
from lle.nn.dce import apply_curves


class ZeroDcePp(Method):
    """Li, Guo, Loy, TPAMI 2021."""

    stream = "low"
    # The curve map is stretched corner to corner over the whole picture: a tile gets another map than its place in the whole.
    scope = "global"
    network: Network
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Network(config.width, config.curves, config.scale)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch, see `Method.forward`."""
        enhanced: Tensor = self.network(low)
        return enhanced

    def phases(self) -> Sequence[Phase]:
        """One phase on low-light pictures alone."""
        return (Phase("fit", self.updates(), streams={"train": Stream("low", resize=self.config.resize)}),)

    def loss(self, batch: Batch) -> Losses:
        """The losses of Zero-DCE; total variation counts one curve instead of eight."""
        c, low = self.config, batch["low"]
        curves = self.network.curves(low, c.train_scale)
        return zero_reference(c, low, apply_curves(low, curves, c.curves), curves)
