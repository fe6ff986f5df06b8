"""SLLEN: enhancement and segmentation in turn, on shared encoder levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Batch, Losses, Method, Phase, Stream, TrainingData, Update
from lle.errors import ConfigError
from lle.losses.feature_mse import feature_mse, frozen_features
from lle.losses.gt_mean import gt_mean
from lle.losses.ssim import ssim_loss
from lle.methods.sllen.config import Config, Darkening
from lle.methods.sllen.loss import gradient_level, illumination, illumination_variation, knowledge_distillation, mean_gradient
from lle.methods.sllen.network import Network

UNLABELLED = 255


@dataclass(frozen=True)
class Darken:
    """Darkens some pictures of the segmentation stream by beta * (alpha * I) ** gamma, as the paper darkens its test pictures.

    Attributes:
        share: of the pictures.
        ranges: of the formula.
    """

    share: float
    ranges: Darkening

    def __call__(self, sample: dict[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
        """Returns the sample with its `image` darkened, or as it is."""
        if rng.random() >= self.share:
            return sample
        alpha, beta, gamma = (rng.uniform(*bounds) for bounds in (self.ranges.alpha, self.ranges.beta, self.ranges.gamma))
        return {**sample, "image": beta * (alpha * sample["image"]) ** gamma}


class Sllen(Method):
    """Semantic-aware Low-light Image Enhancement Network.

    Attributes:
        network: SSaN and LLEmN.
        reference_gradient: E_g of eq. 10, measured on the training references.
        perceptual: built on first use; in no state dict.
    """

    stream = "paired"
    # Attention over the whole picture.
    scope = "global"
    network: Network
    config: Config
    reference_gradient: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Network(
            config.width,
            config.classes,
            config.norm,
            config.pack,
            config.exponent,
            config.hsbab,
            config.rsaeb,
            config.alternate,
            config.attention_tokens,
            config.coarse,
        )
        self.register_buffer("reference_gradient", torch.zeros(()))
        self.perceptual = frozen_features(config.perceptual)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch, see `Method.forward`."""
        enhanced: Tensor = self.network(low)
        return enhanced

    @torch.inference_mode()
    def illumination(self, low: Tensor) -> Tensor:
        """Returns the illumination that the network finds (Fig. 6 of the paper): clip(I / max(R, 0.01), 0, 2).

        Args:
            low: B x 3 x H x W, RGB in [0, 1].

        Returns:
            B x 3 x H x W in [0, 2].
        """
        return illumination(low, self.enhance(low))

    def tags(self) -> dict[str, str]:
        """Names the network of the perceptual term and the labelled data."""
        config = self.config
        tags = {"perceptual": config.perceptual} if config.w_perceptual else {}
        return tags | ({"segmentation": config.segmentation} if config.semantic else {})

    def prepare(self, data: TrainingData) -> None:
        """Measures E_g on the normal-light pictures of the training split."""
        pictures = (torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255 for picture in data.normals())
        self.reference_gradient.copy_(torch.stack([mean_gradient(picture).squeeze(0) for picture in pictures]).mean())

    def phases(self) -> Sequence[Phase]:
        """Algorithm 1: segmentation and enhancement in turn, batch by batch; or, for the ablation, one after the other."""
        config = self.config
        pairs = {"pairs": Stream("paired")}
        enhance = Update("enhance", self.enhancement_loss, self.network.enhancing(), "pairs")
        if not config.semantic:
            return (Phase("enhance", (enhance,), streams=pairs),)
        transform = Darken(config.darken, config.darkening) if config.darken else None
        masks = {"masks": Stream("segmentation", config.segmentation_batch_size, data=config.segmentation, transform=transform)}
        segment = Update("segment", self.segmentation_loss, self.network.segmenting(), "masks")
        if config.alternate:
            return (Phase("alternate", (segment, enhance), streams={**masks, **pairs}),)
        return (Phase("segment", (segment,), streams=masks), Phase("enhance", (enhance,), streams=pairs))

    def segmentation_loss(self, batch: Batch) -> Losses:
        """Cross-entropy of a `segmentation` batch; pixels without a label (255) do not count.

        Raises:
            ConfigError: a label is not among the classes.
        """
        labels = batch["mask"]
        known = labels != UNLABELLED
        largest = int(labels.masked_fill(~known, 0).max())
        if largest >= self.config.classes:
            raise ConfigError(
                f"methods.sllen.classes is {self.config.classes}, but '{self.config.segmentation}' has a label {largest}: "
                f"set it to the number of classes of that data set."
            )
        scores = self.network.segment(batch["image"])
        total = F.cross_entropy(scores, labels, ignore_index=UNLABELLED, reduction="sum")
        # A crop may hold no labelled pixel at all.
        return {"cross_entropy": total / known.sum().clamp(min=1)}

    def compare(self, enhanced: Tensor, normal: Tensor) -> Losses:
        """Terms of a result and its reference; those of weight 0 are neither computed nor named."""
        config = self.config
        terms: Losses = {"smooth": F.smooth_l1_loss(enhanced, normal, beta=config.smooth_beta)}
        if config.w_perceptual:
            terms["perceptual"] = config.w_perceptual * feature_mse(self.perceptual, enhanced, normal)
        if config.w_ssim:
            terms["ssim"] = config.w_ssim * ssim_loss(enhanced, normal)
        return terms

    def enhancement_loss(self, batch: Batch) -> Losses:
        """Terms of eq. 11 for a `paired` batch, and SSIM beside them; those of weight 0 are neither computed nor named."""
        config = self.config
        low, normal = batch["low"], batch["normal"]
        enhanced, encoded, decoded = self.network.features(low)
        compared = gt_mean(self.compare, enhanced, normal, config.gt_mean)
        terms: Losses = {name: term for name, term in compared.items() if name != "ssim"}
        if config.w_kd:
            terms["kd"] = config.w_kd * knowledge_distillation(encoded, decoded)
        if config.w_itv:
            terms["itv"] = config.w_itv * illumination_variation(low, enhanced)
        if config.w_grad:
            terms["gradient"] = config.w_grad * gradient_level(enhanced, self.reference_gradient)
        # Last, as ever: the order of the terms is that of their sum.
        return terms | compared
