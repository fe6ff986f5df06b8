"""PairLIE: two dark exposures of a scene have one reflectance; no picture in normal light is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method, Phase, Stream, load_strict
from lle.errors import WeightsError
from lle.methods.pairlie.config import Config
from lle.methods.pairlie.network import PairLIE

_PARTS = {"N_net": "clean", "L_net": "illumination", "R_net": "reflectance"}


def wide_variation(image: Tensor) -> Tensor:
    """Mean absolute difference to the pixel two to the right plus that to the pixel two below; a scalar, 0 for a constant."""
    return (image[..., 2:] - image[..., :-2]).abs().mean() + (image[..., 2:, :] - image[..., :-2, :]).abs().mean()


class PairedLowLight(Method):
    """PairLIE (Fu et al., CVPR 2023)."""

    network: PairLIE
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = PairLIE(config.width, config.exponent)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def phases(self) -> Sequence[Phase]:
        """One phase, on low pictures alone or with their partners."""
        kind = "low" if self.config.second == "darker" else "paired"
        return (Phase("fit", self.updates(), streams={"train": Stream(kind, augment=self.config.augment)}),)

    def darker(self, low: Tensor) -> Tensor:
        """Makes a darker exposure with noise of its own, B x 3 x H x W in [0, 1]."""
        factor = self.config.darkest + (1 - self.config.darkest) * torch.rand(low.shape[0], 1, 1, 1, device=low.device)
        exposed = low * factor
        return (exposed + self.config.noise * exposed.sqrt() * torch.randn_like(exposed)).clamp(0, 1)

    def loss(self, batch: Batch) -> Losses:
        """Equal reflectances of both exposures; a Retinex decomposition of the first, which stays near itself when it is cleaned."""
        low, weights = batch["low"], self.config
        second = self.darker(low) if weights.second == "darker" else batch["normal"]
        cleaned, illumination, reflectance = self.network.decompose(low)
        other = self.network.decompose(second)[2]
        retinex = (
            F.mse_loss(illumination * reflectance, cleaned)
            + F.mse_loss(reflectance, cleaned / illumination.detach())
            + F.mse_loss(illumination, low.amax(dim=1, keepdim=True))
            + wide_variation(illumination)
        )
        return {
            "consistency": weights.consistency_weight * F.mse_loss(reflectance, other),
            "retinex": weights.retinex_weight * retinex,
            "projection": weights.projection_weight * F.mse_loss(cleaned, low),
        }

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the authors' file, whose layers are `N_net.N_net.1`, `.4`, ... `.13` and so on."""
        if len(files) != 1:
            raise WeightsError(f"expected one file of weights, got {len(files)}: {', '.join(sorted(files))}")
        load_strict(self.network, next(iter(files.values())), _rename)


def _rename(key: str) -> str:
    # Padding, convolution and activation are numbered in one sequence.
    found = re.fullmatch(r"(\w_net)\.\1\.(\d+)\.(\w+)", key)
    return f"{_PARTS[found[1]]}.convs.{int(found[2]) // 3}.{found[3]}" if found and found[1] in _PARTS else key
