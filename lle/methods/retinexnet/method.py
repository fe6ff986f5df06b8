"""RetinexNet: decompose pairs into a common reflectance and two illuminations, then learn to relight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method, Phase, Update, load_strict
from lle.errors import WeightsError
from lle.losses.gradients import gradients
from lle.losses.gt_mean import gt_mean
from lle.methods.retinexnet.config import Config
from lle.methods.retinexnet.network import RetinexNet
from lle.nn.color import grey

_NAMES = {
    "net1_conv0": "decomposition.head",
    "net1_convs": "decomposition.body",
    "net1_recon": "decomposition.tail",
    "net2_conv0_1": "relight.head",
    **{f"net2_conv1_{k + 1}": f"relight.down.{k}" for k in range(3)},
    **{f"net2_deconv1_{k + 1}": f"relight.up.{k}" for k in range(3)},
    "net2_fusion": "relight.fusion",
    "net2_output": "relight.output",
}


def smoothness(illumination: Tensor, reflectance: Tensor) -> Tensor:
    """Mean gradient of an illumination, counted less where the reflectance has edges; a scalar (equation 5).

    Args:
        illumination: B x 1 x H x W.
        reflectance: B x 3 x H x W.
    """
    terms = []
    for own, other in zip(gradients(illumination), gradients(grey(reflectance)), strict=True):
        edges = F.avg_pool2d(other.abs(), 3, stride=1, padding=1)
        terms.append((own.abs() * torch.exp(-10 * edges)).mean())
    return terms[0] + terms[1]


class DeepRetinex(Method):
    """RetinexNet (Wei et al., BMVC 2018)."""

    stream = "paired"
    network: RetinexNet
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = RetinexNet(config.width, config.fusion, config.padding)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def decomposition_loss(self, batch: Batch) -> Losses:
        """Each picture is rebuilt from its illumination and either reflectance; reflectances agree, illuminations are smooth."""
        low, high = batch["low"], batch["normal"]
        (r_low, i_low), (r_high, i_high) = self.network.decomposition(low), self.network.decomposition(high)
        weights = self.config
        return {
            "rebuild": F.l1_loss(r_low * i_low, low) + F.l1_loss(r_high * i_high, high),
            "mutual": weights.mutual * (F.l1_loss(r_high * i_low, low) + F.l1_loss(r_low * i_high, high)),
            "reflectance": weights.reflectance * F.l1_loss(r_low, r_high),
            "smooth": weights.smooth_decomposition * (smoothness(i_low, r_low) + smoothness(i_high, r_high)),
        }

    def relight_loss(self, batch: Batch) -> Losses:
        """The low picture's reflectance under the new, smooth illumination is the normal picture."""
        with torch.no_grad():
            reflectance, illumination = self.network.decomposition(batch["low"])
        relit = self.network.relight(reflectance, illumination)
        return {
            **gt_mean(_rebuild, reflectance * relit, batch["normal"], self.config.gt_mean),
            "smooth": self.config.smooth_relight * smoothness(relit, reflectance),
        }

    def phases(self) -> Sequence[Phase]:
        """Decomposition, then relighting with the decomposition frozen."""
        return (
            Phase("decompose", (Update("decompose", self.decomposition_loss, moves=(self.network.decomposition,)),)),
            Phase("relight", (Update("relight", self.relight_loss, moves=(self.network.relight,)),)),
        )

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the two state dicts of the PyTorch version, whatever their files are called; needs `fusion: concat`."""
        if len(files) != 2:
            raise WeightsError(f"RetinexNet has two files of weights (Decom, Relight), got {len(files)}: {', '.join(sorted(files))}")
        load_strict(self.network, {key: value for state in files.values() for key, value in state.items()}, _rename)


def _rebuild(enhanced: Tensor, normal: Tensor) -> Losses:
    return {"rebuild": F.l1_loss(enhanced, normal)}


def _rename(key: str) -> str:
    stem, _, rest = key.partition(".")
    return f"{_NAMES.get(stem, stem)}.{rest}"
