"""KinD: decomposition, restoration of the reflectance, adjustment of the illumination."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lle.nn.blocks import crop_to, pad_to_multiple
from lle.nn.unet import UNet, conv_lrelu


class Decomposition(nn.Module):
    """A small U-Net for the reflectance and a branch from its first and last maps for the illumination.

    Args:
        width: channels at full size.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.unet = UNet(3, 3, [width, 2 * width, 4 * width], conv_lrelu, depth=1, rise="deconv")
        self.branch = conv_lrelu(width, width)
        self.illumination = nn.Conv2d(2 * width, 1, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns reflectance, B x 3 x H x W, and illumination, B x 1 x H x W, both in (0, 1), of B x 3 x H x W."""
        first, last = self.unet.features(pad_to_multiple(image, 4))
        reflectance = torch.sigmoid(self.unet.head(last))
        illumination = torch.sigmoid(self.illumination(torch.cat([self.branch(first), last], dim=1)))
        return crop_to(reflectance, image), crop_to(illumination, image)


class Adjustment(nn.Module):
    """Four convolutions that brighten an illumination by a ratio.

    Args:
        width: channels.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_lrelu(2, width), conv_lrelu(width, width), conv_lrelu(width, width), conv_lrelu(width, 1))

    def forward(self, illumination: Tensor, ratio: Tensor) -> Tensor:
        """Returns the new illumination.

        Args:
            illumination: B x 1 x H x W.
            ratio: B x 1 x 1 x 1.

        Returns:
            B x 1 x H x W in (0, 1).
        """
        return torch.sigmoid(self.body(torch.cat([illumination, ratio.expand_as(illumination)], dim=1)))


class Kind(nn.Module):
    """The three networks: restore(R, I) * adjust(I, ratio).

    Args:
        width: channels at full size.
        ratio: brightening asked for.
    """

    def __init__(self, width: int = 32, ratio: float = 5.0) -> None:
        super().__init__()
        self.ratio = ratio
        self.decomposition = Decomposition(width)
        self.restoration = UNet(4, 3, [width * 2**k for k in range(5)], conv_lrelu, rise="deconv", kernel=3)
        self.adjustment = Adjustment(width)

    def restore(self, reflectance: Tensor, illumination: Tensor) -> Tensor:
        """Cleans a reflectance, B x 3 x H x W, given the illumination B x 1 x H x W; values in (0, 1)."""
        return torch.sigmoid(self.restoration(torch.cat([reflectance, illumination], dim=1)))

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape and range."""
        # The restoration halves four times: one padding for all keeps the parts aligned.
        padded = pad_to_multiple(low, 16)
        reflectance, illumination = self.decomposition(padded)
        ratio = low.new_full((low.shape[0], 1, 1, 1), self.ratio)
        return crop_to(self.restore(reflectance, illumination) * self.adjustment(illumination, ratio), low)


def consistency(low: Tensor, high: Tensor) -> Tensor:
    """Mutual consistency of two illuminations' gradients along one direction: `m exp(-10 m)`, m the sum of both magnitudes.

    Strong edges that both have and flat places cost nothing; weak edges do.

    Args:
        low: gradient of one illumination, B x 1 x H x W.
        high: gradient of the other.
    """
    both = low.abs() + high.abs()
    return (both * torch.exp(-10 * both)).mean()


def relative_smoothness(illumination: Tensor, image: Tensor) -> Tensor:
    """Mean of an illumination's gradient over the picture's, which counts as 0.01 at least, along one direction.

    Args:
        illumination: gradient of the illumination, B x 1 x H x W.
        image: gradient of the grey picture, B x 1 x H x W.
    """
    return (illumination.abs() / image.abs().clamp_min(0.01)).mean()
