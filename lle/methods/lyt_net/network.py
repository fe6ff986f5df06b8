"""LYT-Net: light and colour apart, a little attention on each, and both together again. Modules have the authors' names."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.blocks import crop_to, pad_to_multiple

# From RGB to Y, U, V: rows of a matrix, and what is added.
_YUV = ((0.299, 0.587, 0.114), (-0.14713, -0.28886, 0.436), (0.615, -0.51499, -0.10001))
_OFFSETS = (0.0, 0.5, 0.5)
HEADS = 4


def yuv(image: Tensor) -> Tensor:
    """Returns Y, U + 0.5 and V + 0.5 of RGB pictures, B x 3 x H x W."""
    mixed = F.conv2d(image, image.new_tensor(_YUV)[:, :, None, None])
    return mixed + image.new_tensor(_OFFSETS)[:, None, None]


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
    nn.init.kaiming_uniform_(layer.weight, mode="fan_in", nonlinearity="relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class Attention(nn.Module):
    """Multi-head self-attention over the positions of a map.

    Args:
        width: channels of a token, a multiple of 4.
        pixels: whether a token is a position with its channels, see `Config.tokens`.
    """

    def __init__(self, width: int, pixels: bool) -> None:
        super().__init__()
        self.pixels = pixels
        self.query_dense = nn.Linear(width, width)
        self.key_dense = nn.Linear(width, width)
        self.value_dense = nn.Linear(width, width)
        self.combine_heads = nn.Linear(width, width)
        for layer in self.children():
            assert isinstance(layer, nn.Linear)
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        batch, width, height, across = x.shape
        tokens = (x.permute(0, 2, 3, 1) if self.pixels else x.contiguous()).reshape(batch, height * across, width)
        query, key, value = (
            layer(tokens).unflatten(-1, (HEADS, -1)).transpose(1, 2) for layer in (self.query_dense, self.key_dense, self.value_dense)
        )
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        # Whatever the tokens were, what comes out is laid out as positions with their channels.
        return self.combine_heads(mixed).transpose(1, 2).unflatten(2, (height, across))


class ColourDenoiser(nn.Module):
    """Channel-wise denoiser: a small U-Net around an attention at an eighth of the size.

    Args:
        width: channels.
        pixels: see `Attention`.
    """

    def __init__(self, width: int, pixels: bool) -> None:
        super().__init__()
        self.conv1 = _convolution(1, width)
        self.conv2 = _convolution(width, width, stride=2)
        self.conv3 = _convolution(width, width, stride=2)
        self.conv4 = _convolution(width, width, stride=2)
        self.bottleneck = Attention(width, pixels)
        self.res_layer = _convolution(width, 1)
        self.output_layer = _convolution(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x 1 x H x W, sides multiples of 8, to the same shape in (-1, 1)."""
        full = F.relu(self.conv1(x))
        half = F.relu(self.conv2(full))
        quarter = F.relu(self.conv3(half))
        out = _twice(self.bottleneck(F.relu(self.conv4(quarter))))
        out = _twice(_twice(out + quarter) + half) + full
        # The authors add the map to itself here, where their version in TensorFlow adds the input.
        return torch.tanh(self.output_layer(2 * self.res_layer(out)))


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class ChannelGate(nn.Module):
    """Squeeze and excite: each channel times a factor in (-1, 1) from the channels' means."""

    def __init__(self, width: int, ratio: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, max(width // ratio, 1))
        self.fc2 = nn.Linear(max(width // ratio, 1), width)
        for layer in (self.fc1, self.fc2):
            nn.init.kaiming_uniform_(layer.weight, mode="fan_in", nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        # With two channels a ReLU of which all are off is likely, and never learns.
        nn.init.constant_(self.fc1.bias, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        factors = torch.tanh(self.fc2(F.relu(self.fc1(x.mean(dim=(2, 3))))))
        return x * factors[:, :, None, None]


class Fusion(nn.Module):
    """Multi-stage squeeze-and-excite fusion: a depthwise convolution times a gate, around a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(width)
        self.depthwise_conv = nn.Conv2d(width, width, 3, padding=1, groups=width)
        nn.init.kaiming_uniform_(self.depthwise_conv.weight, mode="fan_in", nonlinearity="relu")
        assert self.depthwise_conv.bias is not None
        nn.init.zeros_(self.depthwise_conv.bias)
        self.se_attn = ChannelGate(width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        normed = self.layer_norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return x + self.depthwise_conv(normed) * self.se_attn(normed)


class LYTNet(nn.Module):
    """The whole network.

    Args:
        width: channels at full size.
        pixels: see `Attention`.
    """

    def __init__(self, width: int = 32, pixels: bool = False) -> None:
        super().__init__()
        # Three layers in a list of one each, as the authors name them.
        self.process_y, self.process_cb, self.process_cr = (nn.Sequential(nn.Conv2d(1, width, 3, padding=1)) for _ in range(3))
        self.denoiser_cb = ColourDenoiser(width // 2, pixels)
        self.denoiser_cr = ColourDenoiser(width // 2, pixels)
        self.lum_mhsa = Attention(width, pixels)
        self.lum_conv = _convolution(width, width, 1)
        self.ref_conv = _convolution(2 * width, width, 1)
        self.msef = Fusion(width)
        self.recombine = _convolution(2 * width, width)
        self.final_adjustments = _convolution(width, 3)

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape, in (0, 1)."""
        light, u, v = yuv(pad_to_multiple(image, 8)).split(1, dim=1)
        u, v = u + self.denoiser_cb(u), v + self.denoiser_cr(v)
        y = F.relu(self.process_y(light))
        colour = self.ref_conv(torch.cat([F.relu(self.process_cb(u)), F.relu(self.process_cr(v))], dim=1))
        y = y + F.interpolate(self.lum_mhsa(F.max_pool2d(y, 8)), scale_factor=8.0, mode="nearest")
        colour = self.msef(colour + 0.2 * self.lum_conv(y)) + colour
        out = self.final_adjustments(self.recombine(torch.cat([colour, y], dim=1)))
        return crop_to(torch.sigmoid(out), image)
