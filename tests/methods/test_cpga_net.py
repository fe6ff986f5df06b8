"""CPGA-Net: the authors' outputs for three files, its guided filter, its losses."""

from __future__ import annotations

import pytest
import torch
from helpers import parameter_count, train
from torch.nn import functional as F

from lle.methods.cpga_net.network import fast_guided_filter
from lle.registry import card, create


# The gamma of the exposure file is 0.07 on values of 1e-9, where single precision is off by 7e-5, and without AVX by 2.4e-4.
@pytest.mark.parametrize(("variant", "tolerance"), [("", 1e-5), ("expe", 5e-4)])
def test_agrees_with_the_authors(parity, variant, tolerance):
    vectors, weights = parity("cpga_net", variant)
    method = create("cpga_net")
    method.import_weights(weights)
    network = method.network.eval()
    with torch.no_grad():
        gamma = network.gamma(vectors["input"])
        output, powered, common = network.combine(vectors["input"], gamma)
        priors = network.ll.priors(vectors["input"])
        maps = {"dbc": priors, "t": network.ll.transmission(priors), "A": network.ll.light(vectors["input"])}
        found = {**maps, "llie": network.ll(vectors["input"]), "gamma": gamma, "out_g": powered, "intersection": common, "output": output}
        for name, value in found.items():
            scale = float(vectors[name].abs().max().clamp_min(1))
            torch.testing.assert_close(value, vectors[name], rtol=0, atol=tolerance * scale, msg=name)


def test_the_guided_variant_agrees_with_the_authors(parity):
    vectors, weights = parity("cpga_net", "dgf")
    method = create("cpga_net", {"preset": "paper_dgf"})
    method.import_weights(weights)
    exact = method.double().enhance(vectors["input"].double())
    torch.testing.assert_close(exact, vectors["output_fp64"], rtol=0, atol=1e-5)


def test_size():
    method = create("cpga_net")
    assert parameter_count(method.network) == card("cpga_net").parameters == 25394
    assert parameter_count(create("cpga_net", {"preset": "paper_dgf"}).network) == 18394


def test_a_linear_change_of_the_small_picture_comes_out_at_full_size():
    image = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    small = F.avg_pool2d(image, 2)
    torch.testing.assert_close(fast_guided_filter(small, 2 * small + 0.1, image), 2 * image + 0.1, rtol=0, atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"guided": True, "width": 8}, {"perceptual": "efficientnet_lite0"}, {"gt_mean": 0.1}])
def test_learns(settings):
    torch.manual_seed(0)
    run = train(create("cpga_net", settings), 12 if not settings else 2, crop=32, lr=3e-3)
    assert not run.untouched
    assert settings or run.fell("fit", "fit", 0.95)
    assert ("perceptual" in run.terms["fit", "fit"]) == ("perceptual" in settings)
