"""FLOL's frequency stage: a spectrum whose amplitudes a small network divides, and blocks that work on spectra."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.channel_norm import ChannelNorm


class FrequencyBlock(nn.Module):
    """Convolves the amplitudes and the phases of a map's spectrum, and adds the result to the map.

    Args:
        width: channels.
        real_bins: whether the numbers of a spectrum that must be real are, see `Config.real_bins`.
    """

    def __init__(self, width: int, real_bins: bool) -> None:
        super().__init__()
        self.real_bins = real_bins
        self.fpre = nn.Conv2d(width, width, 1)
        self.process1 = nn.Sequential(nn.Conv2d(width, width, 1), nn.LeakyReLU(0.1), nn.Conv2d(width, width, 1))
        self.process2 = nn.Sequential(nn.Conv2d(width, width, 1), nn.LeakyReLU(0.1), nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        spectrum = torch.fft.rfft2(self.fpre(x))
        if self.real_bins:
            spectrum = _with_real_bins(spectrum, x.shape[-2], x.shape[-1])
        amplitude, phase = self.process1(spectrum.abs()), self.process2(spectrum.angle())
        changed = torch.complex(amplitude * torch.cos(phase), amplitude * torch.sin(phase))
        return torch.fft.irfft2(changed, s=x.shape[-2:]) + x


def _with_real_bins(spectrum: Tensor, height: int, width: int) -> Tensor:
    """Sets the imaginary parts to +0 where the spectrum of a real map, H x W, is real: at frequency 0 and at half the sampling rate."""
    mask = torch.zeros(spectrum.shape[-2:], dtype=torch.bool, device=spectrum.device)
    for row in {0, height // 2 if height % 2 == 0 else 0}:
        for column in {0, width // 2 if width % 2 == 0 else 0}:
            mask[row, column] = True
    return torch.complex(spectrum.real, torch.where(mask, torch.zeros_like(spectrum.imag), spectrum.imag))


class Gate(nn.Module):
    """Half of the channels, filtered by a depthwise convolution, times the other half."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwc = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x 2C x H x W to B x C x H x W."""
        first, second = x.chunk(2, dim=1)
        return self.dwc(first) * second


class SpatialFrequencyBlock(nn.Module):
    """Gated convolutions and a frequency block, then a gated layer at each position. What comes in is not added to what goes out."""

    def __init__(self, width: int, real_bins: bool) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(1, width, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, width, 1, 1))
        self.norm1 = ChannelNorm(width)
        self.conv1 = nn.Conv2d(width, 2 * width, 1)
        self.conv2 = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.sge = Gate(width)
        self.fatt = FrequencyBlock(width, real_bins)
        self.conv3 = nn.Conv2d(width, width, 1)
        self.norm2 = ChannelNorm(width)
        self.conv4 = nn.Conv2d(width, 2 * width, 1)
        self.conv5 = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        x = self.conv3(self.fatt(self.sge(self.conv2(self.conv1(self.norm1(x))))))
        y = x + x * self.beta
        first, second = self.conv4(self.norm2(y)).chunk(2, dim=1)
        return y + self.conv5(first * second) * self.gamma


class AmplitudeNet(nn.Module):
    """Predicts, at half the size, what each number of the spectrum is divided by."""

    def __init__(self, width: int = 8, real_bins: bool = True) -> None:
        super().__init__()
        self.conv_init = nn.Conv2d(3, width, 1)
        self.conv1 = SpatialFrequencyBlock(width, real_bins)
        self.conv2 = SpatialFrequencyBlock(width, real_bins)
        self.conv3 = SpatialFrequencyBlock(width, real_bins)
        self.conv_out = nn.Conv2d(width, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Maps B x 3 x H x W, even sides, to the same shape in (0, 1)."""
        half = F.interpolate(image, (image.shape[-2] // 2, image.shape[-1] // 2), mode="bilinear", align_corners=False)
        out = self.conv_out(self.conv3(self.conv2(self.conv1(self.conv_init(half)))))
        return torch.sigmoid(F.interpolate(out, image.shape[-2:], mode="bilinear", align_corners=False))


def amplify(image: Tensor, divisor: Tensor) -> Tensor:
    """Divides the amplitudes of the spectrum of B x 3 x H x W by a map of the same shape and keeps the phases."""
    return torch.fft.ifft2(torch.fft.fft2(image) / (divisor + 1e-8)).real
