"""Training an enhancement network by a frozen CLIP: learned prompts, guidance, and rounds of refining both.

CLIP-LIT (Liang et al., ICCV 2023) and CLIP-ISP (arXiv 2502.19450) share this schedule; they differ in their network, in the
margins of the refinement and in how the guidance is weighed.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle.clip.backbone import Clip, load
from lle.clip.prompts import PromptPair
from lle.config.clip import GuidedConfig
from lle.engine.method import Batch, Frozen, Losses, Method, Phase, Stream, TrainingData, Update

CONTENT_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.5)
"""Weights of the image tower's maps from early to late [CLIP-LIT, clip_score.py]."""


LOOKED_AT = 100
"""Normal-light photographs whose look is measured."""


def look_of(pictures: Tensor) -> Tensor:
    """Measures how pictures look.

    Args:
        pictures: B x 3 x H x W in [0, 1].

    Returns:
        B x 3: mean of the grey values, their standard deviation, mean of the difference between the largest and smallest channel.
    """
    grey = pictures.mean(1).flatten(1)
    colour = (pictures.amax(1) - pictures.amin(1)).flatten(1)
    return torch.stack([grey.mean(1), grey.std(1), colour.mean(1)], 1)


def _tiles(picture: np.ndarray, side: int) -> Tensor:
    """Cuts a picture, H x W x 3 uint8, into squares without overlap, N x 3 x side x side in [0, 1]; a smaller one stays whole."""
    image = torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
    if min(image.shape[1:]) < side:
        return image[None]
    return image.unfold(1, side, side).unfold(2, side, side).permute(1, 2, 0, 3, 4).reshape(-1, 3, side, side)


