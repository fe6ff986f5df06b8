"""LampNet: local tone curves from a light estimate, and a small network that removes the noise that they reveal."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.blocks import crop_to, pad_to_multiple
from lle.nn.color import grey

VIEW = 96
"""Rows and columns to which the whole frame is averaged for the light estimate."""
GRID = 16
"""Pixels between two curves."""
MULTIPLE = 32
"""Sides are padded to multiples of this."""
LIMIT = 3.5
"""Largest natural logarithm of a gain: a factor of 33."""
REACH = 5.0
"""Largest shift of a curve: a factor of 148 on black."""
HALVINGS = 12
"""Steps of the search for a shift, whose result is exact to `REACH` / 2^11."""


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)


def _both(image: Tensor) -> Tensor:
    """Values, and their square roots, in which steps in the dark are as large as steps in the light."""
    return torch.cat([image, (image + 1e-4).sqrt()], dim=1)


def _place(image: Tensor) -> Tensor:
    """Returns where pixels stand on their curves, from 0 (black) to 1: the square root of the brightest channel, B x 1 x H x W."""
    return (image.amax(dim=1, keepdim=True) + 1e-4).sqrt()


def _up(image: Tensor, factor: int) -> Tensor:
    return F.interpolate(image, scale_factor=float(factor), mode="bilinear", align_corners=False)


class Frame(nn.Module):
    """What depends on the whole frame: how dark it is and how its light is spread.

    Args:
        width: channels of the result.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = _conv(6, 16, 2), _conv(16, 32, 2), _conv(32, 48, 2)
        # Mean and largest value of each feature, the wanted mean and whether there is one.
        self.mix1, self.mix2 = nn.Conv2d(98, 64, 1), nn.Conv2d(64, width, 1)

    def forward(self, view: Tensor, wanted: Tensor | None = None) -> Tensor:
        """Describes frames.

        Args:
            view: B x 3 x H x W in [0, 1], H and W from 2 up.
            wanted: mean brightness that the results shall have, B values; negative ones, or None, leave the choice to the network.

        Returns:
            B x width x 1 x 1.
        """
        # Averaging in two steps, of which the second one costs a quarter.
        x = F.adaptive_avg_pool2d(F.avg_pool2d(view, 2), VIEW)
        x = F.relu(self.conv3(F.relu(self.conv2(F.relu(self.conv1(_both(x)))))))
        pooled = [x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)]
        given = x.new_full((x.shape[0], 1, 1, 1), -1.0) if wanted is None else wanted.to(x).reshape(-1, 1, 1, 1)
        known = (given >= 0).to(x.dtype)
        mixed = F.relu(self.mix1(torch.cat([*pooled, given * known, known], dim=1)))
        described: Tensor = self.mix2(mixed)
        return described


class Curves(nn.Module):
    """Tone curves on a coarse grid, and a colour factor beside each.

    Args:
        knots: of a curve, at equal steps of the square root of the brightest channel.
        width: channels at the coarsest level, and of the frame's description.
    """

    def __init__(self, knots: int, width: int) -> None:
        super().__init__()
        self.knots = knots
        self.conv1, self.conv2, self.conv3 = _conv(6, 24, 2), _conv(24, 32, 2), _conv(32, width, 2)
        self.conv4, self.conv5 = _conv(width, width), _conv(width + 32, width)
        self.out = nn.Conv2d(width, knots + 3, 1)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, quarter: Tensor, frame: Tensor) -> Tensor:
        """Chooses the curves.

        Args:
            quarter: pictures averaged over 4 x 4 pixels, B x 3 x H / 4 x W / 4.
            frame: description of the frames they belong to, B x width x 1 x 1.

        Returns:
            B x (knots + 3) x H / 16 x W / 16: logarithms of gains by knot, then of colour factors; 0 changes nothing.
        """
        fine = F.relu(self.conv2(F.relu(self.conv1(_both(quarter)))))
        x = F.relu(self.conv3(fine) + frame)
        x = F.relu(self.conv4(x) + frame)
        x = F.relu(self.conv5(torch.cat([_up(x, 2), fine], dim=1)) + frame)
        curves: Tensor = LIMIT * torch.tanh(self.out(x) / LIMIT)
        return curves


class Detail(nn.Module):
    """Residual network on packed pixels at a half, a quarter and an eighth of the resolution.

    Args:
        width: channels at half resolution; twice and three times as many below.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = _conv(13, width)
        self.down1, self.quarter1 = _conv(width, 2 * width, 2), _conv(2 * width, 2 * width)
        self.down2 = _conv(2 * width, 3 * width, 2)
        self.eighth = nn.ModuleList(_conv(3 * width, 3 * width) for _ in range(3))
        self.up2, self.quarter2 = nn.Conv2d(3 * width, 2 * width, 1), _conv(2 * width, 2 * width)
        self.up1, self.merge = nn.Conv2d(2 * width, width, 1), _conv(width, width)
        self.out = _conv(width, 12)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, packed: Tensor) -> Tensor:
        """Maps 12 channels of packed pixels and the logarithm of their gain to 12 channels of change; B x 13 x H / 2 x W / 2."""
        half = F.leaky_relu(self.head(packed), 0.1)
        quarter = F.leaky_relu(self.down1(half), 0.1)
        quarter = F.leaky_relu(self.quarter1(quarter), 0.1)
        x = F.leaky_relu(self.down2(quarter), 0.1)
        for layer in self.eighth:
            x = F.leaky_relu(layer(x), 0.1)
        x = F.leaky_relu(self.quarter2(quarter + _up(self.up2(x), 2)), 0.1)
        x = F.leaky_relu(self.merge(half + _up(self.up1(x), 2)), 0.1)
        change: Tensor = self.out(x)
        return change


class Steps(NamedTuple):
    """What stands on the way to a result, B x C x H x W each: gains' logarithms (C = 1), the lifted picture and the result (C = 3)."""

    gain: Tensor
    lifted: Tensor
    enhanced: Tensor


