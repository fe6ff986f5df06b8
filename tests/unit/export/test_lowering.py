"""What exporters do not know is replaced by what gives the same."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lle.export.graph import Bytes, fold
from lle.export.lowering import Lowered

PICTURE = torch.rand(2, 6, 13, 17, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("mode", ["reflect", "replicate", "constant"])
@pytest.mark.parametrize("pad", [(3, 5, 2, 7), (0, 0, 0, 0), (12, 12, 12, 12), (0, 3, 0, 1)])
def test_padding(mode: str, pad: tuple[int, ...]) -> None:
    with Lowered():
        given = F.pad(PICTURE, pad, mode=mode)
    assert torch.equal(given, F.pad(PICTURE, pad, mode=mode))


@pytest.mark.parametrize("size", [1, 2, 3, 6, (4, 5), (13, 17)])
def test_adaptive_pooling(size: int | tuple[int, int]) -> None:
    with Lowered():
        given = F.adaptive_avg_pool2d(PICTURE, size)
    torch.testing.assert_close(given, F.adaptive_avg_pool2d(PICTURE, size), atol=1e-6, rtol=0)


@pytest.mark.parametrize("keepdim", [True, False])
def test_variance_and_mean(keepdim: bool) -> None:
    with Lowered():
        variance, mean = torch.var_mean(PICTURE, dim=(1, 2, 3), keepdim=keepdim)
    expected = torch.var_mean(PICTURE, dim=(1, 2, 3), keepdim=keepdim)
    torch.testing.assert_close((variance, mean), expected, atol=1e-6, rtol=1e-6)


def test_powers_splits_and_shapes() -> None:
    with Lowered():
        power, whole, parts, shaped = torch.exp2(PICTURE), PICTURE.split(99, 1), PICTURE.split(4, 1), PICTURE.unflatten(1, (2, 3))
    torch.testing.assert_close(power, torch.exp2(PICTURE))
    assert len(whole) == 1
    assert [part.shape[1] for part in parts] == [4, 2]
    assert shaped.shape == (2, 2, 3, 13, 17)


class Follows(nn.Module):
    """Pads by an amount that follows from the size, as networks that halve do."""

    def forward(self, image: Tensor) -> Tensor:
        below, right = -image.shape[-2] % 8, -image.shape[-1] % 8
        return F.pad(image, (0, right, 0, below), mode="reflect")


def test_a_trace_follows_the_size() -> None:
    with Lowered():
        traced = torch.jit.trace(Follows(), PICTURE, check_trace=False)
    for size in ((13, 17), (16, 24), (31, 9)):
        image = torch.rand(1, 3, *size)
        assert torch.equal(traced(image), Follows()(image))


def test_batch_normalisation_is_folded() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(6, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4)).eval()
    for norm in (network[1], network[3]):
        nn.init.uniform_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 1e-5, 2)
        nn.init.uniform_(norm.weight)
    with torch.no_grad():
        expected = network(PICTURE)
        assert fold(network) == 1, "the one that follows a convolution, and no other"
        assert isinstance(network[1], nn.Identity)
        torch.testing.assert_close(network(PICTURE), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bytes_are_rounded_to_the_nearest_level(dtype: torch.dtype) -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(1, 16, 16, 3)
    given = Bytes(nn.Identity(), dtype)(levels)
    assert given.dtype == torch.uint8
    assert given.shape == levels.shape
    assert (given.int() - levels.int()).abs().max() <= (0 if dtype == torch.float32 else 1)
