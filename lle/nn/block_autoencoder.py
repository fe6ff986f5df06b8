"""The skeleton of teacher and student: two halvings, a row of residual blocks whose features are compared, two doublings.

Layers as in KDDN (Hong et al., Distilling Image Dehazing with Heterogeneous Task Imitation, CVPR 2020). There are no skips
from the coding to the decoding part: with them an auto-encoder copies its input and its deep features teach nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lle.nn.blocks import crop_to, pad_to_multiple


class BlockAutoencoder(nn.Module):
    """Coding part, blocks, decoding part.

    Args:
        blocks: modules that keep B x channels x H/4 x W/4.
        channels: width of every layer.
        coding: further layers of the coding part at a quarter of the size, before the first block.
    """

    def __init__(self, blocks: Sequence[nn.Module], channels: int = 64, coding: Sequence[nn.Module] = ()) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, channels, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, stride=2, padding=1), nn.ReLU()
        )
        self.coding = nn.Sequential(*coding)
        self.blocks = nn.ModuleList(blocks)
        self.decoder = nn.Sequential(
            *(part for _ in range(2) for part in _double(channels)), nn.Conv2d(channels, 3, 3, padding=1), nn.Sigmoid()
        )

    def features(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Returns the output, B x 3 x H x W in (0, 1), and the features after each block, B x C x ceil(H/4) x ceil(W/4)."""
        x = self.coding(self.encoder(pad_to_multiple(image, 4)))
        after = []
        for block in self.blocks:
            x = block(x)
            after.append(x)
        return crop_to(self.decoder(x), image), after

    def forward(self, image: Tensor) -> Tensor:
        """Returns the output alone, B x 3 x H x W in (0, 1)."""
        return self.features(image)[0]


def _double(channels: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)


def energy(features: Tensor) -> Tensor:
    """Where features are strong: the mean over channels of their squares, B x C x H x W to B x H x W."""
    return features.square().mean(1)


@torch.no_grad()
def attention_maps(network: BlockAutoencoder, image: Tensor) -> list[Tensor]:
    """Attention maps by block, as the paper's figure 3 shows them.

    Args:
        network: teacher or student; its mode is left as it is.
        image: B x 3 x H x W in [0, 1].

    Returns:
        For each block B x ceil(H/4) x ceil(W/4) in [0, 1], every map stretched from its own minimum to its maximum.
    """
    maps = []
    for features in network.features(image)[1]:
        values = energy(features)
        low, high = values.amin((1, 2), keepdim=True), values.amax((1, 2), keepdim=True)
        maps.append((values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny))
    return maps
