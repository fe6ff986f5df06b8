"""The U-Net that KinD, EnlightenGAN, UNIE and StableLLVE share, in their variants.

Source: Ronneberger et al., U-Net, MICCAI 2015; the variants are those of zhangyhuaee/KinD, VITA-Group/EnlightenGAN,
jinyeying/night-enhancement and zkawfanx/StableLLVE.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.blocks import crop_to, pad_to_multiple

Unit = Callable[[int, int], nn.Module]
"""Makes a convolution with its activation and normalisation from the numbers of input and output channels."""


def conv_lrelu(inputs: int, outputs: int) -> nn.Module:
    """A 3x3 convolution and a leaky ReLU of slope 0.2."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(0.2))


def conv_relu(inputs: int, outputs: int) -> nn.Module:
    """A 3x3 convolution and a ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU())


def conv_lrelu_norm(inputs: int, outputs: int) -> nn.Module:
    """A 3x3 convolution, a leaky ReLU of slope 0.2 and, after it, batch normalisation."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(0.2), nn.BatchNorm2d(outputs))


class UNet(nn.Module):
    """Max pooling down, twice the size up, skips by concatenation, and a last convolution without activation.

    Sizes that do not halve evenly are padded by reflection and cut again.

    Args:
        inputs: channels in.
        outputs: channels out.
        widths: channels of each level, from full size down.
        unit: makes a convolution.
        last: makes the last convolution of the last level; None takes `unit`.
        depth: convolutions a level.
        rise: how a deeper map is brought up. `deconv`: 2x2 transposed convolution to the skip's channels; `conv`: bilinear,
            then a 3x3 convolution to them; `plain`: bilinear alone, corners aligned, the level before having narrowed it.
        kernel: side of the last convolution's kernel.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        widths: Sequence[int],
        unit: Unit,
        last: Unit | None = None,
        depth: int = 2,
        rise: Literal["deconv", "conv", "plain"] = "conv",
        kernel: int = 1,
    ) -> None:
        super().__init__()
        self.plain = rise == "plain"
        skips = list(widths[:-1])
        deepest = skips[-1] if self.plain else widths[-1]
        self.down = nn.ModuleList(
            _level(before, after, after, unit, depth) for before, after in zip([inputs, *skips], [*skips, deepest], strict=True)
        )
        self.rise = nn.ModuleList()
        self.up = nn.ModuleList()
        deep = deepest
        for k in reversed(range(len(skips))):
            skip = skips[k]
            # Without a convolution on the way up, the level itself narrows its map to what the next skip has.
            out = skips[max(k - 1, 0)] if self.plain else skip
            self.rise.append(_rise(rise, deep, skip))
            self.up.append(_level((deep if self.plain else skip) + skip, skip, out, unit, depth, last if k == 0 else None))
            deep = out
        self.head = nn.Conv2d(deep, outputs, kernel, padding=kernel // 2)

    def features(self, image: Tensor, attention: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Computes the maps at full size.

        Args:
            image: B x C x H x W, H and W multiples of 2 to the number of levels less one.
            attention: B x 1 x H x W; multiplies every skip and the deepest map, max-pooled to its size.

        Returns:
            The first level's map and the last one's.
        """
        x = image
        skips: list[Tensor] = []
        maps: list[Tensor] = []
        for k, level in enumerate(self.down):
            if k:
                x = F.max_pool2d(x, 2)
            if attention is not None:
                maps.append(F.max_pool2d(attention, 2**k))
            for j, unit in enumerate(level.children()):
                x = unit(x)
                if attention is not None and j == 0 and k == len(self.down) - 1:
                    x = x * maps[-1]
            skips.append(x)
        first = skips[0]
        skips.pop()
        for rise, level in zip(self.rise, self.up, strict=True):
            skip = skips.pop()
            if attention is not None:
                skip = skip * maps[len(skips)]
            x = rise(F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=self.plain) if _stretched(rise) else x)
            x = level(torch.cat([x, skip], dim=1))
        return first, x

    def forward(self, image: Tensor, attention: Tensor | None = None) -> Tensor:
        """Maps B x C x H x W of any size to B x C' x H x W.

        Args:
            image: the picture.
            attention: see `features`.
        """
        step = 2 ** (len(self.down) - 1)
        padded = None if attention is None else pad_to_multiple(attention, step)
        return crop_to(self.head(self.features(pad_to_multiple(image, step), padded)[1]), image)


def _level(inputs: int, middle: int, outputs: int, unit: Unit, depth: int, last: Unit | None = None) -> nn.Sequential:
    widths = [inputs, *[middle] * (depth - 1), outputs]
    units = [unit] * (depth - 1) + [last or unit]
    return nn.Sequential(*(make(before, after) for make, before, after in zip(units, widths, widths[1:], strict=False)))


def _rise(kind: str, deep: int, skip: int) -> nn.Module:
    if kind == "deconv":
        return nn.ConvTranspose2d(deep, skip, 2, stride=2, bias=False)
    return nn.Conv2d(deep, skip, 3, padding=1) if kind == "conv" else nn.Identity()


def _stretched(rise: nn.Module) -> bool:
    return not isinstance(rise, nn.ConvTranspose2d)
