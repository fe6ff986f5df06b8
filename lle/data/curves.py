"""The Bag of Curves: makes badly exposed pictures of normal ones, as negatives for contrastive learning.

Source: ZhengYanXU/PIE @3a43c38, curves.py and train.py. Curves act on 8-bit values, with the authors' truncation or rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

Kind = Literal["tone", "gamma", "log"]
KINDS: tuple[Kind, ...] = ("tone", "gamma", "log")
ODDS = (4.0, 4.0, 3.0)
"""How often each kind is drawn: the authors take randint(0, 10) modulo 3, so the third is rarer."""


@dataclass(frozen=True)
class Curve:
    """One curve.

    Attributes:
        kind: `tone` is (V / 255)^value on the value channel of HSV, `log` is value * ln(1 + V) on it, `gamma` is
            (I / 255)^value on each channel of RGB.
        value: strength; the authors use tone 6 or 0.1, log 10 or 40, gamma in (0, 0.2) or (5, 8).
    """

    kind: Kind
    value: float

    def table(self) -> np.ndarray:
        """Returns the curve as 256 uint8 values."""
        levels = np.arange(256, dtype=np.float64)
        if self.kind == "log":
            return np.clip(self.value * np.log1p(levels), 0, 255).astype(np.uint8)
        powers = 255 * (levels / 255) ** self.value
        # The authors fill their own tables by truncation; the gamma curve is scikit-image's, which rounds.
        return (np.rint(powers) if self.kind == "gamma" else powers).astype(np.uint8)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Applies the curve to a picture, H x W x 3 uint8 RGB; returns a new one."""
        if self.kind == "gamma":
            return np.asarray(cv2.LUT(image, self.table()))
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        hsv[..., 2] = self.table()[hsv[..., 2]]
        return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def draw(rng: np.random.Generator, odds: Sequence[float] = ODDS) -> Curve:
    """Draws a curve: its kind by the odds, then with equal chance an under- or an over-exposing strength.

    Args:
        rng: source of randomness.
        odds: of tone, gamma and log, not negative, any sum above 0.
    """
    share = np.asarray(odds, dtype=np.float64)
    kind = KINDS[rng.choice(3, p=share / share.sum())]
    dark = rng.random() < 0.5
    if kind == "tone":
        return Curve(kind, 6.0 if dark else 0.1)
    if kind == "log":
        return Curve(kind, 10.0 if dark else 40.0)
    return Curve(kind, float(rng.uniform(5.0, 8.0) if dark else rng.uniform(0.0, 0.2)))


@dataclass(frozen=True)
class ToNegative:
    """A stream's transform that puts `negative`, the sample's `normal` picture under a drawn curve, in its place."""

    odds: tuple[float, float, float] = ODDS

    def __call__(self, sample: dict[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
        """Returns a picture of the same shape and range as `normal`, 3 x H x W float32 in [0, 1]."""
        image = sample["normal"].mul(255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
        negative = torch.from_numpy(np.ascontiguousarray(draw(rng, self.odds)(image)))
        return {"negative": negative.permute(2, 0, 1).to(torch.float32).div_(255)}
