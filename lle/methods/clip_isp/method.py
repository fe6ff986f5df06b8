"""CLIP-ISP: four filters and a detail network, guided by CLIP."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle.clip.guided import ClipGuided
from lle.engine.method import Losses, Phase
from lle.methods.clip_isp.config import Config
from lle.methods.clip_isp.network import SHARPEN_START, FilterParameters, IspNet, Steps

HISTORY = 4
"""Earlier rounds in eq. 5: I_en0 to I_en3."""


class ClipIsp(ClipGuided):
    """CLIP-Optimized Multimodal Image Enhancement via ISP-CNN Fusion (arXiv 2502.19450).

    Args:
        config: its settings.
    """

    network: IspNet

    def __init__(self, config: Config) -> None:
        super().__init__(config, IspNet(config.gamma_range, config.view, config.gain_range, config.detail_range), HISTORY)
        self.own = config

    def phases(self) -> Sequence[Phase]:
        """The common phases, the detail network at its own learning rate."""
        factors = {"network.detail": self.own.detail_lr_factor}
        return [
            dataclasses.replace(phase, updates=tuple(dataclasses.replace(update, lr_factors=factors) for update in phase.updates))
            if phase.name.startswith("enhance")
            else phase
            for phase in super().phases()
        ]

    def estimate(self, view: Tensor) -> FilterParameters:
        """The filters' parameters for whole pictures, B x 3 x H x W."""
        return self.network.estimate(view)

    def enhance_with(self, low: Tensor, parameters: FilterParameters) -> Tensor:
        """Filters parts of pictures, B x 3 x H x W, alike, and adds their own details."""
        return self.network.steps(low, parameters).enhanced

    def shown_map(self, network: nn.Module, low: Tensor) -> Tensor:
        """The detail map M, B x 3 x H x W."""
        assert isinstance(network, IspNet)
        return network.steps(low).detail

    def enhanced(self, low: Tensor) -> tuple[Tensor, Losses]:
        """Enhances a batch; the detail map is kept small by lambda_map mean|M|, the filters near what changes nothing."""
        steps: Steps = self.network.steps(low)
        losses: Losses = {}
        if self.own.lambda_map:
            losses["map"] = self.own.lambda_map * steps.detail.abs().mean()
        if self.own.lambda_filters:
            chosen = steps.parameters
            colour = chosen.gains.log()
            losses["filters"] = self.own.lambda_filters * (
                (colour**2).mean() + (chosen.contrast**2).mean() + ((chosen.sharpen - SHARPEN_START) ** 2).mean()
            )
        return steps.enhanced, losses

    def guidance(self, image_features: Tensor) -> Tensor:
        """-ln of the softmax over both prompts (eq. 3, read with the current pair in numerator and denominator)."""
        logits = self.prompts.logits(self.clip(), image_features)
        return F.cross_entropy(logits, torch.ones(len(logits), dtype=torch.long, device=logits.device))

    def between(self, low: Tensor) -> list[Tensor]:
        """I_en0 to I_en3, as far as they exist."""
        if self.own.refine_source == "filters":
            return list(self.network.steps(low).filtered)
        return super().between(low)

    def margins(self, low: Tensor, steps: Sequence[Tensor], normal: Tensor) -> Tensor:
        """Eq. 4-5, the sum of max(0, S_i) averaged over the batch.

        S0 = P0 - (r(T) - r(F)); S1 = P1 - (r(T) - r(en)), where the paper prints r(F) again; then P2 - (r(en) - r(en3)),
        P2 - (r(en3) - r(en2)) and so on, as far as there are earlier results.
        """
        config = self.own
        hinges = [config.p0 - (normal - low), config.p1 - (normal - steps[-1])]
        hinges += [config.p2 - (better - worse) for worse, better in itertools.pairwise(steps)]
        return torch.stack([F.relu(hinge) for hinge in hinges]).sum(0).mean()
