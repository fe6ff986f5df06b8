"""The skeleton of teacher and student: two halvings, a row of residual blocks whose features are compared, two doublings.

Layers as in KDDN (Hong et al., Distilling Image Dehazing with Heterogeneous Task Imitation, CVPR 2020). There are no skips
from the coding to the decoding part: with them an auto-encoder copies its input and its deep features teach nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lle.nn.blocks import crop_to, pad_to_multiple, power_curve


class BlockAutoencoder(nn.Module):
    """Coding part, blocks, decoding part.

    Args:
        blocks: modules that keep B x channels x H/4 x W/4.
        channels: width of every layer.
        coding: further layers of the coding part at a quarter of the size, before the first block.
        exponent: None makes the whole picture in the decoding part; otherwise this power curve of the input is what the coding
            part sees and what the decoding part corrects, so that training starts at a brightened picture.
    """

    def __init__(
        self, blocks: Sequence[nn.Module], channels: int = 64, coding: Sequence[nn.Module] = (), exponent: float | None = None
    ) -> None:
        super().__init__()
        self.exponent = exponent
        self.encoder = nn.Sequential(
            nn.Conv2d(3, channels, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, stride=2, padding=1), nn.ReLU()
        )
        self.coding = nn.Sequential(*coding)
        self.blocks = nn.ModuleList(blocks)
        last = nn.Conv2d(channels, 3, 3, padding=1)
        self.decoder = nn.Sequential(*(part for _ in range(2) for part in _double(channels)), last)
        if exponent is None:
            self.decoder.append(nn.Sigmoid())
        else:
            for parameter in last.parameters():
                nn.init.zeros_(parameter)

    def features(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Computes the output and what is compared.

        Args:
            image: B x 3 x H x W in [0, 1].

        Returns:
            The output, B x 3 x H x W, in (0, 1) unless a curve is corrected; and the features after each block,
            B x C x ceil(H/4) x ceil(W/4).
        """
        start = image if self.exponent is None else power_curve(image, self.exponent)
        # Convolutions on the CPU are a tenth faster on this layout.
        x = pad_to_multiple(start, 4).contiguous(memory_format=torch.channels_last)
        x = self.coding(self.encoder(x))
        after = []
        for block in self.blocks:
            x = block(x)
            after.append(x)
        output = crop_to(self.decoder(x), image)
        return output if self.exponent is None else start + output, after

    def forward(self, image: Tensor) -> Tensor:
        """Returns the output alone, B x 3 x H x W."""
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
