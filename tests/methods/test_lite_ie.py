"""LiteIE: the authors' weights, the curve, what its losses want."""

from __future__ import annotations

import pytest
import torch
from helpers import parameter_count, train

from lle.methods.lite_ie.method import colour_consistency, edge_aware_smoothness
from lle.registry import card, create


@pytest.mark.parametrize(("source", "suffix"), [("image", ""), ("constant", "_const")])
def test_agrees_with_the_authors_weights(parity, source, suffix):
    vectors, weights = parity("lite_ie")
    method = create("lite_ie", {"feature_input": source})
    method.import_weights(weights)
    output = method.enhance(vectors["input"])
    with torch.no_grad():
        torch.testing.assert_close(method.network.map(vectors["input"]), vectors[f"feature{suffix}"], rtol=0, atol=1e-5)
    torch.testing.assert_close(output, vectors[f"output{suffix}"], rtol=0, atol=1e-5)
    saved = (output * 255).round().to(torch.uint8)[0].permute(1, 2, 0)
    assert (saved.int() - vectors[f"saved8bit{suffix}"].int()).abs().max() <= 1


def test_size():
    assert parameter_count(create("lite_ie").network) == card("lite_ie").parameters == 58


def test_a_constant_map_is_one_curve():
    network = create("lite_ie", {"feature_input": "constant"}).network
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)
    with torch.no_grad():
        result = network(ramp)[..., 4:-4, :]
    assert torch.equal(result, result[..., :1, :].expand_as(result))


def test_losses():
    grey = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    assert colour_consistency(grey) < 1e-10
    # Red left and cyan right is grey as a whole, and in no half.
    halves = torch.zeros(1, 3, 32, 32)
    halves[:, 0, :, :16] = 1
    halves[:, 1:, :, 16:] = 1
    assert colour_consistency(halves, (1,)) < 1e-10 < 1 < colour_consistency(halves, (2,))
    step = torch.zeros(1, 3, 8, 8)
    step[..., 4:] = 1
    assert edge_aware_smoothness(step, step, 10.0) < 1e-3 * edge_aware_smoothness(step, torch.zeros_like(step), 10.0)


def test_learns_to_brighten():
    torch.manual_seed(0)
    method = create("lite_ie")
    low = 0.1 + 0.02 * torch.rand(2, 1, 32, 32).expand(-1, 3, -1, -1)
    before = method.enhance(low).mean()
    run = train(method, 60, lr=1e-2, batches=lambda stream, iteration: {"low": low, "index": torch.arange(2)})
    assert not run.untouched
    assert method.enhance(low).mean() > before + 0.1
