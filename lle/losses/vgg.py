"""Features of VGG16 and VGG19 at any of their layers, fed as one chooses: what the newer baselines' perceptual losses need.

Source: Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, ICLR 2015; layers are numbered as in
torchvision, whose weights these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from lle.errors import WeightsError
from lle.losses.perceptual import Features, read_weights

_BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)
_FILES = {"vgg16": "vgg16-397923af.pth", "vgg19": "vgg19-dcbb9e9d.pth"}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of the pictures that torchvision's weights were trained on, a value a channel."""
AS_IT_IS = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
"""Mean and standard deviation that change nothing."""


def vgg(
    name: str, layers: Sequence[str], scale: tuple[Sequence[float], Sequence[float]] = IMAGENET, weights: Path | None = None
) -> Features:
    """Builds a feature extractor with ImageNet weights. Reads the disk, never the network.

    Args:
        name: `vgg16` or `vgg19`.
        layers: `conv1_1` (before the ReLU), `relu1_1`, `pool1` ... `pool5`, in the order of the network.
        scale: mean and standard deviation that a picture in [0, 1] is normalised with.
        weights: the file of weights (torchvision's names, .pth or .safetensors); None looks in torch's cache.

    Raises:
        WeightsError: the weights are not on disk, or are of another network; the message says what to do.
    """
    path = weights or Path(torch.hub.get_dir()) / "checkpoints" / _FILES[name]
    state = read_weights(
        path,
        f"Put torchvision's {name.upper()} weights there (on a machine with internet: "
        f"`python -c \"import torchvision; torchvision.models.{name}(weights='IMAGENET1K_V1')\"`), "
        "or choose the perceptual network efficientnet_lite0, which needs no download, or set the weight of the loss to 0.",
    )
    stages: dict[str, nn.Module] = {}
    inputs = 3
    for block, (width, count) in enumerate(zip(_WIDTHS, _BLOCKS[name], strict=True), 1):
        for layer in range(1, count + 1):
            stages[f"conv{block}_{layer}"] = nn.Conv2d(inputs, width, 3, padding=1)
            # Not in place: the output of the convolution may have been asked for.
            stages[f"relu{block}_{layer}"] = nn.ReLU()
            inputs = width
        stages[f"pool{block}"] = nn.MaxPool2d(2)
    chain = nn.Sequential(*stages.values())
    try:
        chain.load_state_dict({key.removeprefix("features."): value for key, value in state.items() if key.startswith("features.")})
    except RuntimeError as error:
        raise WeightsError(f"{path} does not hold torchvision's {name.upper()}: {error}") from error
    return Features(stages, layers, *scale)
