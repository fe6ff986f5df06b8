"""PIE: unpaired contrastive learning with negatives from curves and regions without labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lle.data.curves import ToNegative
from lle.engine.method import Batch, Frozen, Losses, Method, Phase, Stream, Update
from lle.losses.contrastive import brightness_distance, gram_distances, info_nce, info_nce_official, margin_contrast
from lle.losses.perceptual import Features, features
from lle.losses.regions import PendingRegions, region_darkness, region_variance
from lle.losses.zero_reference import colour_constancy, curve_smoothness
from lle.methods.pie.config import Config
from lle.methods.pie.network import Network
from lle.nn.dce import apply_curves

# Shallow layers for the Gram matrices, the last one for the perceptual term.
_LAYERS = {
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    "efficientnet_lite0": ("stem", "blocks.0", "blocks.1", "blocks.2"),
}


class Pie(Method):
    """Xu et al., IJCV 2024. The base of SCL-LLE too, which differs in settings."""

    stream = "unpaired"
    network: Network
    config: Config
    labels = 100
    """Labels that count in the official region term."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Network()
        self.features = Frozen(self._build_features)
        self._waits: dict[str, float] = {}

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]; see `Method.forward`."""
        enhanced: Tensor = self.network(low)
        return enhanced

    def tags(self) -> dict[str, str]:
        """Names the network of the perceptual and contrastive terms."""
        return {"perceptual": self.config.features}

    def phases(self) -> Sequence[Phase]:
        """One phase on inputs, positives and negatives, which are drawn independently; negatives are made in the loader."""
        size, data = self.config.crop if self.config.squeeze else None, self.config.positives
        streams = {
            "inputs": Stream("low"),
            "positives": Stream("normal", resize=size, data=data),
            "negatives": Stream("normal", resize=size, data=data, transform=ToNegative(self.config.odds)),
        }
        return (Phase("fit", (Update("fit", self.loss, moves=(self.network,), stream=tuple(streams)),), streams=streams),)

    def loss(self, batch: Batch) -> Losses:
        """Terms of unrelated `low`, `normal` and `negative`; those of weight 0 are neither computed nor named."""
        config = self.config
        low, positive, negative = batch["low"], batch["normal"], batch["negative"]
        curves = self.network.curves(low)
        enhanced = apply_curves(low, curves)
        pending = self._find_regions(enhanced)
        terms: Losses = {
            "tv": config.w_tv * curve_smoothness(curves),
            "color": config.w_color * colour_constancy(enhanced),
        }
        if config.w_contrast:
            distances = brightness_distance(enhanced, positive), brightness_distance(enhanced, negative)
            terms["contrast"] = config.w_contrast * margin_contrast(*distances, config.margin)
        if config.w_perceptual or config.w_nce or config.w_gram:
            terms |= self._feature_terms(low, enhanced, positive, negative)
        if pending is not None:
            terms["regions"] = config.w_regions * self._region_term(enhanced, pending.get())
            self._waits["regions"] = pending.waited
        return {name: term for name, term in terms.items() if getattr(config, f"w_{name}")}

    def measurements(self) -> dict[str, float]:
        """Seconds that the last iteration waited for regions; none where none were looked for."""
        waits, self._waits = self._waits, {}
        return waits

    def _find_regions(self, enhanced: Tensor) -> PendingRegions | None:
        config = self.config
        return PendingRegions(enhanced, config.scale, config.sigma, config.min_size) if config.w_regions else None

    def _feature_terms(self, low: Tensor, enhanced: Tensor, positive: Tensor, negative: Tensor) -> Losses:
        config = self.config
        *shallow, deep = self.features(enhanced)
        terms: Losses = {}
        if config.w_perceptual:
            with torch.no_grad():
                wanted = self.features(low)[-1]
            terms["perceptual"] = config.w_perceptual * F.mse_loss(deep, wanted)
        if config.w_nce or config.w_gram:
            with torch.no_grad():
                of_positive, of_negative = self.features(positive)[:-1], self.features(negative)[:-1]
            scale = config.gram_scale
            if config.w_nce:
                contrast = info_nce_official if config.mode_nce == "official" else info_nce
                exponentials = config.mode_exp == "official"
                to_positive, to_negative = (gram_distances(shallow, other) / scale for other in (of_positive, of_negative))
                terms["nce"] = config.w_nce * contrast(to_positive, to_negative, exponentials)
            if config.w_gram:
                # Each picture against one positive and one negative, on the two shallowest layers, summed over the batch.
                to_positive, to_negative = (gram_distances(shallow[:2], other[:2]).trace() / scale for other in (of_positive, of_negative))
                terms["gram"] = config.w_gram * margin_contrast(to_positive, to_negative, config.margin_gram)
        return terms

    def _region_term(self, enhanced: Tensor, labels: Tensor) -> Tensor:
        every = self.config.mode_pairs == "official"
        if self.config.mode_target == "official":
            return region_darkness(enhanced, labels, every, self.labels)
        return region_variance(enhanced, labels, every)

    def _build_features(self) -> Features:
        return features(self.config.features, _LAYERS[self.config.features], normalize=self.config.normalize_features)
