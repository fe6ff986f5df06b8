"""The curve iteration and the padding helpers."""

from __future__ import annotations

import pytest
import torch

from lle.nn.blocks import crop_to, pad_to_multiple
from lle.nn.dce import DceNet, apply_curves


def test_a_negative_curve_brightens_and_none_changes_nothing() -> None:
    image = torch.full((1, 3, 4, 4), 0.25)
    assert torch.equal(apply_curves(image, torch.zeros(1, 24, 4, 4)), image)
    # x + r (x^2 - x) with r = -1: 0.25 + 0.1875.
    assert torch.allclose(apply_curves(image, -torch.ones(1, 3, 4, 4)), torch.tensor(0.4375))


def test_curves_keep_range_and_order() -> None:
    values = torch.linspace(0, 1, 101).view(1, 1, 1, -1).expand(1, 3, 1, -1)
    for r in (-1.0, -0.5, 0.5, 1.0):
        out = apply_curves(values, torch.full((1, 24, 1, 101), r))[0, 0, 0]
        assert out[0] == 0
        assert float(out[-1]) == pytest.approx(1)
        assert (out.diff() >= -1e-7).all()


def test_dce_net_size_and_number_of_curves() -> None:
    assert sum(p.numel() for p in DceNet().parameters()) == 79_416
    assert DceNet(width=4, iterations=3).curves(torch.rand(2, 3, 17, 16)).shape == (2, 9, 17, 16)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (2, 5)])
def test_padding_comes_off_again(size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size)
    padded = pad_to_multiple(image, 16)
    assert padded.shape[-2] % 16 == 0
    assert padded.shape[-1] % 16 == 0
    assert torch.equal(crop_to(padded, image), image)