class ClipGuided(Method):
    """Base of both methods.

    Phases: `prompts`; what a method adds in `warm_up`; `enhance_0`; then for each round k `refine_k` and `enhance_k`. The
    networks of earlier rounds stand in the state dict, so that an interrupted run resumes with them.

    Args:
        config: its settings.
        network: the enhancement network, from pictures to pictures.
        history: earlier rounds that the refinement looks back to.
    """

    stream = "unpaired"
    scope = "global"
    layout = torch.channels_last
    network: nn.Module
    filled: Tensor
    first_prompts: Tensor
    look_mean: Tensor
    look_spread: Tensor

    def __init__(self, config: GuidedConfig, network: nn.Module, history: int) -> None:
        super().__init__(config)
        self.settings = config
        self.network = network
        self.prompts = PromptPair(config.backbone, config.logit_scale)
        # The prompts before any refinement, for those who want to see what refinement taught them.
        self.register_buffer("first_prompts", torch.zeros_like(self.prompts.embedding.detach()))
        # Oldest first; as many as `filled` says are there.
        self.snapshots = nn.ModuleList(copy.deepcopy(network).requires_grad_(False) for _ in range(min(history, config.rounds)))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))
        # Mean and spread of `look_of` over normal-light crops; an infinite spread, before they are measured, asks for nothing.
        self.register_buffer("look_mean", torch.zeros(3))
        self.register_buffer("look_spread", torch.full((3,), torch.inf))
        self._texts: Tensor | None = None
        self._clip = Frozen(lambda: load(config.backbone))
        self._content = self._clip if config.content_backbone is None else Frozen(lambda: load(config.content_backbone or config.backbone))

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def tags(self) -> dict[str, str]:
        """Which CLIP guided the training."""
        return {"clip_backbone": self.settings.backbone.title}

    def clip(self) -> Clip:
        """The frozen CLIP, on the device of the prompts; loaded when first asked for."""
        return self._clip.on(self.prompts.embedding.device)  # type: ignore[return-value]

    def phases(self) -> Sequence[Phase]:
        """Prompts, then enhancement and refinement in turn."""
        settings = self.settings
        prompt_streams = {"train": Stream("unpaired", batch_size=settings.prompt_batch_size, crop=settings.prompt_crop)}
        enhance = (Update("enhance", self.enhance_loss, moves=(self.network,)),)
        phases = [
            Phase(
                "prompts",
                (Update("prompts", self.pairing_loss, moves=(self.prompts,), lr=settings.prompt_lr),),
                settings.prompt_iterations,
                prompt_streams,
            ),
            *self.warm_up(),
            Phase("enhance_0", enhance),
        ]
        for number in range(1, settings.rounds + 1):
            refine = Update("refine", self.refine_loss, moves=(self.prompts,), lr=settings.prompt_lr)
            phases.append(Phase(f"refine_{number}", (refine,), settings.refine_iterations, prompt_streams))
            phases.append(Phase(f"enhance_{number}", enhance))
        return phases

    def warm_up(self) -> Sequence[Phase]:
        """Phases between the prompts' first training and the first enhancement."""
        return ()

    def prepare(self, data: TrainingData) -> None:
        """Measures how normal-light photographs look, in crops of the size that training sees."""
        if not self.settings.lambda_look:
            return
        looks = torch.cat([look_of(_tiles(picture, self.settings.crop)) for picture in data.normals(LOOKED_AT)])
        self.look_mean.copy_(looks.mean(0))
        self.look_spread.copy_(looks.std(0).clamp(min=0.01))

    def on_phase_start(self, phase: Phase) -> None:
        """Gives the prompts their first words before they are trained for the first time."""
        if phase.name == "prompts":
            self.prompts.start(self.clip(), self.settings.prompt_init)

    def on_phase_end(self, phase: Phase) -> None:
        """Keeps the first prompts, and the network of a round when the prompts have been refined against it.

        The next round's results are compared with that network's.
        """
        if phase.name == "prompts":
            self.first_prompts.copy_(self.prompts.embedding.detach())
        if phase.name.startswith("refine_") and len(self.snapshots):
            for older, newer in zip(self.snapshots, [*self.snapshots[1:], self.network], strict=True):
                older.load_state_dict(newer.state_dict())
            self.filled.add_(1).clamp_(max=len(self.snapshots))

    def unrefined(self) -> tuple[PromptPair, nn.Module]:
        """Returns the prompts before any refinement, and the oldest network that is kept: with one round, the unrefined one."""
        prompts = PromptPair(self.settings.backbone, self.settings.logit_scale).requires_grad_(False)
        prompts.embedding.copy_(self.first_prompts)
        return prompts, next(iter(self.earlier()), self.network)

    def shown_map(self, network: nn.Module, low: Tensor) -> Tensor:
        """The map inside a network that tells best what it does to pictures, B x 3 x H x W to B x C x H x W; for figures."""
        raise NotImplementedError

    def earlier(self) -> list[nn.Module]:
        """Networks of earlier rounds, the oldest first."""
        return list(self.snapshots)[len(self.snapshots) - int(self.filled) :]

    def pairing_loss(self, batch: Batch) -> Losses:
        """Two-way cross entropy between low and normal light (eq. 1-2, with the minus sign that its second line lacks)."""
        clip = self.clip()
        pictures = self.shown(torch.cat([batch["low"], batch["normal"]]))
        with torch.no_grad():
            features = clip.image_features(pictures)
        target = torch.arange(2, device=pictures.device).repeat_interleave(len(batch["low"]))
        return {"pairing": F.cross_entropy(self.prompts.logits(clip, features), target)}

    def shown(self, pictures: Tensor) -> Tensor:
        """What CLIP sees of a training batch, B x 3 x H x W: with `colour_blind` its channels in one order, drawn anew each time."""
        return pictures[:, torch.randperm(3)] if self.settings.colour_blind else pictures

    def normality(self, pictures: Tensor) -> Tensor:
        """r(i): how normally lit the prompts find pictures, B x 3 x H x W in [0, 1]; B, each in (0, 1)."""
        clip = self.clip()
        with torch.no_grad():
            features = clip.image_features(pictures)
        return self.prompts.normality(clip, features)

    def text_loss(self, image_features: Tensor) -> Tensor:
        """Cross entropy of the first of `texts` among all of them; the texts' features are read once."""
        settings = self.settings
        if self._texts is None or self._texts.device != image_features.device:
            with torch.no_grad():
                self._texts = self.clip().text_features(settings.texts)
        logits = settings.logit_scale * image_features @ self._texts.T
        return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=logits.device))

    def guidance(self, image_features: Tensor) -> Tensor:
        """The loss by which the prompts guide the network, unweighted, from the results' features, B x D."""
        raise NotImplementedError

    def margins(self, low: Tensor, steps: Sequence[Tensor], normal: Tensor) -> Losses:
        """The hinges of the refinement: named terms, each the mean over the batch.

        Args:
            low: r of the inputs, B.
            steps: r of what ranks between, from the worst to the best (the latest result), each B.
            normal: r of normal-light pictures, B.
        """
        raise NotImplementedError

    def enhance_loss(self, batch: Batch) -> Losses:
        """Guidance by CLIP, and what keeps the content."""
        low = batch["low"]
        enhanced, losses = self.enhanced(low)
        features = self.clip().image_features(self.shown(enhanced))
        losses["clip"] = self.settings.lambda_clip * self.guidance(features)
        if self.settings.lambda_text:
            losses["text"] = self.settings.lambda_text * self.text_loss(features)
        if self.settings.content != "none":
            losses["content"] = self.settings.lambda_id * self.content(enhanced, low, CONTENT_WEIGHTS)
        if self.settings.lambda_look:
            far = (look_of(enhanced) - self.look_mean).abs() / self.look_spread - self.settings.look_tolerance
            losses["look"] = self.settings.lambda_look * F.relu(far).square().mean()
        if self.settings.lambda_lit:
            normal = batch["normal"]
            losses["lit"] = self.settings.lambda_lit * F.l1_loss(self.network(normal), normal)
        return losses

    def enhanced(self, low: Tensor) -> tuple[Tensor, Losses]:
        """Enhances a training batch; returns terms that need the network's inside with it."""
        return self.network(low), {}

    def content(self, enhanced: Tensor, low: Tensor, weights: Sequence[float]) -> Tensor:
        """Distance of the result from the input: of pixels, or of an image tower's maps (CLIP-LIT's identity loss)."""
        if self.settings.content == "pixels":
            return F.mse_loss(enhanced, low)
        tower: Any = self._content.on(low.device)
        with torch.no_grad():
            wanted = tower.image_maps(low)
        maps = tower.image_maps(enhanced)
        return torch.stack([w * F.mse_loss(a, b) for w, a, b in zip(weights, maps, wanted, strict=False)]).sum()

    def between(self, low: Tensor) -> list[Tensor]:
        """Pictures that rank between the input and the latest result, the worst first."""
        return [network(low) for network in self.earlier()]

    def refine_loss(self, batch: Batch) -> Losses:
        """Ranks input, earlier results, latest result and normal light by hinges; only the prompts move."""
        with torch.no_grad():
            steps = [*self.between(batch["low"]), self.network(batch["low"])]
        ranks = self.normality(self.shown(torch.cat([batch["low"], *steps, batch["normal"]])))
        low, *middle, normal = ranks.split(len(batch["low"]))
        return self.margins(low, middle, normal)
