"""A model of the service: pictures in, pictures out, together where that changes no bit."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lle import registry
from lle.errors import LleError
from lle.infer.engine import Picture, TorchEngine
from lle.infer.enhancer import LARGE, Enhancer

LOG = logging.getLogger(__name__)

Key = tuple[str, tuple[int, ...]]
"""Name of a model and shape of a picture: what has the same may be enhanced in one call."""
_SHAPES = 256
"""Shapes whose answer to `Model._is_equal` is kept."""


class Model:
    """A model; one thread at a time may enhance with it.

    Args:
        name: by which requests choose it.
        enhancer: does the work.
    """

    def __init__(self, name: str, enhancer: Enhancer) -> None:
        self.name, self.enhancer = name, enhancer
        known = enhancer.name in registry.packages()
        self.title = registry.card(enhancer.name).title if known else enhancer.name
        self._equal: dict[tuple[int, ...], bool] = {}

    def key(self, picture: Picture) -> Key | None:
        """Returns what a picture has in common with those that it may be enhanced with; None for one that is enhanced alone."""
        small = picture.shape[0] * picture.shape[1] <= LARGE and self.enhancer.tile is None
        # An exported file rounds inside, so that it cannot be seen whether its values are the same to the last bit.
        fits = small and picture.dtype == np.uint8 and isinstance(self.enhancer.engine, TorchEngine)
        return (self.name, picture.shape) if fits else None

    def enhance(self, pictures: Sequence[Picture]) -> list[Picture | LleError]:
        """Enhances pictures of one key, in one call of the network where that gives the bytes of `Enhancer.enhance`.

        Args:
            pictures: H x W x 3 RGB each.

        Returns:
            A result, or why there is none, for each.
        """
        engine = self.enhancer.engine
        if len(pictures) > 1 and isinstance(engine, TorchEngine) and self._is_equal(engine, (len(pictures), *pictures[0].shape)):
            try:
                levels = (_values(engine, np.stack(pictures)) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
                return [np.ascontiguousarray(one) for one in levels]
            except (LleError, RuntimeError, MemoryError):
                LOG.warning("%d pictures of %s could not be enhanced in one call, and are enhanced one by one", len(pictures), self.name)
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: Picture) -> Picture | LleError:
        try:
            return self.enhancer.enhance(picture)
        except LleError as error:
            return error
        # A network may raise anything at a picture that nobody has thought of; the others are still done.
        except Exception as error:
            LOG.exception("%s cannot enhance a picture of %s", self.name, "x".join(map(str, picture.shape)))
            return LleError(f"the picture cannot be enhanced ({type(error).__name__})")

    def _is_equal(self, engine: TorchEngine, shape: tuple[int, ...]) -> bool:
        """Says whether values of a batch are, to the last bit, those of its pictures alone.

        Libraries choose an algorithm by the shape, and algorithms add in different orders. The order does not depend on the values, so
        noise shows it. The answer is kept.
        """
        if shape not in self._equal:
            if len(self._equal) >= _SHAPES:
                self._equal.pop(next(iter(self._equal)))
            noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
            try:
                together = _values(engine, noise)
                self._equal[shape] = all(
                    torch.equal(_values(engine, noise[number : number + 1])[0], together[number]) for number in range(shape[0])
                )
            except (LleError, RuntimeError, MemoryError):
                self._equal[shape] = False
            LOG.info("%s: %d pictures of %dx%d in one call: %s", self.name, *shape[:3], "equal" if self._equal[shape] else "not equal")
        return self._equal[shape]


def _values(engine: TorchEngine, pictures: Picture) -> Tensor:
    """Returns values in [0, 1], N x 3 x H x W, of N x H x W x 3 uint8."""
    low = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).to(engine.device).to(torch.float32) / 255
    return engine.finite(engine.method)(low)


def named(enhancers: Sequence[Enhancer]) -> dict[str, Model]:
    """Returns models by name, the first one being the one that requests get if they name none; each has enhanced a picture.

    Raises:
        LleError: there is none, two have one name, or one cannot enhance.
    """
    names = [enhancer.name for enhancer in enhancers]
    if not names:
        raise LleError("name a model to serve: `lle methods` lists methods.")
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise LleError(f"two of the models are called {', '.join(doubled)}, and requests could not tell them apart: serve them apart.")
    probe = np.random.default_rng(0).integers(0, 64, (64, 96, 3), dtype=np.uint8)
    for enhancer in enhancers:
        if not isinstance(enhancer.engine, TorchEngine) and enhancer.engine.backend.description.size != "dynamic":  # type: ignore[attr-defined]
            continue  # it takes one size alone
        enhancer.enhance(probe)
    return {enhancer.name: Model(enhancer.name, enhancer) for enhancer in enhancers}
