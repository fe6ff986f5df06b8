"""Least-squares adversarial losses, plain and relativistic.

Source: Mao et al., ICCV 2017; relativistic: Jolicoeur-Martineau, ICLR 2019, in the form of EnlightenGAN.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


class Fakes:
    """Hands the discriminators what the generator made in its own update of the same iteration, without computing it again."""

    def __init__(self) -> None:
        self._batch: object = None
        self._made: Tensor | None = None

    def keep(self, batch: object, made: Tensor) -> None:
        """Remembers, without gradient, what was made of a batch; forgets the one before."""
        self._batch, self._made = batch, made.detach()

    def of(self, batch: object, make: Callable[[], Tensor]) -> Tensor:
        """Returns what was made of this very batch, or makes it now; without gradient."""
        if self._made is None or self._batch is not batch:
            with torch.no_grad():
                self.keep(batch, make())
        assert self._made is not None
        return self._made


def _towards(scores: Tensor, target: float) -> Tensor:
    return F.mse_loss(scores, torch.full_like(scores, target))


def lsgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Real scores towards 1, fake ones towards 0; half the sum of the mean squares, a scalar.

    Source: Mao et al., Least Squares Generative Adversarial Networks, ICCV 2017.

    Args:
        real: scores of real pictures, any shape.
        fake: scores of generated ones, any shape.
    """
    return (_towards(real, 1) + _towards(fake, 0)) / 2


def lsgan_generator(fake: Tensor) -> Tensor:
    """Fake scores towards 1; a scalar."""
    return _towards(fake, 1)


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Real scores lie 1 above the mean of the fake ones, and fake ones 0 above that of the real ones; a scalar.

    Source: Jolicoeur-Martineau, The relativistic discriminator, ICLR 2019, in the form of EnlightenGAN, equation 3.

    Args:
        real: scores of real pictures, any shape.
        fake: scores of generated ones, any shape.
    """
    return (_towards(real - fake.mean(), 1) + _towards(fake - real.mean(), 0)) / 2


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """The generator's side of `relativistic_discriminator`, EnlightenGAN's equation 4; a scalar."""
    return relativistic_discriminator(fake, real)
