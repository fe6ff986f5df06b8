"""CPGA-Net: a scattering model from dark and bright channels, a gamma for the whole picture, and what both have in common taken off."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.nn.color import grey

LEAST = 1e-9


class Residual(nn.Module):
    """Two 3x3 convolutions with a ReLU between them, around a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return x + self.body(x)


class ChannelAttention(nn.Module):
    """Factor for each channel from its mean and its maximum."""

    def __init__(self, width: int, ratio: int = 16) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Conv2d(width, width // ratio, 1, bias=False), nn.ReLU(), nn.Conv2d(width // ratio, width, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to B x C x 1 x 1 in (0, 1)."""
        return torch.sigmoid(self.fc(x.mean(dim=(2, 3), keepdim=True)) + self.fc(x.amax(dim=(2, 3), keepdim=True)))


class SpatialAttention(nn.Module):
    """Factor for each position from the mean and the maximum of its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to B x 1 x H x W in (0, 1)."""
        return torch.sigmoid(self.conv1(torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)))


class AttentiveResidual(nn.Module):
    """Residual block with batch normalisation, channel and then spatial attention (CBAM)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(width)
        self.ca = ChannelAttention(width)
        self.sa = SpatialAttention()

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape, >= 0."""
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        out = self.ca(out) * out
        return F.relu(self.sa(out) * out + x)


