"""UNIE: layer decomposition, and a generator with adaptive normalisation against attentive discriminators.

Generator and discriminators follow U-GAT-IT (Kim et al., ICLR 2020), as the authors' do.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from lle.nn.blocks import crop_to, pad_to_multiple
from lle.nn.unet import UNet, conv_lrelu, conv_lrelu_norm


class Layers(NamedTuple):
    """A picture's layers: picture = reflectance * shading + effects.

    Attributes:
        reflectance: B x 3 x H x W in (0, 1).
        shading: B x 1 x H x W in (0, 1).
        effects: glare and glow, B x 3 x H x W in (0, 1).
    """

    reflectance: Tensor
    shading: Tensor
    effects: Tensor


class Decomposition(nn.Module):
    """A U-Net that splits a picture into its layers.

    Args:
        width: channels at full size.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.unet = UNet(3, 7, [width * 2**k for k in range(5)], conv_lrelu_norm, last=conv_lrelu)
        # Light effects are rare: they start near 0.02.
        assert self.unet.head.bias is not None
        nn.init.constant_(self.unet.head.bias[4:], -4.0)

    def forward(self, image: Tensor) -> Layers:
        """Layers of B x 3 x H x W in [0, 1]."""
        out = torch.sigmoid(self.unet(image))
        return Layers(out[:, :3], out[:, 3:4], out[:, 4:])


