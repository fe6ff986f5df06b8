"""CLIP-LIT's enhancement network: one map of light per picture, by which the picture is divided."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BINS = (1, 2, 3, 6)
"""Grid sizes of the pyramid pooling module."""


def _conv(inputs: int, outputs: int, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias, padding_mode="reflect")


class Residual(nn.Module):
    """Two convolutions without bias around a skip; the activation follows the sum too."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _conv(channels, channels, bias=False)
        self.conv2 = _conv(channels, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return F.leaky_relu(x + self.conv2(F.leaky_relu(self.conv1(x), 0.2)), 0.2)


class PyramidPooling(nn.Module):
    """Averages over 1, 4, 9 and 36 fields of the whole picture, brought back to its size and fused with it.

    Args:
        channels: of the input and output.
        reduced: channels a grid contributes.
    """

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.features = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(n), nn.Conv2d(channels, reduced, 1, bias=False), nn.PReLU()) for n in BINS
        )
        # The one convolution of the released network that pads with zeros.
        self.fuse = nn.Sequential(nn.Conv2d(channels + reduced * len(BINS), channels, 3, padding=1, bias=False), nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W (H, W from 6 up) to the same shape."""
        size = x.shape[-2:]
        grids = [F.interpolate(grid(x), size, mode="bilinear", align_corners=True) for grid in self.features]
        return self.fuse(torch.cat([x, *grids], 1))


class LightNet(nn.Module):
    """Predicts the map of light M; the enhanced picture is I / M.

    Source: the released class `UNet_emb_oneBranch_symmetry` of ZhexinLiang/CLIP-LIT @25ed5be. Despite that name nothing
    is down-sampled. Module names follow the released weights.

    Args:
        identity: start with M near 1, so that the untrained network returns its input. The authors' initialisation,
            N(0, 0.02) everywhere, starts with M near 0, that is with white pictures, which their reconstruction phase repairs.
        width: channels of the outer blocks, twice as many inside; the released network has 32.
    """

    def __init__(self, identity: bool = False, width: int = 32) -> None:
        super().__init__()
        self.cond1 = _conv(3, width)
        self.ResidualBlock1 = Residual(width)
        self.ResidualBlock2 = Residual(width)
        self.PPM1 = PyramidPooling(width, width // len(BINS))
        self.condx = _conv(width, 2 * width)
        self.ResidualBlock3 = Residual(2 * width)
        self.ResidualBlock4 = Residual(2 * width)
        self.condy = _conv(2 * width, width)
        self.ResidualBlock5 = Residual(width)
        self.ResidualBlock6 = Residual(width)
        self.cond_add1 = _conv(width, 1)
        if identity:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, a=0.2)
            for module in self.modules():
                if isinstance(module, Residual):
                    # Six blocks that start near their skips keep the features' scale, and M within a few hundredths of 1.
                    nn.init.normal_(module.conv2.weight, std=0.01)
            nn.init.normal_(self.cond_add1.weight, std=1e-3)
            nn.init.ones_(self.cond_add1.bias)  # type: ignore[arg-type]
        else:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.normal_(module.weight, std=0.02)

    def light_map(self, low: Tensor) -> Tensor:
        """Predicts the light of a batch: M, B x 1 x H x W, not negative, from B x 3 x H x W in [0, 1], H and W from 6 up."""
        return F.relu(self.raw_light(low))

    def raw_light(self, low: Tensor) -> Tensor:
        """What becomes the light by cutting off its negative part, B x 1 x H x W; it has a gradient where the light has none."""
        x = F.leaky_relu(self.cond1(low), 0.2)
        x = self.PPM1(self.ResidualBlock2(self.ResidualBlock1(x)))
        x = self.ResidualBlock4(self.ResidualBlock3(self.condx(x)))
        x = self.ResidualBlock6(self.ResidualBlock5(self.condy(x)))
        return self.cond_add1(x)

    @staticmethod
    def divide(low: Tensor, light: Tensor) -> Tensor:
        """I / M, clamped to [0, 1].

        The 1e-9 of the authors' training script stays at test time: without it a black pixel under no light is 0/0.
        """
        return (low / (light + 1e-9)).clamp(0, 1)

    def forward(self, low: Tensor) -> Tensor:
        """Divides B x 3 x H x W in [0, 1] (H, W from 6 up) by its light."""
        return self.divide(low, self.light_map(low))
