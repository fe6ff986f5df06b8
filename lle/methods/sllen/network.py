"""SLLEN: one U-Net that segments, one that enhances, and the encoder levels that they share.

Written from the paper; there is no public code. What the paper leaves open is marked as our choice.
"""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.blocks import crop_to, pad_to_multiple

Norm = Literal["group", "none"]
GROUPS = 8
LEVELS = 4
DOWN = 2**LEVELS  # e5 is four halvings below e1
FLOOR = 1e-4  # black has no hue to keep: the factor stays finite
POSITIVE = 1e-3  # a power of 0 has no gradient
QUERIES = 4096  # pixels whose attention is computed at once: the map of all of them would not fit into memory


def _draw(module: nn.Conv2d | nn.ConvTranspose2d, deviation: float) -> None:
    nn.init.normal_(module.weight, std=deviation)
    assert module.bias is not None
    nn.init.zeros_(module.bias)


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution, drawn as in the U-Net paper; torch's own smaller weights leave nothing of a dark picture after four levels."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    _draw(conv, (2 / (9 * inputs)) ** 0.5)
    return conv


def _rise(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """A 2x2 transposed convolution of stride 2; each of its outputs sees every input once."""
    conv = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
    _draw(conv, inputs**-0.5)
    return conv


def _zero(conv: nn.Conv2d) -> nn.Conv2d:
    for parameter in conv.parameters():
        nn.init.zeros_(parameter)
    return conv


def _normed(width: int, norm: Norm) -> nn.Module:
    return nn.Sequential(_conv(width, width), nn.GroupNorm(GROUPS, width)) if norm == "group" else _conv(width, width)


def _double(inputs: int, outputs: int, norm: Norm) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (inputs, outputs):
        layers += [_conv(before, outputs), *([nn.GroupNorm(GROUPS, outputs)] if norm == "group" else []), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """E_l, the levels e1 to e4: max pooling between double convolutions, the width doubled each time."""

    def __init__(self, inputs: int, width: int, norm: Norm) -> None:
        super().__init__()
        widths = [inputs, *(width * 2**level for level in range(LEVELS))]
        self.levels = nn.ModuleList(_double(before, after, norm) for before, after in itertools.pairwise(widths))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Maps B x C x H x W to e1 ... e4, of H x W to H/8 x W/8."""
        maps: list[Tensor] = []
        for level in self.levels:
            x = level(F.max_pool2d(x, 2) if maps else x)
            maps.append(x)
        return maps


class Decoder(nn.Module):
    """Levels up from a deep map: 2x2 transposed convolution, the encoder's map beside it, double convolution."""

    def __init__(self, width: int, levels: int, norm: Norm) -> None:
        super().__init__()
        widths = [width * 2**level for level in reversed(range(levels + 1))]
        self.rise = nn.ModuleList(_rise(deep, skip) for deep, skip in itertools.pairwise(widths))
        self.levels = nn.ModuleList(_double(2 * skip, skip, norm) for skip in widths[1:])

    def step(self, index: int, x: Tensor, skip: Tensor) -> Tensor:
        """Goes up one level from `x` to the size of `skip`."""
        return self.levels[index](torch.cat([self.rise[index](x), skip], 1))


class Segmenter(nn.Module):
    """What SSaN has to itself: e5, the decoder D_s and the head."""

    def __init__(self, width: int, classes: int, norm: Norm) -> None:
        super().__init__()
        self.deepest = _double(8 * width, 16 * width, norm)
        self.decoder = Decoder(width, LEVELS, norm)
        self.head = nn.Conv2d(width, classes, 1)

    def middle(self, maps: list[Tensor]) -> Tensor:
        """The intermediate feature F_i (s4), 8b channels at the size of e4; our choice of layer."""
        return self.decoder.step(0, self.deepest(F.max_pool2d(maps[3], 2)), maps[3])

    def scores(self, middle: Tensor, maps: list[Tensor]) -> Tensor:
        """The map S as logits, one channel a class at the size of e1."""
        x = middle
        for index in (1, 2, 3):
            x = self.decoder.step(index, x, maps[3 - index])
        return self.head(x)


class HighLevel(nn.Module):
    """HSEB (eq. 3): three convolutions with ReLU and pooling; at base width 32 they have the paper's 32, 128, 512 filters."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        widths = (classes, width, 4 * width, 16 * width)
        self.convs = nn.ModuleList(_conv(before, after) for before, after in itertools.pairwise(widths))

    def forward(self, scores: Tensor) -> Tensor:
        """Maps logits B x K x H x W to F_h, B x 16b x H/8 x W/8."""
        x = scores.softmax(1)
        for conv in self.convs:
            x = F.max_pool2d(F.relu_(conv(x)), 2)
        return x


class HighLevelAttention(nn.Module):
    """HSBAB (eq. 4): queries from F_h, keys and values from F_l, added to F_l through a factor that starts at 1.

    Args:
        width: base width b.
        tokens: pixels above which keys and values are averaged over 2x2, 4x4, ... pixels until there are no more.
        norm: `group` takes the mean out of queries and keys, channel by channel: a mean that outweighs what differs between places
            makes all of them attend to the same ones.
    """

    def __init__(self, width: int, tokens: int, norm: Norm) -> None:
        super().__init__()
        self.tokens, self.norm = tokens, norm
        self.query = _conv(16 * width, 2 * width)
        self.key = _conv(8 * width, 2 * width)
        self.value = _conv(8 * width, 8 * width)
        self.out = _conv(8 * width, 8 * width)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """Maps F_l, B x 8b x h x w, and F_h, B x 16b x h x w, to F_hs, B x 8b x h x w."""
        height, width = low.shape[-2:]
        query, key, value = self.query(high), self.key(low), self.value(low)
        if self.norm == "group":
            query, key = F.instance_norm(query), F.instance_norm(key)
        while key.shape[-2] * key.shape[-1] > self.tokens:
            key, value = (F.avg_pool2d(x, 2, ceil_mode=True) for x in (key, value))
        query, key, value = (x.flatten(2).transpose(1, 2) for x in (query, key, value))
        parts = [F.scaled_dot_product_attention(part, key, value) for part in query.split(QUERIES, 1)]
        found = torch.cat(parts, 1).transpose(1, 2).unflatten(2, (height, width))
        return low + self.scale * self.out(found)


class IntermediateAdjustment(nn.Module):
    """RSAEB (eq. 5): F_l to a power, times a factor, both maps made from F_i.

    The paper says that the transformation is not linear; the power law is our choice. Both maps start at 1.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = _conv(8 * width, 8 * width)
        self.factor = _zero(_conv(8 * width, 8 * width))
        self.power = _zero(_conv(8 * width, 8 * width))

    def forward(self, low: Tensor, middle: Tensor) -> Tensor:
        """Maps F_l and F_i, both B x 8b x h x w, to F_rs of the same shape; the factor is in (0, 2), the power in [0.5, 2]."""
        features = F.relu_(self.features(middle))
        factor = 2 * self.factor(features).sigmoid()
        power = torch.exp2(self.power(features).tanh())
        return factor * (low.relu() + POSITIVE) ** power


class Fusion(nn.Module):
    """FFB (eq. 6): a weight predicted at every pixel, from 1/4 to 3/4 (our choice), trades one feature off against the other.

    From 0 to 1 it may leave one of them out for good, and then the block that made it learns no more.
    """

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.first, self.second, self.out = (_normed(8 * width, norm) for _ in range(3))
        self.weight = _conv(16 * width, 1)

    def forward(self, high: Tensor, middle: Tensor) -> Tensor:
        """Maps F_hs and F_rs, both B x 8b x h x w, to F_f of the same shape."""
        first, second = self.first(high), self.second(middle)
        weight = 0.25 + 0.5 * self.weight(torch.cat([first, second], 1)).sigmoid()
        return self.out(weight * first + (1 - weight) * second)


class Network(nn.Module):
    """SSaN and LLEmN.

    Args:
        width: base width b.
        classes: classes of the segmentation.
        norm: `group` normalises after every convolution of the U-Nets and of FFB, in groups of 8 channels, and in HSBAB.
        pack: side of the square of pixels that is one position of e1: 1 works at full size, 2 at half of it.
        exponent: of the power curve of the brightest channel that is enhanced instead of the picture; None takes the picture
            itself and ends in a sigmoid, as in the paper.
        high_level: with HSEB and HSBAB.
        intermediate: with RSAEB. Without both blocks there is a plain U-Net, and nothing is segmented.
        shared: SSaN begins with LLEmN's encoder; otherwise with one of its own.
        tokens: see `HighLevelAttention`.
        coarse: F_f also makes a correction of the picture at its own scale, which is added. Needs `exponent`.

    Attributes:
        encoder: the shared levels e1 to e4.
        segmenter: SSaN's own layers, None in a plain U-Net.
    """

    def __init__(
        self,
        width: int = 32,
        classes: int = 21,
        norm: Norm = "group",
        pack: int = 1,
        exponent: float | None = None,
        high_level: bool = True,
        intermediate: bool = True,
        shared: bool = True,
        tokens: int = 4096,
        coarse: bool = False,
    ) -> None:
        super().__init__()
        semantic = high_level or intermediate
        self.pack, self.exponent = pack, exponent
        self.encoder = Encoder(3 * pack**2, width, norm)
        self.own_encoder = None if shared or not semantic else Encoder(3 * pack**2, width, norm)
        self.segmenter = Segmenter(width, classes, norm) if semantic else None
        self.hseb = HighLevel(width, classes) if high_level else None
        self.hsbab = HighLevelAttention(width, tokens, norm) if high_level else None
        self.rsaeb = IntermediateAdjustment(width) if intermediate else None
        self.ffb = Fusion(width, norm) if semantic else None
        self.coarse = _zero(_conv(8 * width, 3)) if coarse else None
        self.decoder = Decoder(width, LEVELS - 1, norm)
        self.out = _conv(width, 3 * pack**2)
        if exponent is not None:
            _zero(self.out)

    def segmenting(self) -> list[nn.Module]:
        """The modules that learn to segment: E_s and D_s."""
        assert self.segmenter is not None
        return [self.encoder if self.own_encoder is None else self.own_encoder, self.segmenter]

    def enhancing(self) -> list[nn.Module]:
        """The modules that learn to enhance: E_l, HSEB, HSBAB, RSAEB, FFB, the coarse correction and D_l."""
        blocks = (self.encoder, self.hseb, self.hsbab, self.rsaeb, self.ffb, self.coarse, self.decoder, self.out)
        return [block for block in blocks if block is not None]

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape."""
        return self.features(image)[0]

    def segment(self, image: Tensor) -> Tensor:
        """Returns SSaN's logits of B x 3 x H x W in [0, 1], B x K x H x W."""
        assert self.segmenter is not None
        maps = self.segmenting()[0](self._packed(self._lit(image)))
        scores = self.segmenter.scores(self.segmenter.middle(maps), maps)
        if self.pack > 1:
            scores = F.interpolate(scores, scale_factor=float(self.pack), mode="bilinear", align_corners=False)
        return crop_to(scores, image)

    def features(self, image: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Enhances, and returns what the levels see.

        Args:
            image: B x 3 x H x W in [0, 1].

        Returns:
            The enhanced picture B x 3 x H x W, the maps e1, e2, e3 and the maps d1, d2, d3.
        """
        lit = self._lit(image)
        packed = self._packed(lit)
        maps = self.encoder(packed)
        x = self._fuse(packed, maps)
        if self.coarse is not None:
            lit = lit + F.interpolate(self.coarse(x), lit.shape[-2:], mode="bilinear", align_corners=False)
        skips = maps[:3]
        del maps, packed
        risen: list[Tensor] = []
        for index in range(3):
            x = self.decoder.step(index, x, skips[2 - index])
            risen.insert(0, x)
        x = self.out(x)
        if self.pack > 1:
            x = F.pixel_shuffle(x, self.pack)
        return crop_to(x.sigmoid() if self.exponent is None else lit + x, image), skips, risen

    def _lit(self, image: Tensor) -> Tensor:
        """Pads; and brightens by the power curve, with one factor for all channels, which keeps the hue."""
        image = image.clamp(0, 1)
        if self.exponent is not None:
            image = image * (image.amax(1, keepdim=True) + FLOOR) ** (self.exponent - 1)
        return pad_to_multiple(image, DOWN * self.pack)

    def _packed(self, lit: Tensor) -> Tensor:
        packed = F.pixel_unshuffle(lit, self.pack) if self.pack > 1 else lit
        # Convolutions on the CPU are faster on this layout.
        return packed.contiguous(memory_format=torch.channels_last)

    def _fuse(self, packed: Tensor, maps: list[Tensor]) -> Tensor:
        """From the encoder's maps to F_f; SSaN's own layers learn nothing from the enhancement."""
        low = maps[3]
        if self.segmenter is None:
            return low
        with torch.no_grad():
            seen = maps if self.own_encoder is None else self.own_encoder(packed)
            middle = self.segmenter.middle(seen)
            scores = self.segmenter.scores(middle, seen) if self.hseb is not None else None
            del seen
        high = low
        if scores is not None:
            assert self.hseb is not None
            assert self.hsbab is not None
            high = self.hsbab(low, self.hseb(scores))
        adjusted = low if self.rsaeb is None else self.rsaeb(low, middle)
        assert self.ffb is not None
        fused: Tensor = self.ffb(high, adjusted)
        return fused