class Scattering(nn.Module):
    """Atmospheric scattering model: `(image - A) t + A` with a transmission t and an air light A.

    Args:
        width: channels of the branch of A.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 3, 1)
        self.conv2 = nn.Conv2d(3, 3, 3, padding=1)
        self.conv3 = nn.Conv2d(6, 3, 5, padding=2)
        self.conv4 = nn.Conv2d(6, 3, 7, padding=3)
        self.conv5 = nn.Conv2d(12, 1, 1)
        # Weights near zero, so that t begins at 1: a ReLU whose inputs are all negative never learns.
        nn.init.normal_(self.conv5.weight, std=0.02)
        assert self.conv5.bias is not None
        nn.init.ones_(self.conv5.bias)
        self.conv1_A = nn.Conv2d(3, width, 1)
        self.conv2_A = Residual(width)
        self.conv3_A = Residual(width)
        self.conv4_A = nn.Conv2d(width, 3, 1)

    def priors(self, image: Tensor) -> Tensor:
        """Returns the bright channel, the dark channel and the brightness of B x 3 x H x W, in the same shape."""
        return torch.cat([image.amax(dim=1, keepdim=True), image.amin(dim=1, keepdim=True), grey(image)], dim=1)

    def transmission(self, priors: Tensor) -> Tensor:
        """Maps B x 3 x H x W to B x 1 x H x W, >= 0."""
        x1 = F.relu(self.conv1(priors))
        x2 = F.relu(self.conv2(x1))
        x3 = F.relu(self.conv3(torch.cat([x1, x2], dim=1)))
        x4 = F.relu(self.conv4(torch.cat([x2, x3], dim=1)))
        return F.relu(self.conv5(torch.cat([x1, x2, x3, x4], dim=1)))

    def light(self, image: Tensor) -> Tensor:
        """Maps B x 3 x H x W to the air light, in the same shape."""
        return self.conv4_A(self.conv3_A(F.relu(self.conv2_A(self.conv1_A(image)))))

    def forward(self, image: Tensor) -> Tensor:
        """Maps B x 3 x H x W to the same shape, in [1e-9, 1]."""
        t, light = self.transmission(self.priors(image)), self.light(image)
        return ((image - light) * t + light).clamp(LEAST, 1)


class CPGANet(nn.Module):
    """The whole network. Modules have the authors' names.

    Args:
        width: channels of the branch of the air light.
        guided: whether it works on the halved picture and fills in details by a guided filter.
    """

    def __init__(self, width: int = 16, guided: bool = False) -> None:
        super().__init__()
        self.guided = guided
        inner = 16
        self.conv1_g = nn.Conv2d(3, inner, 1)
        self.conv2_g = AttentiveResidual(inner)
        self.conv3_g = AttentiveResidual(inner)
        self.conv4_g = nn.Conv2d(inner, 1, 1)
        self.conv1_post_g = nn.Conv2d(6, inner, 1)
        self.conv2_post_g = Residual(inner)
        self.conv3_post_g = nn.Conv2d(inner, 3, 1)
        self.ll = Scattering(width)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module is not self.ll.conv5:
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        # A mean of features may start below 0, where the gamma is cut off and has no gradient: it starts at 1.
        nn.init.normal_(self.conv4_g.weight, std=0.02)
        assert self.conv4_g.bias is not None
        nn.init.ones_(self.conv4_g.bias)

    def gamma(self, image: Tensor) -> Tensor:
        """Returns the exponent for the whole picture, B x 1 x 1 x 1, of B x 3 x H x W."""
        x = self.conv4_g(self.conv3_g(self.conv2_g(self.conv1_g(image))))
        return x.mean(dim=(2, 3), keepdim=True).clamp(1e-8, 1e8)

    def combine(self, image: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Applies the scattering model and a gamma.

        Args:
            image: B x 3 x H x W.
            gamma: B x 1 x 1 x 1.

        Returns:
            The result in [1e-9, 1], the powered picture and what both branches have in common; each B x 3 x H x W.
        """
        lit = self.ll(image)
        powered = lit**gamma
        common = self.conv3_post_g(self.conv2_post_g(self.conv1_post_g(torch.cat([powered, lit], dim=1))))
        return (powered + lit - common).clamp(LEAST, 1), powered, common

    def enhance_with(self, image: Tensor, gamma: Tensor) -> Tensor:
        """Enhances B x 3 x H x W with a gamma, B x 1 x 1 x 1, chosen before."""
        if not self.guided:
            return self.combine(image, gamma)[0]
        small = halved(image)
        return fast_guided_filter(small, self.combine(small, gamma)[0], image).clamp(LEAST, 1)

    def estimate(self, image: Tensor) -> Tensor:
        """Returns the gamma, B x 1 x 1 x 1, of the whole picture, B x 3 x H x W."""
        return self.gamma(halved(image) if self.guided else image)

    def forward(self, image: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1] to the same shape, in [1e-9, 1]."""
        return self.enhance_with(image, self.estimate(image))


def halved(image: Tensor) -> Tensor:
    """Halves B x C x H x W by bicubic interpolation between corner pixels, odd sides rounded down; overshoots are kept."""
    size = (image.shape[-2] // 2, image.shape[-1] // 2)
    return F.interpolate(image, size, mode="bicubic", align_corners=True)


def fast_guided_filter(guide: Tensor, result: Tensor, image: Tensor, epsilon: float = 1e-8) -> Tensor:
    """Brings a small result to full size: in 3x3 windows it is a linear function of the small picture.

    Source: He, Sun: Fast Guided Filter, arXiv 1505.00996, each channel by itself.

    Args:
        guide: the small picture, B x C x h x w.
        result: what was made of it, in the same shape.
        image: the picture at full size, B x C x H x W.
        epsilon: added to the variance of the guide.

    Returns:
        B x C x H x W.
    """
    # Variances near epsilon are differences of nearly equal numbers: single precision is not enough for them.
    x, y = guide.double(), result.double()

    def mean(value: Tensor) -> Tensor:
        return F.avg_pool2d(value, 3, stride=1, padding=1, count_include_pad=False)

    def full(value: Tensor) -> Tensor:
        return F.interpolate(value, image.shape[-2:], mode="bilinear", align_corners=True)

    mean_x, mean_y = mean(x), mean(y)
    slope = (mean(x * y) - mean_x * mean_y) / (mean(x * x) - mean_x * mean_x + epsilon)
    return (full(slope) * image + full(mean_y - slope * mean_x)).to(image.dtype)
