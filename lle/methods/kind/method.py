"""KinD: decompose, restore the reflectance, adjust the illumination; a training each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method, Phase, Stream, Update
from lle.losses.gradients import gradient_mse, gradients
from lle.losses.gt_mean import gt_mean
from lle.losses.ssim import ssim_loss
from lle.methods.kind.config import Config
from lle.methods.kind.network import Kind, consistency, relative_smoothness
from lle.nn.color import grey


class KindlingTheDarkness(Method):
    """KinD (Zhang et al., ACM MM 2019)."""

    stream = "paired"
    network: Kind
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Kind(config.width, config.ratio)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def decomposition_loss(self, batch: Batch) -> Losses:
        """Both pictures are rebuilt, reflectances agree, illuminations have strong edges in common or none."""
        low, high = batch["low"], batch["normal"]
        (r_low, i_low), (r_high, i_high) = self.network.decomposition(low), self.network.decomposition(high)
        edges = list(zip(*(gradients(x) for x in (i_low, i_high, grey(low), grey(high))), strict=True))
        weights = self.config
        return {
            "rebuild": F.l1_loss(r_low * i_low, low) + F.l1_loss(r_high * i_high, high),
            "reflectance": weights.reflectance * F.l1_loss(r_low, r_high),
            "mutual": weights.mutual * torch.stack([consistency(a, b) for a, b, _, _ in edges]).sum(),
            "smooth": weights.smooth * torch.stack([relative_smoothness(a, c) + relative_smoothness(b, d) for a, b, c, d in edges]).sum(),
        }

    def restoration_loss(self, batch: Batch) -> Losses:
        """The restored reflectance equals the normal picture's, made a little more contrasty."""
        with torch.no_grad():
            reflectance, illumination = self.network.decomposition(batch["low"])
            target = self.network.decomposition(batch["normal"])[0] ** self.config.contrast
        restored = self.network.restore(reflectance, illumination)
        return gt_mean(_restoration, restored, target, self.config.gt_mean)

    def adjustment_loss(self, batch: Batch) -> Losses:
        """One illumination turns into the other, given the mean quotient of the two; up and down alike."""
        with torch.no_grad():
            low = self.network.decomposition(batch["low"])[1]
            high = self.network.decomposition(batch["normal"])[1]
        down = torch.rand(low.shape[0], 1, 1, 1, device=low.device) < 0.5
        source, target = torch.where(down, high, low), torch.where(down, low, high)
        ratio = (target / (source + 1e-4)).mean(dim=(1, 2, 3), keepdim=True)
        adjusted = self.network.adjustment(source, ratio)
        return {"mse": F.mse_loss(adjusted, target), "gradient": gradient_mse(adjusted, target)}

    def phases(self) -> Sequence[Phase]:
        """Decomposition; then, with it frozen, restoration on larger crops; then adjustment."""
        network, config = self.network, self.config
        larger = Stream("paired", batch_size=config.restore_batch_size, crop=config.restore_crop)
        return (
            Phase("decompose", (Update("decompose", self.decomposition_loss, moves=(network.decomposition,)),)),
            Phase(
                "restore",
                (Update("restore", self.restoration_loss, moves=(network.restoration,)),),
                iterations=config.restore_iterations,
                streams={"train": larger},
                steps=config.restore_steps,
            ),
            Phase("adjust", (Update("adjust", self.adjustment_loss, moves=(network.adjustment,)),)),
        )


def _restoration(restored: Tensor, target: Tensor) -> Losses:
    return {
        "mse": F.mse_loss(restored, target),
        "ssim": ssim_loss(restored, target),
        "gradient": gradient_mse(grey(restored), grey(target)),
    }
