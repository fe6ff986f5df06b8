"""StableLLVE: parameters, motion, training."""

from __future__ import annotations

import pytest
import torch
from helpers import check_shapes, gmacs, parameter_count, train

from lle.methods.stable_llve.loss import random_flow, warp
from lle.registry import card, create


def test_size_and_cost():
    method = create("stable_llve")
    assert parameter_count(method.network) == card("stable_llve").parameters == 4316259
    assert gmacs(method.network) == pytest.approx(card("stable_llve").gmacs, rel=0.01)
    check_shapes(create("stable_llve", {"width": 4}))


def test_warp_reads_where_the_flow_points():
    picture = torch.arange(20.0).view(1, 1, 4, 5)
    flow = torch.zeros(1, 2, 4, 5)
    torch.testing.assert_close(warp(picture, flow), picture)
    flow[:, 0] = 1
    torch.testing.assert_close(warp(picture, flow)[..., :-1], picture[..., 1:])
    flow[:, 1], flow[:, 0] = -2, 0
    torch.testing.assert_close(warp(picture, flow)[..., 2:, :], picture[..., :2, :])
    torch.testing.assert_close(warp(picture, flow)[..., 0, :], picture[..., 0, :])


def test_flow_is_smooth_and_as_long_as_asked():
    torch.manual_seed(0)
    flow = random_flow(torch.empty(200, 3, 33, 33), motion=5.0, cells=3)
    assert flow.shape == (200, 2, 33, 33)
    assert flow[..., 0, 0].std() == pytest.approx(5, rel=0.15)
    assert flow.diff(dim=-1).abs().max() < 4


def test_consistency_is_nothing_for_a_network_that_looks_at_single_pixels():
    method = create("stable_llve", {"width": 4})
    method.network = torch.nn.Conv2d(3, 3, 1)
    low = torch.rand(1, 3, 32, 32)
    assert method.loss({"low": low, "normal": low})["consistency"] < 1e-4


def test_takes_the_names_of_the_authors():
    method, other = create("stable_llve", {"width": 4}), create("stable_llve", {"width": 4})
    names = {"unet.head.": "outc.conv."}
    for unit in range(2):
        names[f"unet.down.0.{unit}.0."] = f"inc.double_conv.{2 * unit}."
        for level in range(1, 5):
            names[f"unet.down.{level}.{unit}.0."] = f"down{level}.maxpool_conv.1.double_conv.{2 * unit}."
            names[f"unet.up.{level - 1}.{unit}.0."] = f"up{level}.conv.double_conv.{2 * unit}."
    state = {}
    for key, value in method.network.state_dict().items():
        ours = next(prefix for prefix in names if key.startswith(prefix))
        state[names[ours] + key.removeprefix(ours)] = value
    other.import_weights({"checkpoint": state})
    picture = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(other.enhance(picture), method.enhance(picture), rtol=0, atol=0)


def test_learns():
    torch.manual_seed(0)
    run = train(create("stable_llve", {"width": 4}), 20, crop=32, lr=3e-3)
    assert not run.untouched
    assert run.fell("fit", "fit", 0.9)
