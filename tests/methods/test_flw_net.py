"""FLW-Net: the authors' outputs, its histogram, the brightness that is asked for, its losses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from helpers import parameter_count

from lle.methods.flw_net.loss import angle, structure_angle
from lle.methods.flw_net.network import histogram
from lle.registry import card, create


def test_agrees_with_the_authors(parity):
    vectors, weights = parity("flw_net")
    method = create("flw_net")
    method.import_weights(weights)
    network = method.network.eval()
    with torch.no_grad():
        # The histogram is of the whole picture, the rest of what is left after cutting to blocks.
        described = network.describe(vectors["input"])
        alphas = network.choose(described)
        retouched = network.retouch(vectors["fed"].amax(dim=1, keepdim=True), alphas.split(1, dim=1))
        output = network.correct(vectors["fed"], alphas)
        brighter = network.correct(vectors["fed"], network.choose(network.describe(vectors["input"], torch.tensor([0.55]))))
    found = {"hist": described, "alphas": alphas, "retouch_image": retouched, "output": output, "output_mean0.55": brighter}
    for name, value in found.items():
        torch.testing.assert_close(value, vectors[name], rtol=0, atol=1e-5, msg=name)
    assert brighter.mean() > output.mean()


def test_size():
    method = create("flw_net")
    assert parameter_count(method.network) == card("flw_net").parameters == 17373
    assert parameter_count(method.network.choose) == 1431


@pytest.mark.parametrize("level", [None, 0.3])
def test_the_histogram_is_numpys(level):
    value = torch.rand(2, 1, 20, 30, generator=torch.Generator().manual_seed(0)) if level is None else torch.full((2, 1, 20, 30), level)
    for one, found in zip(value, histogram(value), strict=True):
        expected = np.histogram(one.numpy().astype(np.float64), 12)[0] / one.numel()
        np.testing.assert_allclose(found[:12, 0, 0].numpy(), expected, atol=1e-6)
        assert found[12:, 0, 0].tolist() == [one.min(), one.max()]


def test_angles():
    a = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    b = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    # The first pair is parallel, the second at right angles; the root of 2e-5 is what the authors' epsilon leaves of 0.
    assert angle(a, b, 1) == pytest.approx((1 + math.pi / 2) / 2, abs=4e-3)
    picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    # Half the contrast has the same direction.
    assert structure_angle(picture, 0.5 * picture) < 0.1 < 0.5 < structure_angle(picture, picture.transpose(2, 3))


def test_mu_is_a_setting():
    torch.manual_seed(0)
    dark = create("flw_net", {"mu": 0.2})
    bright = create("flw_net", {"mu": 0.6})
    bright.load_state_dict(dark.state_dict())
    picture = torch.rand(1, 3, 41, 45)
    assert dark.enhance(picture).shape == picture.shape
    assert not torch.equal(dark.enhance(picture), bright.enhance(picture))
