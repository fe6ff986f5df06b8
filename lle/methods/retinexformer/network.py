"""Retinexformer: light the picture up, then restore it by attention between channels that the light guides.

Modules have the authors' names.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.blocks import crop_to, pad_to_multiple


class Estimator(nn.Module):
    """Estimates features of the illumination, and the map that lights the picture up."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(4, width, 1)
        # Four groups: the authors call it depthwise, which it is not.
        self.depth_conv = nn.Conv2d(width, width, 5, padding=2, groups=4)
        self.conv2 = nn.Conv2d(width, 3, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns features, B x C x H x W, and the map, B x 3 x H x W, of B x 3 x H x W."""
        features = self.depth_conv(self.conv1(torch.cat([image, image.mean(dim=1, keepdim=True)], dim=1)))
        return features, self.conv2(features)


class GuidedAttention(nn.Module):
    """Attention between channels; the values are multiplied by the features of the illumination.

    Args:
        width: channels.
        heads: of the attention.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.rescale = nn.Parameter(torch.ones(heads, 1, 1))
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.proj = nn.Linear(width, width)
        self.pos_emb = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        )

    def forward(self, x: Tensor, light: Tensor) -> Tensor:
        """Maps a map and the light's features, both B x C x H x W, to B x C x H x W."""
        size = x.shape[-2:]
        tokens = x.flatten(2).transpose(1, 2)
        value = self.to_v(tokens)
        guided = value.transpose(1, 2) * light.flatten(2)
        query, key, answer = (
            part.unflatten(1, (self.heads, -1)) for part in (self.to_q(tokens).transpose(1, 2), self.to_k(tokens).transpose(1, 2), guided)
        )
        # Rows are channels of the key, and the sums run over channels of the query.
        weights = (F.normalize(key, dim=-1) @ F.normalize(query, dim=-1).transpose(-2, -1) * self.rescale).softmax(dim=-1)
        mixed = self.proj((weights @ answer).flatten(1, 2).transpose(1, 2))
        return mixed.transpose(1, 2).unflatten(2, size) + self.pos_emb(value.transpose(1, 2).unflatten(2, size))


class FeedForward(nn.Module):
    """Normalisation, then two 1x1 convolutions around a depthwise one."""

    def __init__(self, width: int, factor: int = 4) -> None:
        super().__init__()
        hidden = factor * width
        self.norm = nn.LayerNorm(width)
        self.net = nn.Sequential(
            nn.Conv2d(width, hidden, 1, bias=False),
            nn.GELU(),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False),
            nn.GELU(),
            nn.Conv2d(hidden, width, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return self.net(self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


class GuidedBlocks(nn.Module):
    """Attention and feed-forward layers in turn, each around a skip.

    Args:
        width: channels.
        heads: of the attention.
        count: how many of both.
    """

    def __init__(self, width: int, heads: int, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.ModuleList([GuidedAttention(width, heads), FeedForward(width)]) for _ in range(count))

    def forward(self, x: Tensor, light: Tensor) -> Tensor:
        """Maps a map and the light's features, both B x C x H x W, to B x C x H x W."""
        for pair in self.blocks:
            assert isinstance(pair, nn.ModuleList)
            attention, feed_forward = pair
            x = attention(x, light) + x
            x = feed_forward(x) + x
        return x


class Denoiser(nn.Module):
    """A U-Net of guided blocks.

    Args:
        width: channels at full size, and of a head.
        blocks: blocks at each size, the smallest last.
    """

    def __init__(self, width: int, blocks: Sequence[int]) -> None:
        super().__init__()
        self.embedding = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.encoder_layers, self.decoder_layers = nn.ModuleList(), nn.ModuleList()
        for level, count in enumerate(blocks[:-1]):
            size = width * 2**level
            # One convolution for the map and one for the light's features.
            halves = [nn.Conv2d(size, 2 * size, 4, 2, 1, bias=False) for _ in range(2)]
            self.encoder_layers.append(nn.ModuleList([GuidedBlocks(size, 2**level, count), *halves]))
            decoder = [
                nn.ConvTranspose2d(2 * size, size, 2, 2),
                nn.Conv2d(2 * size, size, 1, bias=False),
                GuidedBlocks(size, 2**level, count),
            ]
            self.decoder_layers.insert(0, nn.ModuleList(decoder))
        deepest = len(blocks) - 1
        self.bottleneck = GuidedBlocks(width * 2**deepest, 2**deepest, blocks[-1])
        self.mapping = nn.Conv2d(width, 3, 3, padding=1, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor, light: Tensor) -> Tensor:
        """Maps a lit picture, B x 3 x H x W, and the light's features, B x C x H x W, to B x 3 x H x W."""
        x = self.embedding(image)
        kept = []
        for layer in self.encoder_layers:
            assert isinstance(layer, nn.ModuleList)
            blocks, half, half_light = layer
            x = blocks(x, light)
            kept.append((x, light))
            x, light = half(x), half_light(light)
        x = self.bottleneck(x, light)
        for layer in self.decoder_layers:
            assert isinstance(layer, nn.ModuleList)
            double, join, blocks = layer
            skip, light = kept.pop()
            x = blocks(join(torch.cat([double(x), skip], dim=1)), light)
        return self.mapping(x) + image


class Stage(nn.Module):
    """One stage: estimator and denoiser."""

    def __init__(self, width: int, blocks: Sequence[int]) -> None:
        super().__init__()
        self.estimator = Estimator(width)
        self.denoiser = Denoiser(width, blocks)

    def forward(self, image: Tensor) -> Tensor:
        """Maps B x 3 x H x W to the same shape."""
        features, light = self.estimator(image)
        return self.denoiser(image * light + image, features)


class Retinexformer(nn.Module):
    """The whole network, of one stage.

    Args:
        width: channels at full size.
        blocks: blocks at each size, the smallest last.
    """

    def __init__(self, width: int = 40, blocks: Sequence[int] = (1, 2, 2)) -> None:
        super().__init__()
        self.multiple = 2 ** (len(blocks) - 1)
        self.body = nn.Sequential(Stage(width, blocks))

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]; not bounded."""
        return crop_to(self.body(pad_to_multiple(image, self.multiple)), image)
