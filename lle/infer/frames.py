"""Enhancing the frames of one sequence: the darkness gate, smoothing over time, and what a user may turn."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lle.infer.adjust import Adjust
from lle.infer.darkness import Gate
from lle.infer.engine import Part, Picture, TorchEngine, reduced
from lle.infer.enhancer import Enhancer
from lle.infer.smoothing import Smoother


class SmoothedEngine(TorchEngine):
    """A method that estimates parameters of the whole picture, which are averaged over the frames of one sequence.

    Args:
        engine: of the method.
        smoother: averages; it must have seen the frame before that is enhanced.
    """

    def __init__(self, engine: TorchEngine, smoother: Smoother) -> None:
        super().__init__(engine.method, engine.name, engine.device)
        self.smoother = smoother

    def whole(self, picture: Picture) -> Picture:
        """See `Engine.whole`."""
        return self.by_part(picture)(picture)

    def by_part(self, picture: Picture) -> Part:
        """See `Engine.by_part`."""
        with torch.inference_mode():
            parameters = self.smoother(self.method.estimate(self._tensor(reduced(picture))))
        return lambda part: self._apply(lambda low: self.method.enhance_with(low, parameters), part)


class Frames:
    """Enhances the frames of one sequence, in their order.

    Args:
        enhancer: does the work; a method that remembers the frame before may be used by one sequence at a time.
        gate: lets lit frames through as they are; it forgets what it saw of another sequence. None enhances all.
        smooth: time constant in seconds over which estimated parameters are averaged, see `lle.infer.smoothing`; 0 takes each frame by
            itself. Methods that estimate none, and exported files, are applied frame by frame in any case; see `smooths`.
        adjust: strength and brightness.

    Attributes:
        lit: frames that the gate let through.
    """

    def __init__(self, enhancer: Enhancer, gate: Gate | None = None, smooth: float = 0.0, adjust: Adjust | None = None) -> None:
        self.enhancer = enhancer
        self.gate = gate
        if gate is not None:
            gate.reset()
        self.adjust = adjust or Adjust()
        self.lit = 0
        self._smoother: Smoother | None = None
        engine = enhancer.engine
        if isinstance(engine, TorchEngine):
            engine.method.reset_state()
            if smooth and engine.method.can_estimate:
                self._smoother = Smoother(smooth)
                # A copy: whose enhancer it is may go on with single pictures.
                self.enhancer = copy.copy(enhancer)
                self.enhancer.engine = SmoothedEngine(engine, self._smoother)

    @property
    def smooths(self) -> bool:
        """Whether parameters are smoothed over time."""
        return self._smoother is not None

    def __call__(self, frame: NDArray[np.uint8], time: float) -> NDArray[Any]:
        """Enhances the next frame.

        Args:
            frame: H x W x 3, RGB; sides of at least 16 pixels.
            time: of the frame, in seconds.

        Returns:
            The enhanced frame; the very array that was given where the gate lets it through.
        """
        if self._smoother is not None:
            self._smoother.see(frame, time)
        if self.gate is not None and not self.gate.is_dark(frame):
            self.lit += 1
            return frame
        return self.adjust(frame, self.enhancer.enhance(frame))
