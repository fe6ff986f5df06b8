"""PSNR on pairs of the validation split while a method is trained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from lle.data.streams import Pictures, rows_with
from lle.engine.method import Method


def centre(picture: np.ndarray, side: int) -> np.ndarray:
    """Returns the central `side` x `side` part of a picture, or all of it where it is smaller."""
    height, width = picture.shape[:2]
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    return picture[top : top + side, left : left + side]


def validation_pairs(pictures: Pictures, limit: int, side: int = 256) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields up to `limit` central views of the pairs of a split, spread evenly over it."""
    pairs = rows_with(pictures, "low", "normal")
    for place in np.linspace(0, len(pairs) - 1, min(limit, len(pairs))).astype(int):
        yield centre(pictures.low(pairs[place]), side), centre(pictures.normal(pairs[place]), side)


def mean_psnr(method: Method, pairs: Sequence[tuple[np.ndarray, np.ndarray]], device: torch.device) -> float:
    """Returns the mean PSNR in dB of 8-bit results; every module keeps its mode.

    Args:
        method: enhances the low pictures.
        pairs: low and normal, H x W x 3 uint8.
        device: of the method.
    """
    modes = [(module, module.training) for module in method.modules()]
    scores = []
    for low, normal in pairs:
        scores.append(psnr(method.enhance(to_tensor(low).to(device)).cpu(), to_tensor(normal)))
    for module, mode in modes:
        module.training = mode
    return sum(scores) / len(scores)


def psnr(output: Tensor, normal: Tensor) -> float:
    """Returns the PSNR in dB of a result, clamped to [0, 1] and rounded to 8 bits, against its reference; both of one shape."""
    error = (output.clamp(0, 1).mul(255).round() - normal.mul(255)).div(255).square().mean().item()
    return -10 * math.log10(max(error, 1e-10))


class swapped:  # noqa: N801 (used as a `with` statement)
    """Lends a method other parameters for the length of a block; None changes nothing."""

    def __init__(self, method: Method, parameters: Sequence[Tensor] | None) -> None:
        self.method, self.parameters = method, parameters

    def __enter__(self) -> None:
        if self.parameters is not None:
            self.own = [p.detach().clone() for p in self.method.parameters()]
            copy_parameters(self.method, self.parameters)

    def __exit__(self, *_: object) -> None:
        if self.parameters is not None:
            copy_parameters(self.method, self.own)


def copy_parameters(method: Method, values: Sequence[Tensor]) -> None:
    """Copies values into the parameters of a method, in the order of `method.parameters()`."""
    with torch.no_grad():
        for parameter, value in zip(method.parameters(), values, strict=True):
            parameter.copy_(value)


def to_tensor(picture: np.ndarray) -> Tensor:
    """Returns H x W x 3 uint8 as 1 x 3 x H x W in [0, 1]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].to(torch.float32).div_(255)