class LampNet(nn.Module):
    """The whole network.

    Args:
        width: channels of the detail network at half resolution.
        knots: of a tone curve.
        light_width: channels of the light estimate.
    """

    knots: Tensor
    slope: Tensor

    def __init__(self, width: int = 16, knots: int = 6, light_width: int = 48) -> None:
        super().__init__()
        self.frame = Frame(light_width)
        self.curves = Curves(knots, light_width)
        self.detail = Detail(width)
        slope = torch.cat([torch.linspace(1, 0, knots), torch.zeros(3)])
        self.register_buffer("knots", torch.arange(float(knots)).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("slope", slope.reshape(1, -1, 1, 1), persistent=False)

    def lift(self, low: Tensor, curves: Tensor, cell: int = GRID) -> tuple[Tensor, Tensor]:
        """Applies curves.

        Args:
            low: B x 3 x H x W in [0, 1].
            curves: as `Curves` returns them, for every `cell` x `cell` pixels of `low`.
            cell: the pixels of a curve, in each direction.

        Returns:
            The logarithm of the gain, B x 1 x H x W, and the lifted picture, B x 3 x H x W.
        """
        curves = _up(curves, cell)
        knots = self.knots.shape[1]
        # Each pixel takes its gain between the two nearest knots of its place: a lamp and the wall beside it take different ones.
        near = F.relu(1 - (_place(low) * (knots - 1) - self.knots).abs())
        # All knots at once, in two slices: parts that are split channel by channel took OpenVINO a quarter of a frame's time.
        gain = (curves[:, :knots] * near).sum(dim=1, keepdim=True)
        return gain, low * (gain + curves[:, knots:]).exp()

    def shift_to(self, view: Tensor, frame: Tensor, wanted: float) -> Tensor:
        """Searches the shift of the curves with which pictures become as bright as is wanted.

        Args:
            view: B x 3 x H x W in [0, 1], whole pictures.
            frame: their description.
            wanted: mean luma of the lifted pictures, in [0, 1].

        Returns:
            B x 1 x 1 x 1 for `steps`, within `REACH` of 0.
        """
        quarter = F.avg_pool2d(pad_to_multiple(view, MULTIPLE), 4)
        _, lifted = self.lift(quarter, self.curves(quarter, frame), GRID // 4)
        # A shift falls to nothing at the brightest knot; interpolated, it is a straight line.
        slope = 1 - _place(quarter)
        least = torch.full_like(frame[:, :1], -REACH)
        step = REACH
        for _ in range(HALVINGS):
            mean = grey((lifted * ((least + step) * slope).exp()).clamp(0, 1)).mean((1, 2, 3), keepdim=True)
            least = least + step * (mean < wanted).to(least.dtype)
            step /= 2
        return least + step

    def steps(self, low: Tensor, frame: Tensor, shift: Tensor | None = None, strength: float = 1.0) -> Steps:
        """Enhances pictures, or parts of them, with the description of the whole.

        Args:
            low: B x 3 x H x W, RGB in [0, 1], any H and W.
            frame: B x light_width x 1 x 1, as `Frame` returns it.
            shift: B x 1 x 1 x 1, added to the logarithm of the gain of black and, ever less, to those of brighter knots.
            strength: 0 leaves the picture as it is, 1 is as trained: factor on the curves (powers of the gains) and on the detail.

        Returns:
            The result and what stands before it.
        """
        padded = pad_to_multiple(low, MULTIPLE)
        curves = self.curves(F.avg_pool2d(padded, 4), frame)
        if shift is not None:
            curves = curves + shift * self.slope
        if strength != 1:
            curves = strength * curves
        gain, lifted = self.lift(padded, curves)
        packed = torch.cat([F.pixel_unshuffle(lifted, 2), F.avg_pool2d(gain, 2)], dim=1)
        # Convolutions on the CPU are faster on this layout.
        change = self.detail(packed.contiguous(memory_format=torch.channels_last))
        if strength != 1:
            change = strength * change
        return Steps(*(crop_to(picture, low) for picture in (gain, lifted, lifted + F.pixel_shuffle(change, 2))))

    def forward(self, low: Tensor, wanted: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape; `wanted` as in `Frame`, `strength` as in `steps`."""
        return self.steps(low, self.frame(low, wanted), strength=strength).enhanced


def brightness(image: Tensor) -> Tensor:
    """Returns the mean luma of each picture, B values: what `wanted` means."""
    return grey(image).mean(dim=(1, 2, 3))
