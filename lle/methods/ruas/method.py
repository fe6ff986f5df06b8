"""RUAS: illumination and noise cells that learn without references, each by its own optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method, Update
from lle.losses.illumination import smoothness
from lle.losses.tv import total_variation
from lle.methods.ruas.config import Config
from lle.methods.ruas.network import Ruas

_NAMES = {
    "enhance_net.iems.": "enhancer.cells.",
    "denoise_net.nrms.": "denoiser.cells.",
    "denoise_net.activate.0.": "denoiser.tail.",
    "denoise_net.stem.": "denoiser.stem.",
}


class RetinexUnrolling(Method):
    """RUAS (Liu et al., CVPR 2021)."""

    stream = "low"
    network: Ruas
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Ruas(config.stages, config.denoise_cells, config.denoise_width, config.output == "denoised")

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def enhancement_loss(self, batch: Batch) -> Losses:
        """The last illumination stays near the picture and is smooth."""
        low = batch["low"]
        illumination = self.network.enhancer(low)[-1][1]
        return {
            "fidelity": self.config.fidelity * F.mse_loss(illumination, low),
            # RUAS averages over the channels what SCI, by the same authors, sums.
            "smooth": self.config.smooth / 3 * smoothness(illumination, low),
        }

    def denoising_loss(self, batch: Batch) -> Losses:
        """The denoised picture has little variation and stays near the lit one."""
        with torch.no_grad():
            lit = self.network.enhancer(batch["low"])[-1][0]
        clean = self.network.denoiser(lit)
        return {
            "fidelity": self.config.denoise_fidelity * F.mse_loss(clean, lit),
            "variation": 2 * self.config.denoise_tv * total_variation(clean, power=2),
        }

    def updates(self) -> Sequence[Update]:
        """Illumination cells in each iteration, noise cells in every `denoise_every`-th."""
        return (
            Update("enhance", self.enhancement_loss, moves=(self.network.enhancer,)),
            Update(
                "denoise",
                self.denoising_loss,
                moves=(self.network.denoiser,),
                every=self.config.denoise_every,
                lr=self.config.denoise_lr,
            ),
        )

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads one of the authors' checkpoints (lol, upe, dark); set `output` as it was trained for."""
        super().import_weights({stem: {_rename(key): value for key, value in state.items()} for stem, state in files.items()})


def _rename(key: str) -> str:
    for theirs, ours in _NAMES.items():
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs).replace(".cell.", ".")
    return key
