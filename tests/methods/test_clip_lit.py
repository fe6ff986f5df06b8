"""CLIP-LIT: the network against the authors' weights, then the training phases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lle.engine.method import load_strict
from lle.methods.clip_lit.network import LightNet


def test_network_reproduces_the_authors_outputs(shared):
    folder = shared / "parity" / "clip_lit"
    network = LightNet()
    load_strict(network, load_file(folder / "model.safetensors"))
    vectors = np.load(folder / "vectors.npz")
    low = torch.from_numpy(vectors["input"])
    with torch.no_grad():
        light, output = network.light_map(low).numpy(), network(low).numpy()
    assert np.abs(light - vectors["light_map"]).max() <= 1e-5
    assert np.abs(output - vectors["output"]).max() <= 1e-5
    assert (np.round(output[0].transpose(1, 2, 0) * 255).astype(np.uint8) == vectors["saved8bit"]).mean() > 0.9999


def test_network_has_the_published_size():
    assert sum(p.numel() for p in LightNet().parameters()) == 278_790


@pytest.mark.parametrize("size", [(16, 16), (37, 53)])
def test_identity_start_returns_the_input(size):
    torch.manual_seed(0)
    low = torch.rand(2, 3, *size)
    assert (LightNet(identity=True)(low) - low).abs().max() < 0.05


def test_black_picture_under_no_light_stays_finite():
    network = LightNet()
    with torch.no_grad():
        network.cond_add1.weight.zero_()
        network.cond_add1.bias.fill_(-1)
        output = network(torch.zeros(1, 3, 16, 16))
    assert torch.equal(output, torch.zeros_like(output))
