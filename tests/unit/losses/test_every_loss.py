"""What holds for every loss of `lle.losses`; a new one is found by its place."""

from __future__ import annotations

import pytest
import torch
from loss_checks import LEVELS, found, has_a_finite_gradient, names_its_source
from torch import Tensor

LOSSES = found()


def test_losses_are_found():
    assert {"tv.total_variation", "ssim.ssim_loss", "zero_reference.zero_reference", "contrastive.info_nce"} <= LOSSES.keys()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_names_its_source(name: str):
    names_its_source(LOSSES[name])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_finite_for_flat_pictures(name: str, level: str):
    has_a_finite_gradient(LOSSES[name], LEVELS[level])


def test_a_root_at_black_is_noticed():
    def length(image: Tensor) -> Tensor:
        return torch.sqrt(image.square().sum())

    length.__annotations__ = {"image": "Tensor", "return": "Tensor"}
    has_a_finite_gradient(length, LEVELS["white"])
    with pytest.raises(AssertionError):
        has_a_finite_gradient(length, LEVELS["black"])
