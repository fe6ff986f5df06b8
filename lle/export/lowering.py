"""Operators that exporters and backends do not know, written with those that they do, while a method is traced.

A method stays as it is: its calls of these functions are intercepted for as long as the trace is taken. Each replacement
computes the same values for every size, the sizes being part of the graph:

- padding by reflection or repetition becomes a choice of rows and columns: ONNX's exporter knows it for fixed amounts only;
- adaptive average pooling becomes two products with matrices that are made from the size;
- variance, unflattening and powers of two become their definitions;
- a split into one part is no split, so that the number of parts does not follow the traced size;
- a kernel that is computed from constants, as a Gaussian's, becomes a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class Lowered(TorchFunctionMode):
    """A block in which calls of the functions in `RULES` run their replacements."""

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        rule = RULES.get(func)
        # A mode is off inside its own handler, so a rule may call what it replaces.
        return (func if rule is None else rule)(*args, **(kwargs or {}))


def _pad(image: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    if mode not in ("reflect", "replicate"):
        return F.pad(image, pad, mode, value)
    for dimension, before, after in ((-1, pad[0], pad[1]), (-2, *pad[2:4])) if len(pad) == 4 else ((-1, pad[0], pad[1]),):
        image = _extended(image, dimension, before, after, mode)
    return image


def _extended(image: Tensor, dimension: int, before: int, after: int, mode: str) -> Tensor:
    length = image.shape[dimension]
    places = torch.arange(length + before + after, device=image.device) - before
    last = length - 1
    places = last - (last - places.abs()).abs() if mode == "reflect" else places.clamp(min=0).minimum(places.new_ones(1) * last)
    return image.index_select(dimension, places)


def _adaptive_avg_pool2d(image: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
    rows, columns = (output_size, output_size) if isinstance(output_size, int) else output_size
    if rows == columns == 1:
        return image.mean((-2, -1), keepdim=True)
    vertical, horizontal = _fields(image, -2, rows), _fields(image, -1, columns)
    return vertical @ image @ horizontal.transpose(0, 1)


def _fields(image: Tensor, dimension: int, count: int | None) -> Tensor:
    """Shares of the pixels in each field, count x length: field i spans floor(i L / n) to ceil((i + 1) L / n), as in torch."""
    length = image.shape[dimension]
    places = torch.arange(length, device=image.device)[None]
    number = torch.arange(length if count is None else count, device=image.device)[:, None]
    total = number.shape[0]
    first = torch.div(number * length, total, rounding_mode="floor")
    end = -torch.div(-(number + 1) * length, total, rounding_mode="floor")
    inside = ((places >= first) & (places < end)).to(image.dtype)
    return inside / inside.sum(1, keepdim=True)


def _exp2(x: Tensor) -> Tensor:
    return torch.pow(2.0, x)


def _var_mean(x: Tensor, dim: Sequence[int], keepdim: bool = False, correction: int = 1) -> tuple[Tensor, Tensor]:
    dim = tuple(dim)
    mean = x.mean(dim, keepdim=True)
    count = 1
    for one in dim:
        count = count * x.shape[one]
    variance = (x - mean).square().sum(dim, keepdim=keepdim) / (count - correction)
    return variance, mean if keepdim else x.mean(dim)


def _unflatten(x: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    shape = list(x.shape)
    place = dim % len(shape)
    return x.reshape([*shape[:place], *sizes, *shape[place + 1 :]])


def _split(x: Tensor, split_size: int | list[int], dim: int = 0) -> Sequence[Tensor]:
    if isinstance(split_size, int) and int(x.shape[dim]) <= split_size:
        return (x,)
    return torch.split(x, split_size, dim)


def _conv2d(image: Tensor, weight: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if not weight.requires_grad and weight.grad_fn is None and not isinstance(weight, torch.nn.Parameter):
        weight = torch.tensor(weight.tolist(), dtype=weight.dtype, device=weight.device)
    return F.conv2d(image, weight, *args, **kwargs)


RULES: Mapping[Callable[..., Any], Callable[..., Any]] = {
    F.pad: _pad,
    F.adaptive_avg_pool2d: _adaptive_avg_pool2d,
    torch.exp2: _exp2,
    torch.var_mean: _var_mean,
    Tensor.unflatten: _unflatten,
    Tensor.split: _split,
    F.conv2d: _conv2d,
}
"""Replacements by function."""
