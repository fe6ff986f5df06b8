"""Network of Zero-DCE++: DCE-Net from separable convolutions, run on a small copy of the picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.blocks import crop_to, pad_to_multiple
from lle.nn.dce import apply_curves


class SeparableConv(nn.Module):
    """A 3x3 convolution of each channel by itself, then a 1x1 convolution; both with bias, nothing between.

    Args:
        inputs: channels in.
        outputs: channels out.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depth_conv = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs)
        self.point_conv = nn.Conv2d(inputs, outputs, 1)
        nn.init.normal_(self.depth_conv.weight, 0.0, 0.02)
        nn.init.normal_(self.point_conv.weight, 0.0, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x inputs x H x W to B x outputs x H x W."""
        result: Tensor = self.point_conv(self.depth_conv(x))
        return result


class Network(nn.Module):
    """Estimates one curve a pixel and channel, applied several times. 10,561 parameters; modules carry the authors' names.

    Args:
        width: channels of the hidden layers.
        iterations: how often the curve is applied.
        scale: factor by which the picture is shrunk first; may be changed later.
    """

    def __init__(self, width: int = 32, iterations: int = 8, scale: int = 12) -> None:
        super().__init__()
        self.iterations = iterations
        self.scale = scale
        self.e_conv1 = SeparableConv(3, width)
        self.e_conv2 = SeparableConv(width, width)
        self.e_conv3 = SeparableConv(width, width)
        self.e_conv4 = SeparableConv(width, width)
        self.e_conv5 = SeparableConv(2 * width, width)
        self.e_conv6 = SeparableConv(2 * width, width)
        self.e_conv7 = SeparableConv(2 * width, 3)

    def shrink(self, image: Tensor, scale: int | None = None) -> Tensor:
        """Shrinks B x 3 x H x W, sides multiples of the scale, without anti-aliasing, as the authors do."""
        scale = scale or self.scale
        return image if scale == 1 else F.interpolate(image, scale_factor=1 / scale, mode="bilinear", align_corners=False)

    def curves(self, image: Tensor, scale: int | None = None) -> Tensor:
        """Estimates the curve map.

        Args:
            image: B x 3 x H x W in [0, 1].
            scale: overrides the network's.

        Returns:
            B x 3 x H x W in [-1, 1].
        """
        scale = scale or self.scale
        # The authors cut the picture to a multiple of the scale; padding keeps its size and, on multiples, changes nothing.
        padded = pad_to_multiple(image, scale)
        small = self.shrink(padded, scale)
        x1 = F.relu(self.e_conv1(small))
        x2 = F.relu(self.e_conv2(x1))
        x3 = F.relu(self.e_conv3(x2))
        x4 = F.relu(self.e_conv4(x3))
        x5 = F.relu(self.e_conv5(torch.cat([x3, x4], 1)))
        x6 = F.relu(self.e_conv6(torch.cat([x2, x5], 1)))
        curve = torch.tanh(self.e_conv7(torch.cat([x1, x6], 1)))
        if scale == 1:
            return curve
        return crop_to(F.interpolate(curve, size=padded.shape[-2:], mode="bilinear", align_corners=True), image)

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape and range."""
        return apply_curves(image, self.curves(image), self.iterations)
