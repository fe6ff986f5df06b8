"""UNIE: light effects found without supervision, then suppressed by adversarial training on unpaired pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method, Phase, Stream, Update
from lle.losses.adversarial import Fakes, lsgan_discriminator, lsgan_generator
from lle.losses.feature_mse import feature_mse, frozen_features
from lle.methods.unie.config import Config
from lle.methods.unie.loss import colourfulness, details, exclusion, glare, roughness, spread
from lle.methods.unie.network import Decomposition, Discriminator, Generator
from lle.nn.blocks import pad_to_multiple
from lle.nn.color import grey


class UnsupervisedNight(Method):
    """UNIE (Jin et al., ECCV 2022)."""

    stream = "unpaired"
    scope = "global"
    network: Generator
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Generator(config.width, config.blocks)
        self.decompose = Decomposition(config.decompose_width)
        self.darken = Generator(config.width, config.blocks) if config.cycle_weight else None
        self.whole = Discriminator(7, config.discriminator_width)
        self.local = Discriminator(5, config.discriminator_width)
        self.perceptual = frozen_features(config.perceptual)
        self.fakes = Fakes()

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def decomposition_loss(self, batch: Batch) -> Losses:
        """The layers rebuild the picture; effects are smooth and glaring, the background grey on average and apart from them."""
        low = batch["low"]
        layers = self.decompose(low)
        background = layers.reflectance * layers.shading
        weights = self.config
        return {
            "rebuild": F.l1_loss(background + layers.effects, low),
            "exclusion": weights.exclusion_weight * exclusion(background, layers.effects),
            "colour": weights.colour_weight * colourfulness(background),
            "smooth": weights.smooth_weight * roughness(layers.effects),
            "shading": weights.prior_weight * F.l1_loss(layers.shading, low.amax(dim=1, keepdim=True)),
            "effects": weights.prior_weight * (layers.effects * (1 - glare(low))).mean(),
        }

    def generator_loss(self, batch: Batch) -> Losses:
        """Looks real, keeps structure and details, leaves normal pictures alone, can be undone, and attends to light effects."""
        low, normal = pad_to_multiple(batch["low"], 4), pad_to_multiple(batch["normal"], 4)
        made, scores, attention = self.network.attend(low)
        same, same_scores, _ = self.network.attend(normal)
        self.fakes.keep(batch, made)
        with torch.no_grad():
            effects = self.decompose(low).effects.mean(dim=1, keepdim=True)
        effects = F.adaptive_avg_pool2d(effects, (attention.shape[-2], attention.shape[-1]))
        judged = [score for judge in (self.whole, self.local) for score in judge(made)]
        one, other = (grey(x).expand(-1, 3, -1, -1) for x in (made, low))
        weights = self.config
        terms = {
            "adversarial": weights.adversarial_weight * torch.stack([lsgan_generator(score) for score in judged]).sum(),
            "identity": weights.identity_weight * F.l1_loss(same, normal),
            "structure": weights.structure_weight * feature_mse(self.perceptual, one, other, normalise=True),
            "detail": weights.detail_weight * feature_mse(self.perceptual, details(one), details(other), normalise=True),
            "attention": weights.attention_weight * F.l1_loss(spread(attention), spread(effects)),
            "class": weights.attention_weight * (_cross_entropy(scores, 1.0) + _cross_entropy(same_scores, 0.0)),
        }
        if self.darken is not None:
            terms["cycle"] = weights.cycle_weight * F.l1_loss(self.darken(made), low)
        return terms

    def _discriminator_loss(self, batch: Batch, judge: Discriminator) -> Losses:
        made = self.fakes.of(batch, lambda: self.network(batch["low"]))
        real, fake = judge(batch["normal"]), judge(made)
        return {"regions": lsgan_discriminator(real[0], fake[0]), "class": lsgan_discriminator(real[1], fake[1])}

    def whole_loss(self, batch: Batch) -> Losses:
        """Normal pictures score 1, made ones 0, by large regions."""
        return self._discriminator_loss(batch, self.whole)

    def local_loss(self, batch: Batch) -> Losses:
        """The same by small regions."""
        return self._discriminator_loss(batch, self.local)

    def phases(self) -> Sequence[Phase]:
        """Decomposition of low pictures; then, with it frozen, suppression against two discriminators."""
        config = self.config
        moves: tuple[nn.Module, ...] = (self.network,) if self.darken is None else (self.network, self.darken)
        return (
            Phase(
                "decompose",
                (Update("decompose", self.decomposition_loss, moves=(self.decompose,)),),
                iterations=config.decompose_iterations,
                streams={"train": Stream("low", resize=config.resize)},
            ),
            Phase(
                "suppress",
                (
                    Update("generator", self.generator_loss, moves=moves),
                    Update("whole", self.whole_loss, moves=(self.whole,)),
                    Update("local", self.local_loss, moves=(self.local,)),
                ),
                streams={"train": Stream("unpaired", resize=config.resize)},
            ),
        )


def _cross_entropy(scores: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))
