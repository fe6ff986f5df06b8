"""HVI-CIDNet: two U-Nets, one for intensity and one for colour, that look at each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.methods.cidnet.hvi import HVI
from lle.nn.blocks import crop_to, pad_to_multiple
from lle.nn.channel_norm import ChannelNorm


def _convolution(inputs: int, outputs: int, kernel: int = 3, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)


def _framed(inputs: int, outputs: int) -> nn.Sequential:
    """A 3x3 convolution over a border of repeated pixels."""
    return nn.Sequential(nn.ReplicationPad2d(1), nn.Conv2d(inputs, outputs, 3, bias=False))


class Down(nn.Module):
    """A convolution, then half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.prelu = nn.PReLU()
        self.down = nn.Sequential(_convolution(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to B x C' x H/2 x W/2."""
        x = self.down(x)
        size = (x.shape[-2] // 2, x.shape[-1] // 2)
        return self.prelu(F.interpolate(x, size, mode="bilinear", align_corners=True))


class Up(nn.Module):
    """A convolution, then twice the size, joined with the map of that size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.prelu = nn.PReLU()
        self.up_scale = nn.Sequential(_convolution(inputs, outputs))
        self.up = _convolution(2 * outputs, outputs, 1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Maps B x C x H/2 x W/2 and B x C' x H x W to B x C' x H x W."""
        x = self.up_scale(x)
        x = F.interpolate(x, (2 * x.shape[-2], 2 * x.shape[-1]), mode="bilinear", align_corners=True)
        return self.prelu(self.up(torch.cat([x, skip], dim=1)))


class CrossAttention(nn.Module):
    """Attention between channels: those of one branch ask, those of the other one answer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.q = _convolution(width, width, 1)
        self.q_dwconv = _convolution(width, width, groups=width)
        self.kv = _convolution(width, 2 * width, 1)
        self.kv_dwconv = _convolution(2 * width, 2 * width, groups=2 * width)
        self.project_out = _convolution(width, width, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Maps two maps of B x C x H x W to one."""
        query = self.q_dwconv(self.q(x))
        key, value = self.kv_dwconv(self.kv(y)).chunk(2, dim=1)
        query, key, value = (part.flatten(2).unflatten(1, (self.heads, -1)) for part in (query, key, value))
        weights = (F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(-2, -1) * self.temperature).softmax(dim=-1)
        return self.project_out((weights @ value).flatten(1, 2).unflatten(2, x.shape[-2:]))


class IntensityEnhancement(nn.Module):
    """Two gated branches of depthwise convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = int(width * 2.66)
        self.project_in = _convolution(width, 2 * hidden, 1)
        self.dwconv = _convolution(2 * hidden, 2 * hidden, groups=2 * hidden)
        self.dwconv1 = _convolution(hidden, hidden, groups=hidden)
        self.dwconv2 = _convolution(hidden, hidden, groups=hidden)
        self.project_out = _convolution(hidden, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        first, second = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        first, second = torch.tanh(self.dwconv1(first)) + first, torch.tanh(self.dwconv2(second)) + second
        return self.project_out(first * second)


class LightenCrossAttention(nn.Module):
    """Cross attention and enhancement of one branch; colour (`residual=False`) has no skip around the second.

    Args:
        width: channels.
        heads: of the attention.
        residual: whether the enhancement is added to what comes in.
    """

    def __init__(self, width: int, heads: int, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.gdfn = IntensityEnhancement(width)
        self.norm = ChannelNorm(width)
        self.ffn = CrossAttention(width, heads)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Maps this branch's map and the other's, both B x C x H x W, to this one's next."""
        x = x + self.ffn(self.norm(x), self.norm(y))
        enhanced = self.gdfn(self.norm(x))
        return x + enhanced if self.residual else enhanced


class Branch(nn.Module):
    """The layers of one U-Net, for colour or for intensity; `CIDNet.maps` runs both together.

    Args:
        inputs: channels of the maps that come in.
        outputs: channels of the maps that go out.
        width: channels at full and half size.
        residual: see `LightenCrossAttention`.
    """

    def __init__(self, inputs: int, outputs: int, width: int, residual: bool) -> None:
        super().__init__()
        first, second, third, fourth = width, width, 2 * width, 4 * width
        self.encode0 = _framed(inputs, first)
        self.encode1 = Down(first, second)
        self.encode2 = Down(second, third)
        self.encode3 = Down(third, fourth)
        self.decode3 = Up(fourth, third)
        self.decode2 = Up(third, second)
        self.decode1 = Up(second, first)
        self.decode0 = _framed(first, outputs)
        self.attend1 = LightenCrossAttention(second, 2, residual)
        self.attend2 = LightenCrossAttention(third, 4, residual)
        self.attend3 = LightenCrossAttention(fourth, 8, residual)
        self.attend4 = LightenCrossAttention(fourth, 8, residual)
        self.attend5 = LightenCrossAttention(third, 4, residual)
        self.attend6 = LightenCrossAttention(second, 2, residual)


class CIDNet(nn.Module):
    """The whole network.

    Args:
        width: channels at full and half size.
        fixed: see `HVI`.
        saturate: factor of the result's saturation.
        brighten: factor of the result.
    """

    def __init__(self, width: int = 36, fixed: bool = True, saturate: float = 1.0, brighten: float = 1.0) -> None:
        super().__init__()
        self.saturate, self.brighten = saturate, brighten
        self.colour = Branch(3, 2, width, residual=False)
        self.intensity = Branch(1, 1, width, residual=True)
        # Its result is thrown away in the authors' code; it is kept so that their files load, and never trained.
        self.intensity.attend5.requires_grad_(False)
        self.trans = HVI(fixed)

    def maps(self, hvi: Tensor) -> Tensor:
        """Enhances H, V and I maps, B x 3 x H x W, sides multiples of 8.

        The third encoders take what the second attentions took, and the second decoder of intensity takes the third's result: the
        authors call this a slip that all their weights have.
        """
        light, colour = self.intensity, self.colour
        e0, h0 = light.encode0(hvi[:, 2:]), colour.encode0(hvi)
        e1, h1 = light.encode1(e0), colour.encode1(h0)
        first = (light.attend1(e1, h1), colour.attend1(h1, e1))
        e2, h2 = light.encode2(first[0]), colour.encode2(first[1])
        second = (light.attend2(e2, h2), colour.attend2(h2, e2))
        e3, h3 = light.encode3(e2), colour.encode3(h2)
        e4, h4 = light.attend3(e3, h3), colour.attend3(h3, e3)
        d4, h4 = light.attend4(e4, h4), colour.attend4(h4, e4)
        d3, h3 = light.decode3(d4, second[0]), colour.decode3(h4, second[1])
        d2, h2 = light.decode2(d3, first[0]), colour.decode2(colour.attend5(h3, d3), first[1])
        d1, h1 = light.attend6(d2, h2), colour.attend6(h2, d2)
        d1, h1 = light.decode1(d1, e0), colour.decode1(h1, h0)
        return torch.cat([colour.decode0(h1), light.decode0(d1)], dim=1) + hvi

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape, in [0, 1] unless it is brightened."""
        maps = self.maps(self.trans(pad_to_multiple(image, 8)))
        return crop_to(self.trans.inverse(maps, self.saturate, self.brighten), image)
