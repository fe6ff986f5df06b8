"""The colour space HVI: intensity, and hue with saturation as a point in a plane that shrinks where the picture is dark."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

EPSILON = 1e-8


def _hue(image: Tensor, largest: Tensor, spread: Tensor) -> Tensor:
    """Hue in [0, 1) of B x 3 x H x W, B x 1 x H x W; where two channels are largest, red counts before green before blue."""
    red, green, blue = image.split(1, dim=1)
    chroma = spread + EPSILON
    hue = torch.where(green == largest, 2 + (blue - red) / chroma, 4 + (red - green) / chroma)
    hue = torch.where(red == largest, ((green - blue) / chroma) % 6, hue)
    return torch.where(spread == 0, torch.zeros_like(hue), hue) / 6


class HVI(nn.Module):
    """Both directions of the transform.

    Args:
        fixed: whether hues of exactly one turn are taken for 0, see `Config.black_pixels`.
    """

    def __init__(self, fixed: bool = True) -> None:
        super().__init__()
        self.fixed = fixed
        self.density_k = nn.Parameter(torch.full((1,), 0.2))

    def _radius(self, intensity: Tensor, k: Tensor) -> Tensor:
        return (torch.sin(intensity * (math.pi / 2)) + EPSILON) ** k

    def forward(self, image: Tensor) -> Tensor:
        """Maps RGB, B x 3 x H x W in [0, 1], to the maps H, V in [-1, 1] and I in [0, 1], in the same shape."""
        largest, least = image.amax(dim=1, keepdim=True), image.amin(dim=1, keepdim=True)
        spread = largest - least
        saturation = torch.where(largest == 0, torch.zeros_like(largest), spread / (largest + EPSILON))
        angle = 2 * math.pi * _hue(image, largest, spread)
        radius = self._radius(largest, self.density_k) * saturation
        return torch.cat([radius * torch.cos(angle), radius * torch.sin(angle), largest], dim=1)

    def inverse(self, maps: Tensor, saturate: float = 1.0, brighten: float = 1.0) -> Tensor:
        """Maps H, V and I, B x 3 x H x W, to RGB in the same shape; no gradient flows to k.

        Args:
            maps: clamped to their ranges.
            saturate: factor of the saturation.
            brighten: factor of the result.
        """
        h, v, intensity = maps[:, :1].clamp(-1, 1), maps[:, 1:2].clamp(-1, 1), maps[:, 2:].clamp(0, 1)
        radius = self._radius(intensity, self.density_k.detach()) + EPSILON
        h, v = (h / radius).clamp(-1, 1), (v / radius).clamp(-1, 1)
        hue = (torch.atan2(v + EPSILON, h + EPSILON) / (2 * math.pi)) % 1
        saturation = ((h.square() + v.square() + EPSILON).sqrt() * saturate).clamp(0, 1)
        return _rgb(hue, saturation, intensity, self.fixed) * brighten


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor, fixed: bool) -> Tensor:
    """HSV to RGB, B x 3 x H x W, from three maps B x 1 x H x W in [0, 1]."""
    sector = torch.floor(hue * 6)
    fraction = hue * 6 - sector
    # Single precision rounds the remainder of a tiny negative angle up to a whole turn, which is no sector.
    sector = sector % 6 if fixed else sector
    p, q, t = value * (1 - saturation), value * (1 - fraction * saturation), value * (1 - (1 - fraction) * saturation)
    result = torch.zeros_like(value).expand(-1, 3, -1, -1)
    for number, colour in enumerate(((value, t, p), (q, value, p), (p, value, t), (p, q, value), (t, p, value), (value, p, q))):
        result = torch.where(sector == number, torch.cat(colour, dim=1), result)
    return result
