"""PairLIE: the authors' outputs, its second exposure, its losses."""

from __future__ import annotations

import pytest
import torch
from helpers import parameter_count, train

from lle.errors import WeightsError
from lle.methods.pairlie.method import wide_variation
from lle.registry import card, create


@pytest.mark.parametrize(("exponent", "name"), [(0.2, "output"), (0.14, "output_lol_0_14")])
def test_agrees_with_the_authors(parity, exponent, name):
    vectors, weights = parity("pairlie")
    method = create("pairlie", {"preset": "paper", "exponent": exponent})
    method.import_weights(weights)
    torch.testing.assert_close(method.enhance(vectors["input"]), vectors[name], rtol=0, atol=1e-5)
    with torch.no_grad():
        for value, part in zip(method.network.decompose(vectors["input"]), "XLR", strict=True):
            torch.testing.assert_close(value, vectors[part], rtol=0, atol=1e-5, msg=part)


def test_foreign_weights_are_refused():
    with pytest.raises(WeightsError):
        create("pairlie").import_weights({"a": {"N_net.weight": torch.zeros(1)}})


def test_size():
    network = create("pairlie", {"preset": "paper"}).network
    assert parameter_count(network) == card("pairlie").parameters == 341767
    assert [parameter_count(part) for part in (network.clean, network.illumination, network.reflectance)] == [114307, 113153, 114307]


def test_the_second_exposure_is_darker_and_has_noise_of_its_own():
    low = torch.full((64, 3, 16, 16), 0.25)
    torch.manual_seed(0)
    second = create("pairlie", {"darkest": 0.4, "noise": 0.02}).darker(low)
    factors = second.mean(dim=(1, 2, 3)) / 0.25
    assert 0.38 < factors.min() < 0.5
    assert 0.9 < factors.max() < 1.02
    brightest = second[factors.argmax()]
    assert float(brightest.std()) == pytest.approx(0.02 * 0.5, rel=0.15)


def test_variation_looks_two_pixels_far():
    stripes = torch.tensor([0.0, 1.0]).repeat(8).expand(1, 1, 16, 16)
    assert wide_variation(stripes) == 0
    assert wide_variation(torch.arange(16.0).expand(1, 1, 16, 16)) == 2


@pytest.mark.parametrize("second", ["darker", "normal"])
def test_learns(second):
    torch.manual_seed(0)
    run = train(create("pairlie", {"width": 8, "second": second}), 12, crop=32, lr=3e-3)
    assert not run.untouched
    assert run.fell("fit", "fit", 0.9)
