"""Distance of two pictures in the features of a network trained on ImageNet.

Source: Johnson, Alahi, Fei-Fei: Perceptual losses for real-time style transfer and super-resolution, ECCV 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lle.engine.method import Frozen
from lle.losses.perceptual import Name, features

EARLY: Mapping[Name, Sequence[str]] = {
    "vgg16": ("relu1_2", "relu2_2", "relu3_3"),
    "efficientnet_lite0": ("stem", "blocks.0", "blocks.1", "blocks.2"),
}
"""Layers for colour, edges and texture: VGG16's as in Johnson et al. 2016, and those of like scale in the other network."""

DEEP: Mapping[Name, Sequence[str]] = {"vgg16": ("relu5_1",), "efficientnet_lite0": ("blocks.4",)}
"""One layer at a sixteenth of the size, for content: VGG16's as in EnlightenGAN, and that of like scale in the other network."""


def frozen_features(name: Name, layers: Mapping[Name, Sequence[str]] = EARLY) -> Frozen:
    """Returns a feature network that is built on first use and never trained.

    Args:
        name: `efficientnet_lite0`, which installs as a package, or `vgg16`, whose weights must be on disk.
        layers: the layers to compare, by network.
    """
    return Frozen(lambda: features(name, layers[name]))


def feature_mse(network: Callable[[Tensor], Sequence[Tensor]], image: Tensor, reference: Tensor, normalise: bool = False) -> Tensor:
    """Mean squared distance of features, averaged over the layers; a scalar, 0 for equal pictures.

    Args:
        network: from B x 3 x H x W RGB in [0, 1] to one feature map a layer.
        image: B x 3 x H x W.
        reference: the same shape; no gradient flows to it.
        normalise: brings every channel of a picture's features to mean 0 and variance 1 first (instance normalisation),
            so that content counts and brightness does not.
    """
    with torch.no_grad():
        targets = network(reference)
    pairs = [(a, b) if not normalise else (F.instance_norm(a), F.instance_norm(b)) for a, b in zip(network(image), targets, strict=True)]
    return torch.stack([F.mse_loss(a, b) for a, b in pairs]).mean()
