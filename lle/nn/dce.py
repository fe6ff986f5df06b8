"""DCE-Net and its curve iteration, shared by the Zero-DCE family (Zero-DCE, SCL-LLE, PIE).

Source: Guo et al., Zero-Reference Deep Curve Estimation, CVPR 2020, equations 1 to 4; Li-Chongyi/Zero-DCE @e0f4adc.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def apply_curves(image: Tensor, curves: Tensor, times: int = 1) -> Tensor:
    """Applies quadratic curves one after the other: `x <- x + r_k (x^2 - x)`.

    The paper writes `x + alpha x (1 - x)`; here, as in the authors' code, `r = -alpha`, so a negative `r` brightens.

    Args:
        image: B x 3 x H x W in [0, 1].
        curves: B x 3n x H x W in [-1, 1]; channels 3k to 3k + 2 are the k-th curve's. The first 12 of 24 channels give the
            authors' intermediate `enhance_image_1`.
        times: how often all of them are applied.

    Returns:
        B x 3 x H x W in [0, 1].
    """
    # A single curve is not split, and never copied: both take exported files longer than the network of Zero-DCE++.
    for r in times * (curves.split(3, dim=1) if curves.shape[1] > 3 else (curves,)):
        image = image + r * (image * image - image)
    return image


class DceNet(nn.Module):
    """Seven 3x3 convolutions with symmetric skip concatenations that estimate a curve per pixel, channel and iteration.

    Modules carry the authors' names, so that weights of Zero-DCE, SCL-LLE and PIE load as they are.
    79,416 parameters at the defaults.

    Args:
        width: channels of the hidden layers.
        iterations: number of curves.
    """

    def __init__(self, width: int = 32, iterations: int = 8) -> None:
        super().__init__()
        self.e_conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.e_conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.e_conv3 = nn.Conv2d(width, width, 3, padding=1)
        self.e_conv4 = nn.Conv2d(width, width, 3, padding=1)
        self.e_conv5 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.e_conv6 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.e_conv7 = nn.Conv2d(2 * width, 3 * iterations, 3, padding=1)
        for layer in self.children():
            assert isinstance(layer, nn.Conv2d)
            nn.init.normal_(layer.weight, 0.0, 0.02)

    def curves(self, image: Tensor) -> Tensor:
        """Estimates the curves.

        Args:
            image: B x 3 x H x W in [0, 1].

        Returns:
            B x 3n x H x W in [-1, 1], for `apply_curves`.
        """
        x1 = F.relu(self.e_conv1(image))
        x2 = F.relu(self.e_conv2(x1))
        x3 = F.relu(self.e_conv3(x2))
        x4 = F.relu(self.e_conv4(x3))
        x5 = F.relu(self.e_conv5(torch.cat([x3, x4], 1)))
        x6 = F.relu(self.e_conv6(torch.cat([x2, x5], 1)))
        return torch.tanh(self.e_conv7(torch.cat([x1, x6], 1)))

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape and range."""
        return apply_curves(image, self.curves(image))