def _standard(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    variance, mean = torch.var_mean(x, dim=dims, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


class BlendedNorm(nn.Module):
    """A learned blend, a channel at a time, of instance and layer normalisation.

    Args:
        width: channels.
        start: first share of the instance normalisation.
    """

    def __init__(self, width: int, start: float) -> None:
        super().__init__()
        self.rho = nn.Parameter(torch.full((1, width, 1, 1), start))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return self.rho * _standard(x, (2, 3)) + (1 - self.rho) * _standard(x, (1, 2, 3))


class AffineBlendedNorm(BlendedNorm):
    """`BlendedNorm`, at first a layer normalisation alone, with a learned scale and shift."""

    def __init__(self, width: int) -> None:
        super().__init__(width, 0.0)
        self.gamma = nn.Parameter(torch.ones(1, width, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return super().forward(x) * self.gamma + self.beta


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, padding_mode="reflect", bias=False)


class Residual(nn.Module):
    """Two 3x3 convolutions with instance normalisation, added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(width, width, 3), nn.InstanceNorm2d(width), nn.ReLU(), _conv(width, width, 3), nn.InstanceNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return x + self.body(x)


class AdaptiveResidual(nn.Module):
    """Two 3x3 convolutions whose normalisation is scaled and shifted by what the picture as a whole says."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _conv(width, width, 3), _conv(width, width, 3)
        self.norm1, self.norm2 = BlendedNorm(width, 0.9), BlendedNorm(width, 0.9)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape; `gamma` and `beta` are B x C x 1 x 1."""
        y = F.relu(self.norm1(self.conv1(x)) * gamma + beta)
        return x + self.norm2(self.conv2(y)) * gamma + beta


class Attention(nn.Module):
    """Class-activation attention: channels are weighed by the weights of two linear classifiers of their means and maxima.

    Args:
        width: channels.
        activation: after the 1x1 convolution that joins both weighed maps.
        spectral: whether the classifiers' weights have spectral normalisation.
    """

    def __init__(self, width: int, activation: nn.Module, spectral: bool = False) -> None:
        super().__init__()
        mean, largest = nn.Linear(width, 1, bias=False), nn.Linear(width, 1, bias=False)
        self.mean = spectral_norm(mean) if spectral else mean
        self.largest = spectral_norm(largest) if spectral else largest
        self.join = nn.Conv2d(2 * width, width, 1)
        self.activation = activation

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the attended map, B x C x H x W; the two classes' scores, B x 2; and the attention, B x 1 x H x W."""
        # Read once: every look at a spectrally normalised weight takes a step of its power iteration.
        mean, largest = cast(Tensor, self.mean.weight), cast(Tensor, self.largest.weight)
        scores = torch.cat([F.linear(x.mean(dim=(2, 3)), mean), F.linear(x.amax(dim=(2, 3)), largest)], dim=1)
        weighed = torch.cat([x * mean[:, :, None, None], x * largest[:, :, None, None]], dim=1)
        attended = self.activation(self.join(weighed))
        return attended, scores, attended.sum(dim=1, keepdim=True)


class Generator(nn.Module):
    """Two halvings, residual blocks, attention, adaptive residual blocks, two doublings; the input is added before a tanh.

    Args:
        width: channels at full size.
        blocks: residual blocks on either side of the attention.
    """

    def __init__(self, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        deep = 4 * width
        layers: list[nn.Module] = [_conv(3, width, 7), nn.InstanceNorm2d(width), nn.ReLU()]
        for inputs in (width, 2 * width):
            layers += [_conv(inputs, 2 * inputs, 3, stride=2), nn.InstanceNorm2d(2 * inputs), nn.ReLU()]
        self.down = nn.Sequential(*layers, *(Residual(deep) for _ in range(blocks)))
        self.attention = Attention(deep, nn.ReLU())
        self.style = nn.Sequential(nn.Linear(deep, deep, bias=False), nn.ReLU(), nn.Linear(deep, deep, bias=False), nn.ReLU())
        self.gamma, self.beta = nn.Linear(deep, deep, bias=False), nn.Linear(deep, deep, bias=False)
        self.adaptive = nn.ModuleList(AdaptiveResidual(deep) for _ in range(blocks))
        layers = []
        for inputs in (deep, 2 * width):
            layers += [nn.Upsample(scale_factor=2.0), _conv(inputs, inputs // 2, 3), AffineBlendedNorm(inputs // 2), nn.ReLU()]
        self.up = nn.Sequential(*layers, _conv(width, 3, 7))

    def attend(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Enhances and tells where it looked.

        Args:
            image: B x 3 x H x W in [0, 1], H and W multiples of 4.

        Returns:
            The result, B x 3 x H x W in (0, 1); the classifiers' scores, B x 2; the attention, B x 1 x H/4 x W/4.
        """
        x, scores, attention = self.attention(self.down(2 * image - 1))
        style = self.style(x.mean(dim=(2, 3)))
        gamma, beta = self.gamma(style)[:, :, None, None], self.beta(style)[:, :, None, None]
        for block in self.adaptive:
            x = block(x, gamma, beta)
        # tanh bends the scale: the network must add light even where nothing shall change.
        return (torch.tanh(self.up(x) + 2 * image - 1) + 1) / 2, scores, attention

    def forward(self, image: Tensor) -> Tensor:
        """Maps B x 3 x H x W in [0, 1], any size from 16 up, to the same shape, in (0, 1)."""
        return crop_to(self.attend(pad_to_multiple(image, 4))[0], image)


class Discriminator(nn.Module):
    """Spectrally normalised 4x4 convolutions with class-activation attention.

    Args:
        layers: as the authors count: two more than there are halvings.
        width: channels of the first layer.
    """

    def __init__(self, layers: int, width: int = 64) -> None:
        super().__init__()
        units: list[nn.Module] = []
        inputs, outputs = 3, width
        for k in range(layers - 1):
            halves = k < layers - 2
            conv = nn.Conv2d(inputs, outputs, 4, stride=2 if halves else 1, padding=1, padding_mode="reflect")
            units += [spectral_norm(conv), nn.LeakyReLU(0.2)]
            inputs, outputs = outputs, 2 * outputs
        self.body = nn.Sequential(*units)
        self.attention = Attention(inputs, nn.LeakyReLU(0.2), spectral=True)
        self.judge = spectral_norm(nn.Conv2d(inputs, 1, 4, padding=1, padding_mode="reflect", bias=False))
        # Below this side the map after the halvings is too small for the last two convolutions.
        self.least = 2**layers

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Judges B x 3 x H x W in [0, 1]; returns scores of regions, B x 1 x h x w, and the classifiers' scores, B x 2."""
        short = min(image.shape[-2:])
        if short < self.least:
            image = F.interpolate(image, scale_factor=self.least / short, mode="bilinear", align_corners=False)
        x, scores, _ = self.attention(self.body(2 * image - 1))
        return self.judge(x), scores
