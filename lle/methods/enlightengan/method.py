"""EnlightenGAN: a generator against a global and a local discriminator, from unpaired pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lle.engine.method import Batch, Losses, Method, Update
from lle.losses.adversarial import Fakes, lsgan_discriminator, lsgan_generator, relativistic_discriminator, relativistic_generator
from lle.losses.feature_mse import DEEP, feature_mse, frozen_features
from lle.methods.enlightengan.config import Config
from lle.methods.enlightengan.network import Discriminator, Generator


class EnlightenGan(Method):
    """EnlightenGAN (Jiang et al., IEEE TIP 2021)."""

    stream = "unpaired"
    network: Generator
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = Generator(config.width, config.attention)
        self.whole = Discriminator(5, config.discriminator_width)
        self.local = Discriminator(4, config.discriminator_width)
        self.perceptual = frozen_features(config.perceptual, DEEP)
        self.fakes = Fakes()

    def forward(self, low: Tensor) -> Tensor:
        """Enhances B x 3 x H x W in [0, 1]."""
        return self.network(low)

    def generator_loss(self, batch: Batch) -> Losses:
        """The result looks real as a whole and in patches, and keeps the input's features."""
        low, normal = batch["low"], batch["normal"]
        made = self.network(low)
        self.fakes.keep(batch, made)
        patches, originals = self._patches(made, low)
        with torch.no_grad():
            real = self.whole(2 * normal - 1)
        weight = self.config.preserve_weight
        return {
            "whole": relativistic_generator(real, self.whole(2 * made - 1)),
            "local": lsgan_generator(self.local(2 * patches - 1)),
            "preserve": weight * feature_mse(self.perceptual, made, low, normalise=True),
            "preserve_local": weight * feature_mse(self.perceptual, patches, originals, normalise=True),
        }

    def whole_loss(self, batch: Batch) -> Losses:
        """Real pictures score higher than the average of the made ones, and the other way round."""
        made, normal = self._fakes(batch), batch["normal"]
        return {"whole": relativistic_discriminator(self.whole(2 * normal - 1), self.whole(2 * made - 1))}

    def local_loss(self, batch: Batch) -> Losses:
        """Patches of real pictures score 1, those of made ones 0."""
        made, real = self._patches(self._fakes(batch), batch["normal"])
        return {"local": lsgan_discriminator(self.local(2 * real - 1), self.local(2 * made - 1))}

    def _fakes(self, batch: Batch) -> Tensor:
        return self.fakes.of(batch, lambda: self.network(batch["low"]))

    def _patches(self, *images: Tensor) -> Sequence[Tensor]:
        """Cuts random patches, at the same places of all images: B * patches x 3 x side x side each."""
        side = self.config.patch
        height, width = images[0].shape[-2:]
        tops = torch.randint(height - side + 1, (self.config.patches,)).tolist()
        lefts = torch.randint(width - side + 1, (self.config.patches,)).tolist()
        places = list(zip(tops, lefts, strict=True))
        return [torch.cat([image[..., top : top + side, left : left + side] for top, left in places]) for image in images]

    def updates(self) -> Sequence[Update]:
        """Generator, then either discriminator on what it made."""
        return (
            Update("generator", self.generator_loss, moves=(self.network,)),
            Update("whole", self.whole_loss, moves=(self.whole,)),
            Update("local", self.local_loss, moves=(self.local,)),
        )

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads the authors' generator."""
        super().import_weights(
            {stem: {_rename(key.removeprefix("module.")): value for key, value in state.items()} for stem, state in files.items()}
        )


def _rename(key: str) -> str:
    """From the authors' flat names: conv3_2 and bn3_2 are the second unit of the third level, deconv5 the first rise."""
    stem, _, rest = key.partition(".")
    kind, number = stem.rstrip("0123456789_"), stem.lstrip("abcdefghijklmnopqrstuvwxyz")
    if stem == "conv10":
        return f"unet.head.{rest}"
    if kind == "deconv":
        return f"unet.rise.{int(number) - 5}.{rest}"
    if kind in ("conv", "bn") and "_" in number:
        level, unit = (int(part) - 1 for part in number.split("_"))
        place = f"down.{level}" if level < 5 else f"up.{level - 5}"
        return f"unet.{place}.{unit}.{0 if kind == 'conv' else 2}.{rest}"
    return key
