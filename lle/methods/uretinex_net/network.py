"""URetinex-Net: initial decomposition, unfolded optimisation, adjustment of the illumination."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Decomposition(nn.Module):
    """Four 3x3 convolutions that start the optimisation: reflectance and illumination, neither bounded above.

    Args:
        width: channels.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        last = nn.Conv2d(width, 4, 3, padding=1)
        _open(last)
        self.decom = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            last,
            nn.ReLU(),
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns reflectance B x 3 x H x W and illumination B x 1 x H x W, both >= 0."""
        out = self.decom(image)
        return out[:, :3], out[:, 3:]


class Squeeze(nn.Module):
    """Squeeze-and-excitation: scales every channel by what the channels' means say.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(width, max(width // 16, 4), bias=False), nn.ReLU(), nn.Linear(max(width // 16, 4), width, bias=False), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps B x C x H x W to the same shape."""
        return x * self.fc(x.mean(dim=(2, 3)))[:, :, None, None]


class ReflectanceNet(nn.Module):
    """Restores the reflectance: predicts a residual from the auxiliary reflectance and illumination.

    Args:
        width: channels of each of the two inputs' features.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.conv2 = nn.Conv2d(1, width, 3, padding=1)
        self.se_layer = Squeeze(2 * width)
        for k in range(3, 8):
            self.add_module(f"conv{k}", nn.Conv2d(2 * width, 2 * width, 3, padding=1))
        self.conv8 = nn.Conv2d(2 * width, 3, 3, padding=1)

    def forward(self, reflectance: Tensor, illumination: Tensor) -> Tensor:
        """Returns B x 3 x H x W, not bounded."""
        x = self.se_layer(torch.cat([F.relu(self.conv1(reflectance)), F.relu(self.conv2(illumination))], dim=1))
        for k in range(3, 8):
            x = F.relu(self.get_submodule(f"conv{k}")(x))
        return reflectance + self.conv8(x)


class IlluminationNet(nn.Module):
    """Smooths the illumination: four 5x5 convolutions with leaky ReLU, one 1x1 with ReLU.

    Args:
        width: channels.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 5, padding=2)
        self.conv2 = nn.Conv2d(width, width, 5, padding=2)
        self.conv3 = nn.Conv2d(width, width, 5, padding=2)
        self.conv4 = nn.Conv2d(width, width, 5, padding=2)
        self.conv5 = nn.Conv2d(width, 1, 1)
        _open(self.conv5)

    def forward(self, illumination: Tensor) -> Tensor:
        """Maps B x 1 x H x W to the same shape, >= 0."""
        x = illumination
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = F.leaky_relu(layer(x), 0.2)
        return F.relu(self.conv5(x))


class AdjustmentNet(nn.Module):
    """Brightens an illumination by a ratio.

    Args:
        width: channels.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, width, 5, padding=2)
        self.conv2 = nn.Conv2d(width, width, 5, padding=2)
        self.conv3 = nn.Conv2d(width, width, 5, padding=2)
        self.conv4 = nn.Conv2d(width, 1, 5, padding=2)
        _open(self.conv4)

    def forward(self, illumination: Tensor, ratio: Tensor) -> Tensor:
        """Returns the new illumination.

        Args:
            illumination: B x 1 x H x W.
            ratio: B x 1 x 1 x 1.

        Returns:
            B x 1 x H x W, >= 0.
        """
        x = torch.cat([illumination, ratio.expand_as(illumination)], dim=1)
        for layer in (self.conv1, self.conv2, self.conv3):
            x = F.leaky_relu(layer(x), 0.2)
        return F.relu(self.conv4(x))


class URetinexNet(nn.Module):
    """The network at test time: decompose, unfold, adjust, multiply.

    Args:
        width: channels.
        rounds: rounds of the optimisation.
        gamma: penalty of the reflectance in the first round.
        lamda: penalty of the illumination in the first round.
        offset: growth of both a round.
        ratio: brightening asked for.
    """

    def __init__(
        self, width: int = 32, rounds: int = 3, gamma: float = 0.1, lamda: float = 0.5, offset: float = 0.05, ratio: float = 5.0
    ) -> None:
        super().__init__()
        self.rounds, self.gamma, self.lamda, self.offset, self.ratio = rounds, gamma, lamda, offset, ratio
        self.decompose = Decomposition(width)
        self.reflectance = ReflectanceNet(width)
        self.illumination = IlluminationNet(width)
        self.adjust = AdjustmentNet(width)

    def unfold(self, image: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Runs the rounds on B x 3 x H x W; returns each round's reflectance, illumination and auxiliary illumination."""
        results = []
        p, q = self.decompose(image)
        r = lit = None
        for t in range(self.rounds):
            if r is not None and lit is not None:
                gamma, lamda = self.gamma + t * self.offset, self.lamda + t * self.offset
                # Closed-form minima of |I - P Q|^2 + gamma |P - R|^2 and then of |I - P Q|^2 + lambda |Q - L|^2 (equations 8 and 9).
                p = (image * q + gamma * r) / (q * q + gamma)
                q = ((image * p).sum(dim=1, keepdim=True) + lamda * lit) / ((p * p).sum(dim=1, keepdim=True) + lamda)
            r = self.reflectance(p, q)
            lit = self.illumination(q)
            results.append((r, lit, q))
        return results

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]; the result is not bounded."""
        r, lit, _ = self.unfold(low)[-1]
        return r * self.adjust(lit, low.new_full((low.shape[0], 1, 1, 1), self.ratio))


def _open(layer: nn.Conv2d) -> None:
    """Starts a layer before a ReLU with outputs near 0.5: a ReLU whose inputs are all negative never learns."""
    assert layer.bias is not None
    nn.init.normal_(layer.weight, std=0.02)
    nn.init.constant_(layer.bias, 0.5)
