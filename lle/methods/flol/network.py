"""FLOL: amplitudes first, then details where there is signal and surroundings where there is none. Modules have the authors' names."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.methods.flol.frequency import AmplitudeNet, FrequencyBlock, amplify
from lle.nn.blocks import crop_to, pad_to_multiple
from lle.nn.color import grey

MULTIPLE = 8


class Residual(nn.Module):
    """Two 3x3 convolutions with a ReLU between them, around a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        for layer in (self.conv1, self.conv2):
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data *= 0.1
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return x + self.conv2(F.relu(self.conv1(x)))


class LongRange(nn.Module):
    """A frequency block, which sees the whole map, and a 1x1 convolution, around a skip."""

    def __init__(self, width: int, real_bins: bool) -> None:
        super().__init__()
        self.frequency_process = FrequencyBlock(width, real_bins)
        self.cat = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return x + self.cat(self.frequency_process(x))


class Chain(nn.Module):
    """Four blocks of long range, around a skip."""

    def __init__(self, width: int, real_bins: bool) -> None:
        super().__init__()
        self.block = nn.Sequential(*(LongRange(width, real_bins) for _ in range(4)))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return x + self.block(x)


def signal_mask(image: Tensor) -> Tensor:
    """Estimates where a picture is more signal than noise: its blurred brightness against the difference to it.

    Args:
        image: B x 3 x H x W.

    Returns:
        B x 1 x H x W in [0, 1], in relation to the largest value in each picture.
    """
    offsets = torch.arange(5, dtype=image.dtype, device=image.device) - 2
    window = torch.exp(-offsets.square() / 4.5)
    window = (window / window.sum()).expand(3, 1, 5)
    padded = F.pad(image, (2, 2, 2, 2), mode="reflect")
    blurred = F.conv2d(F.conv2d(padded, window[:, :, None, :], groups=3), window[:, :, :, None], groups=3)
    smooth = grey(blurred)
    ratio = smooth / ((grey(image) - smooth).abs() + 1e-4)
    return (ratio / (ratio.amax(dim=(2, 3), keepdim=True) + 1e-4)).clamp(0, 1)


class FLOL(nn.Module):
    """The whole network.

    Args:
        width: channels of the spatial stage.
        reflect: whether sides are padded by reflection, instead of by zeros.
        real_bins: see `Config.real_bins`.
    """

    def __init__(self, width: int = 16, reflect: bool = True, real_bins: bool = True) -> None:
        super().__init__()
        self.reflect = reflect
        # A list of one, as the authors name it.
        self.AmpNet = nn.Sequential(AmplitudeNet(8, real_bins))
        self.conv_first_1 = nn.Conv2d(6, width, 3, padding=1)
        self.conv_first_2 = nn.Conv2d(width, width, 3, 2, 1)
        self.conv_first_3 = nn.Conv2d(width, width, 3, 2, 1)
        self.feature_extraction = nn.Sequential(Residual(width))
        self.recon_trunk_light = nn.Sequential(*(Residual(width) for _ in range(6)))
        self.transformer = Chain(width, real_bins)
        self.recon_trunk = nn.Sequential(Residual(width))
        self.upconv1 = nn.Conv2d(2 * width, 4 * width, 3, padding=1)
        self.upconv2 = nn.Conv2d(2 * width, 4 * width, 3, padding=1)
        self.HRconv = nn.Conv2d(2 * width, width, 3, padding=1)
        self.conv_last = nn.Conv2d(width, 3, 3, padding=1)

    def pad(self, image: Tensor) -> Tensor:
        """Pads B x 3 x H x W on the right and below to multiples of 8."""
        if self.reflect:
            return pad_to_multiple(image, MULTIPLE)
        return F.pad(image, (0, -image.shape[-1] % MULTIPLE, 0, -image.shape[-2] % MULTIPLE))

    def amplified(self, image: Tensor) -> Tensor:
        """Returns a padded picture after the frequency stage, in the same shape; not bounded."""
        return amplify(image, self.AmpNet(image))

    def restored(self, image: Tensor, amplified: Tensor) -> Tensor:
        """The spatial stage, from a padded picture and what the frequency stage made of it; all B x 3 x H x W, not bounded."""

        def active(x: Tensor) -> Tensor:
            return F.leaky_relu(x, 0.1)

        f1 = active(self.conv_first_1(torch.cat([amplified, image], dim=1)))
        f2 = active(self.conv_first_2(f1))
        f3 = active(self.conv_first_3(f2))
        f = self.feature_extraction(f3)
        mask = F.interpolate(signal_mask(amplified), f.shape[-2:], mode="nearest")
        f = self.recon_trunk(self.transformer(f) * (1 - mask) + self.recon_trunk_light(f) * mask)
        f = active(F.pixel_shuffle(self.upconv1(torch.cat([f, f3], dim=1)), 2))
        f = active(F.pixel_shuffle(self.upconv2(torch.cat([f, f2], dim=1)), 2))
        return self.conv_last(active(self.HRconv(torch.cat([f, f1], dim=1)))) + image

    def stages(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the result and the picture after the frequency stage, both B x 3 x H x W and not bounded."""
        padded = self.pad(image)
        amplified = self.amplified(padded)
        return crop_to(self.restored(padded, amplified), image), crop_to(amplified, image)

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]; not bounded."""
        return self.stages(image)[0]
