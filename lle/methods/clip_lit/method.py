"""CLIP-LIT: a network that predicts light, guided by CLIP."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle.clip.guided import LOOKED_AT, ClipGuided
from lle.engine.method import Batch, Losses, Phase, Stream, TrainingData, Update
from lle.errors import DataError
from lle.methods.clip_lit.config import Config
from lle.methods.clip_lit.network import LightNet

HISTORY = 1
"""Earlier rounds in the refinement: the authors rank at most two results, the latest and the one before."""


class ClipLit(ClipGuided):
    """Iterative Prompt Learning for Unsupervised Backlit Image Enhancement (Liang et al., ICCV 2023).

    Args:
        config: its settings.
    """

    network: LightNet

    def __init__(self, config: Config) -> None:
        super().__init__(config, LightNet(identity=config.start != "authors", width=config.width), HISTORY)
        self.own = config

    def phases(self) -> Sequence[Phase]:
        """The common phases, the enhancement ones on whole pictures where `resize` says so."""
        if self.own.resize is None:
            return super().phases()
        streams = {"train": Stream("unpaired", resize=self.own.resize)}
        return [dataclasses.replace(phase, streams=streams) if phase.streams is None else phase for phase in super().phases()]

    def prepare(self, data: TrainingData) -> None:
        """Measures how normal light looks, and starts the light at the brightness that low-light photographs have of it."""
        super().prepare(data)
        if self.own.start != "brightness":
            return
        low, normal = (float(np.mean([picture.mean() for picture in side(LOOKED_AT)])) for side in (data.lows, data.normals))
        if not 0 < low < normal:
            raise DataError(
                f"the low-light pictures of the training split are as bright as its normal-light ones ({low:.0f} and {normal:.0f} of "
                "255), so there is no light to start from. Check the data set, or set methods.clip_lit.start=identity."
            )
        with torch.no_grad():
            self.network.cond_add1.bias.fill_(low / normal)  # type: ignore[union-attr]

    def warm_up(self) -> Sequence[Phase]:
        """The authors' reconstruction phase."""
        if not self.own.reconstruct_iterations:
            return ()
        update = Update("reconstruct", self.reconstruct_loss, moves=(self.network,))
        return (Phase("reconstruct", (update,), self.own.reconstruct_iterations),)

    def reconstruct_loss(self, batch: Batch) -> Losses:
        """The content term alone, all maps alike [train.py]; pixels where the settings name no content term."""
        low = batch["low"]
        enhanced = self.network(low)
        if self.own.content == "features":
            return {"reconstruct": 25 * self.content(enhanced, low, (1.0,) * 5)}
        # Against the light itself: where I / M is clamped to 1 the picture has no gradient left.
        return {"reconstruct": F.mse_loss(enhanced, low) + F.mse_loss(self.network.light_map(low), torch.ones_like(low[:, :1]))}

    def enhanced(self, low: Tensor) -> tuple[Tensor, Losses]:
        """Enhances a batch; the light may be kept smooth."""
        raw = self.network.raw_light(low)
        light = F.relu(raw)
        losses: Losses = {}
        if self.own.lambda_smooth:
            variation = light.diff(dim=-1).abs().mean() + light.diff(dim=-2).abs().mean()
            losses["smooth"] = self.own.lambda_smooth * variation
        if self.own.lambda_floor:
            # Behind both clamps there is no gradient: without this term a light near 0, a white picture, would be for good.
            losses["floor"] = self.own.lambda_floor * F.relu(self.own.floor - raw).mean()
            losses["over"] = self.own.lambda_over * F.relu(low - raw.clamp(min=self.own.floor)).mean()
        return self.network.divide(low, light), losses

    def shown_map(self, network: nn.Module, low: Tensor) -> Tensor:
        """The light M, B x 1 x H x W."""
        assert isinstance(network, LightNet)
        return network.light_map(low)

    def guidance(self, image_features: Tensor) -> Tensor:
        """Mean probability of the low-light prompt, or -ln of the other's, which has a slope on pitch-dark pictures too."""
        logits = self.prompts.logits(self.clip(), image_features)
        if self.own.guidance_form == "log":
            return -F.log_softmax(logits, dim=1)[:, 1].mean()
        return F.softmax(logits, dim=1)[:, 0].mean()

    def margins(self, low: Tensor, steps: Sequence[Tensor], normal: Tensor) -> Losses:
        """The authors' hinges, summed and averaged over the batch.

        With one result: input-normal 0.9, input-result 0.9, result-normal 0.2. With two: input-normal 0.9, input-first 0.9,
        first-second 0.1, second-normal 0.1 [clip_score.py, four_margin_loss].
        """
        if len(steps) == 1:
            hinges = [0.9 - (normal - low), 0.9 - (steps[0] - low), 0.2 - (normal - steps[0])]
        else:
            hinges = [0.9 - (normal - low), 0.9 - (steps[0] - low)]
            hinges += [0.1 - (better - worse) for worse, better in zip(steps, [*steps[1:], normal], strict=True)]
        return {"margins": self.own.refine_scale * torch.stack([F.relu(hinge) for hinge in hinges]).sum(0).mean()}
