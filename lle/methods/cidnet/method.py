"""HVI-CIDNet: intensity and colour in a space that is calm in the dark, learnt from pairs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Frozen, Losses, Method
from lle.losses.feature_mse import frozen_features
from lle.losses.gt_mean import gt_mean
from lle.losses.padded_ssim import padded_ssim_loss
from lle.losses.vgg import IMAGENET, vgg
from lle.methods.cidnet.config import Config
from lle.methods.cidnet.network import CIDNet

# The edge loss of JCRNet has the same residual.
from lle.methods.jcrnet.loss import laplacian

_LAYERS = ("conv1_2", "conv2_2", "conv3_4", "conv4_4")
# The authors map [-1, 1] to [0, 1] first, though their pictures are in [0, 1]: so VGG19 sees them in [0.5, 1].
_SQUEEZED = (tuple(2 * mean - 1 for mean in IMAGENET[0]), tuple(2 * std for std in IMAGENET[1]))


class ColourIntensityDecoupling(Method):
    """HVI-CIDNet (Yan et al., CVPR 2025)."""

    stream = "paired"
    scope = "global"
    network: CIDNet
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = CIDNet(config.width, config.black_pixels == "fixed", config.saturation, config.brightness)
        name = config.perceptual
        self.features = Frozen(lambda: vgg("vgg19", _LAYERS, _SQUEEZED)) if name != "efficientnet_lite0" else frozen_features(name)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def _distances(self, image: Tensor, reference: Tensor) -> Losses:
        weights = self.config
        terms = {
            "l1": F.l1_loss(image, reference),
            "ssim": weights.ssim_weight * padded_ssim_loss(image, reference),
            "edge": weights.edge_weight * laplacian(image - reference).square().mean(),
        }
        if weights.perceptual != "none" and weights.perceptual_weight > 0:
            pairs = zip(self.features(image), self.features(reference), strict=True)
            terms["perceptual"] = weights.perceptual_weight * torch.stack([F.mse_loss(a, b) for a, b in pairs]).sum()
        return terms

    def compare(self, enhanced: Tensor, normal: Tensor) -> Losses:
        """The same distances in RGB and in HVI, where k moves the target, too."""
        terms = self._distances(enhanced, normal)
        in_hvi = self._distances(self.network.trans(enhanced), self.network.trans(normal))
        return terms | {f"hvi_{name}": self.config.hvi_weight * term for name, term in in_hvi.items()}

    def loss(self, batch: Batch) -> Losses:
        """The result is compared with the normal picture."""
        low = batch["low"]
        if self.config.random_gamma:
            low = low ** float(torch.randint(60, 121, ()) / 100)
        return gt_mean(self.compare, self.network(low), batch["normal"], self.config.gt_mean)

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the authors' file, whose modules are `HVE_block0`, `ID_block3`, `I_LCA1` and so on."""
        super().import_weights({stem: {_rename(key): value for key, value in state.items()} for stem, state in files.items()})


def _rename(key: str) -> str:
    found = re.fullmatch(r"(?:module\.)?(HV|I)(E_block|D_block|_LCA)(\d)\.(.+)", key)
    if found is None:
        return key
    branch = "colour" if found[1] == "HV" else "intensity"
    part = {"E_block": "encode", "D_block": "decode", "_LCA": "attend"}[found[2]]
    return f"{branch}.{part}{found[3]}.{found[4]}"
