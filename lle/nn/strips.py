"""Exact evaluation of a local function strip by strip, so that a large picture needs little memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

PIXELS = 2**19
"""Pixels of a strip without its halo; pictures up to this size are evaluated at once."""


def by_rows(function: Callable[..., Tensor], *inputs: Tensor, halo: int, pixels: int = PIXELS) -> Tensor:
    """Evaluates `function(*inputs)` in strips of whole rows.

    The result is the same as in one call (up to the order of float additions) if an output row depends on no input row
    further away than `halo`, and if the function pads its own borders: a strip at the picture's border ends there, and
    every other strip carries `halo` real rows that are cut off again. Strips are used for large pictures without
    gradients only; a function with batch statistics must be in evaluation mode.

    Args:
        function: keeps height and width.
        inputs: each B x C x H x W with the same B, H and W.
        halo: rows of context on either side.
        pixels: largest size of a strip, in pixels of one picture.

    Returns:
        B x C' x H x W.
    """
    height, width = inputs[0].shape[-2:]
    # A graph that is being recorded must not fix the number of strips.
    recording = torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing()
    if recording or height * width <= pixels:
        return function(*inputs)
    rows = max(pixels // width, 1)
    result: Tensor | None = None
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        first, last = max(top - halo, 0), min(bottom + halo, height)
        strip = function(*(value[..., first:last, :] for value in inputs))
        if result is None:
            result = strip.new_empty((*strip.shape[:-2], height, width))
        result[..., top:bottom, :] = strip[..., top - first : bottom - first, :]
    assert result is not None
    return result
