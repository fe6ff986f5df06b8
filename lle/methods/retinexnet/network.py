"""RetinexNet: decomposition into reflectance and illumination, and a new illumination."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Decomposition(nn.Module):
    """Splits a picture S into reflectance R and illumination I with S = R * I, by seven convolutions at full size.

    Args:
        width: channels.
        padding: border of the convolutions, `replicate` or `zeros`.
    """

    def __init__(self, width: int = 64, padding: Literal["replicate", "zeros"] = "replicate") -> None:
        super().__init__()
        self.head = nn.Conv2d(4, width, 9, padding=4, padding_mode=padding)
        layers: list[nn.Module] = []
        for _ in range(5):
            layers += [nn.Conv2d(width, width, 3, padding=1, padding_mode=padding), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.tail = nn.Conv2d(width, 4, 3, padding=1, padding_mode=padding)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Returns R, B x 3 x H x W, and I, B x 1 x H x W, both in (0, 1), of B x 3 x H x W."""
        brightest = image.amax(dim=1, keepdim=True)
        out = torch.sigmoid(self.tail(self.body(self.head(torch.cat([brightest, image], dim=1)))))
        return out[:, :3], out[:, 3:]


class Relight(nn.Module):
    """Encoder-decoder that predicts the illumination of the enhanced picture; joins three scales before its output.

    Args:
        width: channels.
        fusion: how the decoder takes the encoder's map of its size: `concat` before the convolution, or `add` after it.
        padding: border of the convolutions.
    """

    def __init__(
        self, width: int = 64, fusion: Literal["concat", "add"] = "concat", padding: Literal["replicate", "zeros"] = "replicate"
    ) -> None:
        super().__init__()
        self.concat = fusion == "concat"
        inputs = 2 * width if self.concat else width
        self.head = nn.Conv2d(4, width, 3, padding=1, padding_mode=padding)
        self.down = nn.ModuleList(nn.Conv2d(width, width, 3, stride=2, padding=1, padding_mode=padding) for _ in range(3))
        self.up = nn.ModuleList(nn.Conv2d(inputs, width, 3, padding=1, padding_mode=padding) for _ in range(3))
        self.fusion = nn.Conv2d(3 * width, width, 1)
        self.output = nn.Conv2d(width, 1, 3, padding=1, padding_mode=padding)

    def forward(self, reflectance: Tensor, illumination: Tensor) -> Tensor:
        """Returns the new illumination, B x 1 x H x W, not bounded."""
        maps = [self.head(torch.cat([reflectance, illumination], dim=1))]
        for down in self.down:
            maps.append(F.relu(down(maps[-1])))
        x = maps.pop()
        decoded = []
        for up in self.up:
            skip = maps.pop()
            # Nearest neighbours to the encoder's size, so that any size of picture works.
            x = F.interpolate(x, size=skip.shape[-2:])
            x = F.relu(up(torch.cat([x, skip], dim=1))) if self.concat else F.relu(up(x)) + skip
            decoded.append(x)
        size = decoded[-1].shape[-2:]
        return self.output(self.fusion(torch.cat([F.interpolate(d, size=size) for d in decoded], dim=1)))


class RetinexNet(nn.Module):
    """Both networks: R * relight(R, I).

    Args:
        width: channels of both.
        fusion: of `Relight`.
        padding: border of the convolutions.
    """

    def __init__(
        self, width: int = 64, fusion: Literal["concat", "add"] = "concat", padding: Literal["replicate", "zeros"] = "replicate"
    ) -> None:
        super().__init__()
        self.decomposition = Decomposition(width, padding)
        self.relight = Relight(width, fusion, padding)

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]; the result is not bounded."""
        reflectance, illumination = self.decomposition(low)
        return reflectance * self.relight(reflectance, illumination)
