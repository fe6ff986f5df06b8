"""The graph that is exported: from bytes to bytes, so that a program around it copies and converts nothing."""

from __future__ import annotations

import copy
import itertools
import warnings

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lle.engine.method import Method
from lle.errors import LleError, first_line
from lle.export.lowering import Lowered

ODD = (1, 67, 93)
"""Pictures, height and width of the traced example: sides that no halving divides, so that padding is in the graph."""


class Bytes(nn.Module):
    """A method with the conversions around it.

    Args:
        enhance: from B x 3 x H x W in [0, 1] to the same.
        dtype: in which it computes.
    """

    def __init__(self, enhance: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.enhance = enhance
        self.dtype = dtype

    def forward(self, pictures: Tensor) -> Tensor:
        """Maps B x H x W x 3 uint8 RGB to the same, rounded to the nearest level."""
        return self.rounded(self.values(pictures))

    def values(self, pictures: Tensor) -> Tensor:
        """Maps B x H x W x 3 uint8 RGB to what the method makes of them, B x 3 x H x W float32, neither clamped nor rounded."""
        low = pictures.permute(0, 3, 1, 2).to(torch.float32) / 255
        values: Tensor = self.enhance(low.to(self.dtype)).to(torch.float32)
        return values

    @staticmethod
    def rounded(values: Tensor) -> Tensor:
        """Clamps values and rounds them to bytes, in float32: the levels above 128 are no whole numbers of bfloat16."""
        return (values.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


def prepared(method: Method, dtype: torch.dtype = torch.float32) -> Bytes:
    """Returns a copy of a method ready to be traced: evaluation mode, batch normalisation folded, no gradients.

    Raises:
        LleError: the method computes in numpy, so there is no graph.
    """
    if method.network is None and _leaves_torch(method):
        raise LleError(
            f"{type(method).__name__} computes in numpy and OpenCV, so there is no graph to export. Use it from Python, or export "
            "another method."
        )
    own = copy.deepcopy(method).to("cpu").eval().requires_grad_(False)
    fold(own)
    own.to(dtype)
    return Bytes(own.exported(), dtype).eval()


def _leaves_torch(method: Method) -> bool:
    """Whether a result is made outside of torch: then its trace is a constant, and does not follow the input."""
    first, second = torch.full((1, 3, 16, 20), 0.2), torch.rand(1, 3, 16, 20, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), warnings.catch_warnings():
        for kind in (torch.jit.TracerWarning, FutureWarning, DeprecationWarning):
            warnings.simplefilter("ignore", kind)
        try:
            traced = torch.jit.trace(method, first, check_trace=False)
            return not torch.allclose(traced(second), method(second), atol=1e-4)
        except RuntimeError:
            return True


def fold(module: nn.Module) -> int:
    """Folds every batch normalisation that directly follows a convolution in an `nn.Sequential` into it, in place; returns how many."""
    folded = 0
    for parent in module.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        names = list(parent._modules)
        for before, after in itertools.pairwise(names):
            convolution, norm = parent._modules[before], parent._modules[after]
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                parent._modules[before] = fuse_conv_bn_eval(convolution, norm)
                parent._modules[after] = nn.Identity()
                folded += 1
    return folded


def trace(graph: Bytes, size: tuple[int, int] | None = None) -> torch.jit.ScriptModule:
    """Traces a prepared method, operators that backends do not know replaced.

    Args:
        graph: see `prepared`.
        size: height and width of all pictures; None leaves them open.

    Raises:
        LleError: the method cannot be traced.
    """
    count, height, width = ODD if size is None else (1, *size)
    example = torch.arange(count * height * width * 3, dtype=torch.int64).remainder(97).to(torch.uint8).reshape(count, height, width, 3)
    with torch.no_grad(), Lowered(), warnings.catch_warnings():
        # Where a branch follows the size, parity on other sizes shows whether that matters. Tracing is called deprecated; see `formats`.
        for kind in (torch.jit.TracerWarning, FutureWarning, DeprecationWarning):
            warnings.simplefilter("ignore", kind)
        try:
            traced = torch.jit.trace(graph, example, check_trace=False)
        except (RuntimeError, TypeError) as error:
            raise LleError(f"{type(graph.enhance).__name__} cannot be traced: {first_line(error)}") from error
    assert isinstance(traced, torch.jit.ScriptModule)
    return traced
