"""DDNet: one encoder, decoders for colour and for edges, and a second encoder-decoder guided by both."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.color import grey


def edge_map(image: Tensor) -> Tensor:
    """Positive part of the Laplacian of the blurred grey picture.

    A 3x3 Gaussian (1 2 1)/4 along either side, then OpenCV's Laplacian of aperture 3, clipped to [0, 1] as 8 bits would.

    Args:
        image: B x 3 x H x W in [0, 1].

    Returns:
        B x 1 x H x W in [0, 1].
    """
    line = image.new_tensor([0.25, 0.5, 0.25])
    blurred = F.conv2d(F.pad(grey(image), (1, 1, 1, 1), mode="reflect"), torch.outer(line, line)[None, None])
    laplacian = image.new_tensor([[2.0, 0.0, 2.0], [0.0, -8.0, 0.0], [2.0, 0.0, 2.0]])
    return F.conv2d(F.pad(blurred, (1, 1, 1, 1), mode="reflect"), laplacian[None, None]).clamp(0, 1)


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)


class Norm(nn.GroupNorm):
    """Normalisation of each sample as a whole, without a gradient for samples of one value.

    No layer has a bias, so a black picture is zero in every layer, where each of dozens of norms would multiply the gradient by
    1 / sqrt(eps) = 316: it overflows, and there is nothing to learn from it.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__(1, width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        of_one_value = x.amax((1, 2, 3), keepdim=True) == x.amin((1, 2, 3), keepdim=True)
        return super().forward(torch.where(of_one_value, x.detach(), x))


def _conv_norm(width: int) -> nn.Sequential:
    return nn.Sequential(_conv(width, width, 3), Norm(width), nn.PReLU(width))


class Unit(nn.Module):
    """Residual unit of two branches, one weighed by spatial attention; both run through the same convolution.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.into_attended = _conv(width, width, 1)
        self.into_plain = _conv(width, width, 1)
        self.attended = _conv(width, width, 3)
        self.attention = _conv(2, 1, 7)
        self.shared = _conv_norm(width)
        self.merge = _conv(2 * width, width, 1)
        self.out = _conv(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        a = self.into_attended(x)
        summary = torch.cat([a.mean(dim=1, keepdim=True), a.amax(dim=1, keepdim=True)], dim=1)
        a = self.shared(self.attended(a) * torch.sigmoid(self.attention(summary)))
        b = self.shared(self.shared(self.into_plain(x)))
        return self.out(self.merge(torch.cat([a, b], dim=1))) + x


class Ladder(nn.Module):
    """Units at three sizes, each fed by the one before and by a map of its own size.

    Args:
        widths: channels of the units in the order they run.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.falls = widths[0] < widths[-1]
        self.units = nn.ModuleList(Unit(width) for width in widths)
        self.steps = nn.ModuleList(_conv(before, after, 1) for before, after in itertools.pairwise(widths))

    def forward(self, start: Tensor, *others: Tensor | None) -> list[Tensor]:
        """Runs down (max pooling) if the widths grow, else up (bilinear).

        Args:
            start: input of the first unit.
            others: what is added to the inputs of the second and third; None adds nothing.

        Returns:
            The units' outputs, in the order they run.
        """
        outputs = [self.units[0](start)]
        for unit, step, other in zip(list(self.units)[1:], self.steps, others, strict=True):
            x = outputs[-1]
            if self.falls:
                x = step(F.max_pool2d(x, 3, stride=2, padding=1))
            else:
                assert other is not None
                x = step(F.interpolate(x, size=other.shape[-2:], mode="bilinear", align_corners=False))
            outputs.append(unit(x if other is None else x + other))
        return outputs


class Guides(NamedTuple):
    """What the first encoder-decoder hands on.

    Attributes:
        edges: predicted edge map, B x 1 x H x W.
        coarse: coarsely enhanced picture, B x 3 x H x W.
        encoder: maps of its encoder, full size first.
        colour: maps of its colour decoder, full size first.
        frequency: maps of its edge decoder, full size first.
    """

    edges: Tensor
    coarse: Tensor
    encoder: list[Tensor]
    colour: list[Tensor]
    frequency: list[Tensor]


class Left(nn.Module):
    """Coarse enhancement: an encoder on picture and edges, a decoder for edges, and one for colour that it helps.

    Args:
        width: channels at full size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.head = _conv(4, width, 3)
        self.encoder = Ladder([width, 2 * width, 4 * width])
        self.skips = nn.ModuleList(_conv(w, w // 2, 1) for w in (width, 2 * width, 4 * width))
        self.frequency = Ladder([2 * width, width, half])
        self.colour = Ladder([2 * width, width, half])
        self.to_edges = _conv(half, 1, 1)
        self.to_coarse = _conv(half, 3, 1)

    def forward(self, image: Tensor) -> Guides:
        """Guides of B x 3 x H x W in [0, 1]."""
        encoded = self.encoder(self.head(torch.cat([image, edge_map(image)], dim=1)), None, None)
        one, two, three = (skip(x) for skip, x in zip(self.skips, encoded, strict=True))
        f3, f2, f1 = self.frequency(three, two, one)
        c3, c2, c1 = self.colour(three + f3, f2 + two, f1 + one)
        return Guides(self.to_edges(f1), self.to_coarse(c1), encoded, [c1, c2, c3], [f1, f2, f3])


class Right(nn.Module):
    """Fusion: encoders of both decoders' maps, joined at every size, and a decoder to the residual of the picture.

    Args:
        width: channels at full size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width]
        self.frequency = Ladder([w // 2 for w in widths])
        self.colour = Ladder([w // 2 for w in widths])
        self.joins = nn.ModuleList(_conv_norm(w) for w in widths)
        self.decoder = Ladder(widths[::-1])
        self.last = Unit(width)
        self.tail = _conv(width, 3, 3)

    def forward(self, guides: Guides) -> Tensor:
        """Returns the residual, B x 3 x H x W."""
        frequency = self.frequency(*guides.frequency)
        c1, c2, c3 = (a + b for a, b in zip(guides.colour, frequency, strict=True))
        colour = self.colour(c1, c2, c3)
        joined = [join(torch.cat([c, f], dim=1)) + e for join, c, f, e in zip(self.joins, colour, frequency, guides.encoder, strict=True)]
        return self.tail(self.last(self.decoder(*joined[::-1])[-1]))


class DDNet(nn.Module):
    """Both parts; the second one's residual is added to the picture.

    Args:
        width: channels at full size.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.left = Left(width)
        self.right = Right(width)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]; the result is not bounded."""
        return self.right(self.left(low)) + low
