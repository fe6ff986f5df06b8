"""DDNet: size, edge map, training."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from helpers import check_shapes, gmacs, parameter_count, train

from lle.methods.ddnet.method import laplacian
from lle.methods.ddnet.network import edge_map
from lle.registry import card, create


def test_size_and_cost():
    method = create("ddnet")
    assert parameter_count(method.network) == card("ddnet").parameters
    assert gmacs(method.network) == pytest.approx(card("ddnet").gmacs, rel=0.01)
    check_shapes(create("ddnet", {"width": 4}))


def test_edge_map_is_the_one_of_the_authors_up_to_eight_bits():
    picture = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    grey = (picture @ np.array([0.299, 0.587, 0.114])).astype(np.float64) / 255
    blurred = np.clip(cv2.GaussianBlur(grey, (3, 3), 0) * 255, 0, 255)
    expected = np.clip(cv2.Laplacian(blurred, cv2.CV_64F, ksize=3) / 255, 0, 1)
    found = edge_map(torch.from_numpy(picture).permute(2, 0, 1)[None].double() / 255)
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-6)


def test_laplacian_is_zero_on_a_slope_and_eight_on_a_point():
    slope = torch.arange(6.0).expand(1, 3, 6, 6)
    assert laplacian(slope)[..., 1:-1, 1:-1].abs().max() == 0
    point = torch.zeros(1, 3, 5, 5)
    point[:, 1, 2, 2] = 1
    assert laplacian(point)[0, :, 2, 2].tolist() == [0, 8, 0]


def test_learns():
    torch.manual_seed(0)
    run = train(create("ddnet", {"width": 4}), 12, crop=32, lr=5e-3)
    assert not run.untouched
    assert run.fell("fit", "fit", 0.9)
