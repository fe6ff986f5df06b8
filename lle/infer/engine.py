"""What an enhancer works with: a method in torch, or an exported file; both turn parts of pictures into enhanced parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lle.engine.method import Method
from lle.errors import LleError, WeightsError
from lle.infer.backends import Backend
from lle.infer.tiling import overlap, reach

Picture = NDArray[Any]
"""H x W x 3, RGB, uint8 or uint16."""
Part = Callable[[Picture], Picture]
"""Enhances a picture or a part of one, to the same shape and type."""

VIEW = 1024
"""Longer side in pixels of the reduced picture from which a global method takes its parameters."""
_PROBE = 256


class Engine(ABC):
    """Enhances pictures and parts of them.

    Args:
        name: the method's id, for messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def whole(self, picture: Picture) -> Picture:
        """Enhances a picture in one piece."""

    @abstractmethod
    def by_part(self, picture: Picture) -> Part:
        """Returns what enhances the parts of a picture: for methods that look at the whole of it, after one look at a reduced view."""

    @abstractmethod
    def halo(self) -> int | None:
        """Pixels that a part needs around it; None where pictures cannot be enhanced by part."""

    @property
    @abstractmethod
    def scope(self) -> Literal["local", "global"]:
        """Whether an output pixel depends on a neighbourhood or on the whole picture."""


class TorchEngine(Engine):
    """A method in torch; 16-bit pictures keep their levels.

    Args:
        method: with its weights, on `device`, in evaluation mode.
        name: see `Engine`.
        device: where it computes.
    """

    def __init__(self, method: Method, name: str, device: torch.device) -> None:
        super().__init__(name)
        self.method = method
        self.device = device

    @property
    def scope(self) -> Literal["local", "global"]:
        """See `Engine.scope`."""
        return self.method.scope

    def whole(self, picture: Picture) -> Picture:
        """See `Engine.whole`."""
        return self._apply(self.method, picture)

    def by_part(self, picture: Picture) -> Part:
        """See `Engine.by_part`."""
        if not self.method.can_estimate:
            return self.whole
        with torch.inference_mode():
            parameters = self.method.estimate(self._tensor(reduced(picture)))
        return lambda part: self._apply(lambda low: self.method.enhance_with(low, parameters), part)

    def halo(self) -> int | None:
        """See `Engine.halo`; measured."""
        enhance = self.finite(self.method)
        if self.method.can_estimate:
            with torch.inference_mode():
                probe = torch.rand(1, 3, _PROBE, _PROBE, generator=torch.Generator().manual_seed(0)).to(self.device)
                parameters = self.method.estimate(0.3 * probe)
            enhance = self.finite(lambda low: self.method.enhance_with(low, parameters))
        elif self.method.scope == "global":
            return None
        distance = reach(enhance, self.device)
        return None if distance is None else overlap(distance)

    def finite(self, enhance: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """Returns `enhance` with its values looked at, then clamped: infinity would become white."""

        def run(low: Tensor) -> Tensor:
            with torch.inference_mode():
                output = enhance(low)
            if not bool(torch.isfinite(output).all()):
                raise WeightsError(
                    f"'{self.name}' makes NaN or infinite values, so nothing was written. Its weights are damaged or its training "
                    f"diverged: train it again with a lower learning rate (`lle train {self.name}`), or import its weights again."
                )
            return output.clamp(0, 1)

        return run

    def _tensor(self, picture: Picture) -> Tensor:
        # torch has no arithmetic on 16-bit whole numbers, so numpy makes them floats.
        values = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
        low = torch.from_numpy(values if values.dtype == np.uint8 else values.astype(np.float32)).to(self.device)
        return low.to(torch.float32) / int(np.iinfo(picture.dtype).max)

    def _apply(self, enhance: Callable[[Tensor], Tensor], picture: Picture) -> Picture:
        output = self.finite(enhance)(self._tensor(picture))
        levels = (output[0] * int(np.iinfo(picture.dtype).max)).round().permute(1, 2, 0).cpu()
        if picture.dtype == np.uint8:
            return np.ascontiguousarray(levels.to(torch.uint8).numpy())
        return np.ascontiguousarray(levels.numpy()).astype(picture.dtype)


class FileEngine(Engine):
    """An exported file, which knows 8 bits.

    Args:
        backend: the loaded file.
    """

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend.description.method)
        self.backend = backend

    @property
    def scope(self) -> Literal["local", "global"]:
        """See `Engine.scope`."""
        return self.backend.description.scope

    def whole(self, picture: Picture) -> Picture:
        """See `Engine.whole`.

        Raises:
            LleError: the file was exported for another size, or the picture has 16 bits.
        """
        if picture.dtype != np.uint8:
            raise LleError("an exported file takes 8 bits a channel: enhance 16-bit pictures with the method itself, or add --eight-bits.")
        size = f"{picture.shape[0]}x{picture.shape[1]}"
        if self.backend.description.size not in ("dynamic", size):
            raise LleError(f"the file was exported for {self.backend.description.size} pictures (height x width), and this one is {size}.")
        # Backends use the memory of a result again.
        return np.array(self.backend.run(np.ascontiguousarray(picture)[None])[0])

    def by_part(self, picture: Picture) -> Part:
        """See `Engine.by_part`."""
        return self.whole

    def halo(self) -> int | None:
        """See `Engine.halo`; measured when the file was written."""
        return self.backend.description.halo


def reduced(picture: Picture) -> Picture:
    """Returns a picture reduced by averaging to at most `VIEW` pixels on its longer side."""
    scale = VIEW / max(picture.shape[:2])
    if scale >= 1:
        return picture
    height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), picture.dtype)
