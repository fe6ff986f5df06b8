"""SCI: a self-calibrated cascade that is trained as several stages and used as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method, load_strict
from lle.errors import WeightsError
from lle.losses.illumination import smoothness
from lle.methods.sci.config import Config
from lle.methods.sci.network import Calibrator, Network, stages


class Sci(Method):
    """Ma et al., CVPR 2022."""

    stream = "low"
    network: Network
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Network()
        self.calibrate = Calibrator(config.width)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch, see `Method.forward`."""
        enhanced: Tensor = self.network(low)
        return enhanced

    def loss(self, batch: Batch) -> Losses:
        """Equations 6 and 7 of the paper, summed over the stages."""
        found = stages(self.network, self.calibrate, batch["low"], self.config.stages)
        fidelity = torch.stack([F.mse_loss(illumination, image) for image, illumination in found]).sum()
        smooth = torch.stack([smoothness(illumination, image, self.config.sigma) for image, illumination in found]).sum()
        return {"fidelity": self.config.fidelity_weight * fidelity, "smooth": self.config.smooth_weight * smooth}

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the authors' weights; their files list every shared block twice, and may leave the calibrator out."""
        if len(files) != 1:
            raise WeightsError(f"expected one file of weights, got {len(files)}: {', '.join(sorted(files))}")
        state = {key.removeprefix("module."): value for key, value in next(iter(files.values())).items()}

        def part(prefix: str) -> dict[str, Any]:
            copies = f"{prefix}blocks."
            return {
                key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix) and not key.startswith(copies)
            }

        foreign = [key for key in state if not key.startswith(("enhance.", "calibrate."))]
        if foreign:
            raise WeightsError(f"these are no weights of SCI: unknown key '{foreign[0]}'")
        load_strict(self.network, part("enhance."))
        if calibrate := part("calibrate."):
            load_strict(self.calibrate, calibrate)
