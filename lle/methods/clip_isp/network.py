"""CLIP-ISP's network: an encoder that sets four filters, and a residual network that mends what they distort."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle.methods.clip_isp.filters import contrast, gamma, sharpen, tanh_range, white_balance
from lle.nn.blocks import crop_to, pad_to_multiple

WIDTHS = (8, 16, 32, 64, 128)
SHARPEN_RANGE = 2.5
SHARPEN_START = 0.1


class FilterParameters(NamedTuple):
    """Settings of the four filters, one row a picture.

    Attributes:
        gains: white balance w_r, w_g, w_b, B x 3, each in (exp(-G), exp(G)) with G the gain range.
        exponent: gamma g, B, in (1/R, R).
        contrast: alpha, B, in (-1, 1).
        sharpen: lambda, B, in (0, 2.5).
    """

    gains: Tensor
    exponent: Tensor
    contrast: Tensor
    sharpen: Tensor


class Steps(NamedTuple):
    """Everything the network computes on the way, for figures and for prompt refinement from the filters.

    Attributes:
        parameters: what the encoder chose.
        filtered: the picture after white balance, gamma, contrast and sharpening, each B x 3 x H x W; the last is O_isp.
        detail: the map M, B x 3 x H x W.
        enhanced: clamp(O_isp + M, 0, 1).
    """

    parameters: FilterParameters
    filtered: tuple[Tensor, Tensor, Tensor, Tensor]
    detail: Tensor
    enhanced: Tensor


class Encoder(nn.Module):
    """Five convolutions, four max-poolings, a global one, and a linear layer to six numbers.

    Args:
        gamma_range: R; the exponent lies in (1/R, R).
        gain_range: the gains' logarithms lie in (-gain_range, gain_range).
        view: side to which the picture is resized before it is judged; None judges it at its own size.
    """

    def __init__(self, gamma_range: float, gain_range: float, view: int | None) -> None:
        super().__init__()
        self.gain_range = gain_range
        self.gamma_log_range = math.log(gamma_range)
        self.view = view
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in zip((3, *WIDTHS), WIDTHS, strict=False))
        self.head = nn.Linear(WIDTHS[-1], 6)
        nn.init.normal_(self.head.weight, std=1e-3)
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.bias[5] = math.atanh(2 * SHARPEN_START / SHARPEN_RANGE - 1)

    def forward(self, low: Tensor) -> FilterParameters:
        """Chooses the filters' parameters for B x 3 x H x W pictures in [0, 1], any size."""
        x = low
        if self.view is not None and low.shape[-2:] != (self.view, self.view):
            x = F.interpolate(low, (self.view, self.view), mode="bilinear", align_corners=False)
        for index, conv in enumerate(self.convs):
            x = F.leaky_relu(conv(x), 0.1)
            if index < len(self.convs) - 1:
                x = F.max_pool2d(x, 3, 2, 1)
        z = self.head(x.amax((2, 3)))
        return FilterParameters(
            gains=tanh_range(z[:, :3], -self.gain_range, self.gain_range).exp(),
            exponent=tanh_range(z[:, 3], -self.gamma_log_range, self.gamma_log_range).exp(),
            contrast=z[:, 4].tanh(),
            sharpen=tanh_range(z[:, 5], 0, SHARPEN_RANGE),
        )


class ResidualModule(nn.Module):
    """Two 3x3 convolutions with batch normalisation around a skip, which is a 1x1 convolution where the width changes."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
        )
        self.skip: nn.Module = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x inputs x H x W to B x outputs x H x W."""
        return F.relu(self.skip(x) + self.body(x))


class DetailNet(nn.Module):
    """Three residual modules and a tail that starts at zero: the untrained map is 0 everywhere.

    Args:
        detail_range: the map lies in (-detail_range, detail_range).
        scale: side of the blocks of pixels that it takes as channels of one place; 1 is the paper's.
    """

    def __init__(self, detail_range: float, scale: int = 1) -> None:
        super().__init__()
        self.detail_range = detail_range
        self.scale = scale
        channels = 3 * scale**2
        self.blocks = nn.Sequential(ResidualModule(channels, 32), ResidualModule(32, 32), ResidualModule(32, 32))
        self.tail = nn.Conv2d(32, channels, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, filtered: Tensor) -> Tensor:
        """Maps O_isp, B x 3 x H x W, to the detail map M, same shape."""
        if self.scale == 1:
            return self.detail_range * torch.tanh(self.tail(self.blocks(filtered)))
        blocks = F.pixel_unshuffle(pad_to_multiple(filtered, self.scale), self.scale)
        detail = self.detail_range * torch.tanh(self.tail(self.blocks(blocks)))
        return crop_to(F.pixel_shuffle(detail, self.scale), filtered)


class IspNet(nn.Module):
    """White balance, gamma, contrast, sharpening, then detail: I_en = clamp(O_isp + M, 0, 1).

    Untrained it is the identity but for two things of its definition: sharpening starts at lambda = 0.1 (its range begins at
    0, where tanh has no slope), and gamma lifts black to 1e-4.

    Args:
        gamma_range: R of the gamma filter, above 1.
        view: side of the encoder's view; None shows it the whole picture.
        gain_range: largest logarithm of a white balance gain.
        detail_range: largest value of the detail map.
        detail_scale: side of the blocks of pixels that the detail network takes as channels of one place.
    """

    def __init__(
        self,
        gamma_range: float = 5.0,
        view: int | None = 256,
        gain_range: float = 0.5,
        detail_range: float = 1.0,
        detail_scale: int = 1,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(gamma_range, gain_range, view)
        self.detail = DetailNet(detail_range, detail_scale)

    def estimate(self, low: Tensor) -> FilterParameters:
        """Chooses the filters' parameters; the one part that must see the whole picture."""
        return self.encoder(low)

    def apply_filters(self, low: Tensor, parameters: FilterParameters) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns the picture after each of the four filters.

        Clamping stands after white balance and after sharpening only, so that gamma and contrast keep their gradients.
        """
        balanced = white_balance(low, parameters.gains).clamp(0, 1)
        lit = gamma(balanced, parameters.exponent)
        contrasted = contrast(lit, parameters.contrast)
        return balanced, lit, contrasted, sharpen(contrasted, parameters.sharpen).clamp(0, 1)

    def steps(self, low: Tensor, parameters: FilterParameters | None = None) -> Steps:
        """Enhances B x 3 x H x W in [0, 1] (H, W from 13 up) and returns everything on the way.

        Args:
            low: the pictures.
            parameters: as `estimate` chose them for the whole picture of which `low` is a part; None estimates them from `low`.
        """
        parameters = self.estimate(low) if parameters is None else parameters
        filtered = self.apply_filters(low, parameters)
        detail = self.detail(filtered[-1])
        return Steps(parameters, filtered, detail, (filtered[-1] + detail).clamp(0, 1))

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1], H and W from 13 up."""
        return self.steps(low).enhanced
