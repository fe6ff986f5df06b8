"""CLIP-ISP: four filters and a detail network, guided by CLIP."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle.clip.guided import ClipGuided
from lle.engine.method import Losses, Phase, TrainingData
from lle.methods.clip_isp.config import Config
from lle.methods.clip_isp.labels import Exposed, ExposedLabels
from lle.methods.clip_isp.network import SHARPEN_START, FilterParameters, IspNet, Steps

HISTORY = 4
"""In-between results in eq. 5: I_en0 to I_en3."""


class ClipIsp(ClipGuided):
    """CLIP-Optimized Multimodal Image Enhancement via ISP-CNN Fusion (arXiv 2502.19450).

    Args:
        config: its settings.
    """

    network: IspNet
    guides: Tensor

    def __init__(self, config: Config) -> None:
        network = IspNet(config.gamma_range, config.view, config.gain_range, config.detail_range, config.detail_scale)
        super().__init__(config, network, HISTORY)
        self.own = config
        # The prompts that guided each network that is kept, and those of the latest one, which comes last.
        shape = self.prompts.embedding.shape
        self.register_buffer("guides", torch.zeros(len(self.snapshots) + 1, *shape))

    def phases(self) -> Sequence[Phase]:
        """The common phases on the labels that the settings ask for, the detail network at its own learning rate."""
        return [self._own(phase) for phase in super().phases()]

    def _own(self, phase: Phase) -> Phase:
        exposures = Exposed(self.own.label_stops) if self.own.label_stops else None
        streams = {
            name: dataclasses.replace(stream, kind=self.own.labels, transform=exposures) for name, stream in self.streams(phase).items()
        }
        factors = {"network.detail": self.own.detail_lr_factor} if phase.name.startswith("enhance_") else {}
        return dataclasses.replace(
            phase, streams=streams, updates=tuple(dataclasses.replace(update, lr_factors=factors) for update in phase.updates)
        )

    def prepare(self, data: TrainingData) -> None:
        """Measures how the labels look."""
        super().prepare(ExposedLabels(data, self.own.label_stops) if self.own.label_stops else data)

    def on_phase_end(self, phase: Phase) -> None:
        """Keeps, beside what every guided method keeps, the prompts that guide the next enhancement."""
        super().on_phase_end(phase)
        if phase.name == "prompts" or phase.name.startswith("refine_"):
            self.guides.copy_(torch.cat([self.guides[1:], self.prompts.embedding.detach()[None]]))

    def rounds(self) -> list[tuple[Tensor, nn.Module]]:
        """Returns the prompts that guided each enhancement that is kept, 2 x tokens x width, with its network; the latest comes last."""
        networks = [*self.earlier(), self.network]
        return list(zip(self.guides[len(self.guides) - len(networks) :], networks, strict=True))

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
        """I_en0 to I_en3: results of earlier rounds, the latest ones last.

        The first rounds have fewer than four. What the oldest network makes on its way, after each of its filters, stands before its
        result then, so that every hinge of eq. 5 has two pictures to compare from the first refinement on.
        """
        if self.own.refine_source == "filters":
            return list(self.network.steps(low).filtered)
        earlier = self.earlier()
        oldest = earlier[0] if earlier else self.network
        assert isinstance(oldest, IspNet)
        return [*oldest.steps(low).filtered[: HISTORY - len(earlier)], *(network(low) for network in earlier)]

    def margins(self, low: Tensor, steps: Sequence[Tensor], normal: Tensor) -> Losses:
        """Eq. 4-5, max(0, S_i) by its name, each averaged over the batch.

        S0 = P0 - (r(T) - r(F)); S1 = P1 - (r(T) - r(en)), where the paper prints r(F) again; then S2 = P2 - (r(en) - r(en3)),
        S3 = P2 - (r(en3) - r(en2)) and so on.
        """
        config = self.own
        ranked = list(itertools.pairwise(reversed(steps)))
        hinges = [config.p0 - (normal - low), config.p1 - (normal - steps[-1]), *(config.p2 - (better - worse) for better, worse in ranked)]
        return {f"S{number}": F.relu(hinge).mean() for number, hinge in enumerate(hinges)}
