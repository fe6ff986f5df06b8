"""URetinex-Net: an unfolded Retinex decomposition, learnt in three phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method, Phase, Update, load_strict
from lle.errors import WeightsError
from lle.losses.feature_mse import feature_mse, frozen_features
from lle.losses.gradients import gradient_l1
from lle.losses.gt_mean import gt_mean
from lle.losses.ssim import ssim_loss
from lle.losses.tv import total_variation
from lle.methods.uretinex_net.config import Config
from lle.methods.uretinex_net.network import Decomposition, URetinexNet

# Our module, the file of weights that holds it when they lie side by side, and its place in the authors' nested checkpoints.
_PARTS = {
    "decompose": ("init_low", ("init_low", "model_R")),
    "reflectance": ("unfolding_model_R", ("unfolding", "model_R")),
    "illumination": ("unfolding_model_L", ("unfolding", "model_L")),
    "adjust": ("L_adjust_model_A", ("L_adjust", "model_A")),
}


class UnfoldedRetinex(Method):
    """URetinex-Net (Wu et al., CVPR 2022)."""

    stream = "paired"
    scope = "global"
    network: URetinexNet
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = URetinexNet(config.width, config.rounds, config.gamma, config.lamda, config.offset, config.ratio)
        self.decompose_high = Decomposition(config.width)
        self.perceptual = frozen_features(config.perceptual)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def _decomposition_loss(self, image: Tensor, network: Decomposition) -> Losses:
        reflectance, illumination = network(image)
        return {
            "rebuild": F.l1_loss(reflectance * illumination, image),
            "brightness": self.config.illumination_weight * F.mse_loss(illumination, image.amax(dim=1, keepdim=True)),
        }

    def low_loss(self, batch: Batch) -> Losses:
        """The low picture is the product of its parts, its illumination near its brightest channel."""
        return self._decomposition_loss(batch["low"], self.network.decompose)

    def high_loss(self, batch: Batch) -> Losses:
        """The same for the normal picture, with the network that later gives the targets."""
        return self._decomposition_loss(batch["normal"], self.decompose_high)

    def unfolding_loss(self, batch: Batch) -> Losses:
        """In every round the reflectance nears the normal picture's and the illumination stays smooth; means over rounds."""
        with torch.no_grad():
            target = self.decompose_high(batch["normal"])[0]
        rounds = self.network.unfold(batch["low"])
        weights = self.config

        def mean(values: list[Tensor]) -> Tensor:
            return torch.stack(values).mean()

        last = rounds[-1][0]
        return {
            "reflectance": mean([F.mse_loss(r, target) for r, _, _ in rounds]),
            "ssim": weights.ssim_weight * mean([ssim_loss(r, target) for r, _, _ in rounds]),
            "perceptual": weights.perceptual_weight * feature_mse(self.perceptual, last, target),
            "illumination": mean([F.mse_loss(lit, q) for _, lit, q in rounds]),
            "smooth": weights.smooth_weight * mean([total_variation(lit) for _, lit, _ in rounds]),
        }

    def adjustment_loss(self, batch: Batch) -> Losses:
        """The illumination raised by the true ratio equals the normal picture's, and the product the normal picture."""
        with torch.no_grad():
            reflectance, illumination, _ = self.network.unfold(batch["low"])[-1]
            target = self.decompose_high(batch["normal"])[1]
            # The ratio as the authors measure it when the normal picture is known.
            ratio = 1 / ((illumination / (target + 1e-4)).mean(dim=(1, 2, 3), keepdim=True) + 1e-4)
        adjusted = self.network.adjust(illumination, ratio)
        return {
            "illumination": F.mse_loss(adjusted, target),
            "gradient": gradient_l1(adjusted, target),
            **gt_mean(_structure, reflectance * adjusted, batch["normal"], self.config.gt_mean),
        }

    def phases(self) -> Sequence[Phase]:
        """Initial decomposition of both pictures, unfolding, adjustment; each with what came before frozen."""
        network = self.network
        return (
            Phase(
                "initialise",
                (
                    Update("low", self.low_loss, moves=(network.decompose,)),
                    Update("high", self.high_loss, moves=(self.decompose_high,)),
                ),
            ),
            Phase("unfold", (Update("unfold", self.unfolding_loss, moves=(network.reflectance, network.illumination)),)),
            Phase("adjust", (Update("adjust", self.adjustment_loss, moves=(network.adjust,)),)),
        )

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the authors' files: init_low, unfolding and L_adjust as they are, or their parts in a file each.

        `init_high`, which only training needs, may be there too.
        """
        for name, (flat, nested) in _PARTS.items():
            load_strict(self.network.get_submodule(name), _find(files, flat, *nested))
        if "init_high" in files:
            load_strict(self.decompose_high, _find(files, "init_high", "init_high", "model_R"))


def _structure(enhanced: Tensor, normal: Tensor) -> Losses:
    return {"ssim": ssim_loss(enhanced, normal)}


def _find(files: Mapping[str, Mapping[str, Any]], flat: str, stem: str, model: str) -> Mapping[str, Any]:
    """Returns the state dict of one part: the file `flat` as it is, or the entry `model` of the checkpoint `stem`."""
    checkpoint = files.get(stem, {})
    # The command line has taken the outermost dictionary off already.
    checkpoint = checkpoint.get("state_dict", checkpoint)
    if model in checkpoint:
        state: Mapping[str, Any] = checkpoint[model]
        return state
    if flat in files:
        return files[flat]
    raise WeightsError(
        f"URetinex-Net needs the authors' init_low, unfolding and L_adjust; '{model}' of '{stem}' is not among {', '.join(sorted(files))}."
    )
