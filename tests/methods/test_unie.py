"""UNIE: size, priors, two phases, two discriminators."""

from __future__ import annotations

import pytest
import torch
from helpers import batch_of, check_shapes, gmacs, parameter_count, train

from lle.engine.method import Stream
from lle.methods.unie.loss import colourfulness, details, exclusion, glare, roughness, spread
from lle.methods.unie.network import BlendedNorm, Discriminator
from lle.registry import card, create

TINY = {"width": 4, "blocks": 1, "discriminator_width": 4, "decompose_width": 4}


def test_size_and_cost():
    method = create("unie", {"discriminator_width": 8, "decompose_width": 8, "cycle_weight": 0.0})
    assert parameter_count(method.network) == card("unie").parameters
    assert gmacs(method.network) == pytest.approx(card("unie").gmacs, rel=0.01)
    check_shapes(create("unie", TINY))


@pytest.mark.parametrize("side", [32, 64, 128])
def test_discriminators_judge_small_crops_too(side):
    for layers in (5, 7):
        regions, scores = Discriminator(layers, 4)(torch.rand(2, 3, side, side))
        assert regions.shape[:2] == (2, 1)
        assert min(regions.shape[2:]) >= 1
        assert scores.shape == (2, 2)


def test_blended_norm_is_either_norm_at_its_ends():
    x = torch.randn(2, 4, 8, 8)
    instance = torch.nn.functional.instance_norm(x)
    torch.testing.assert_close(BlendedNorm(4, 1.0)(x), instance, rtol=0, atol=0.05)
    layer = torch.nn.functional.layer_norm(x, x.shape[1:])
    torch.testing.assert_close(BlendedNorm(4, 0.0)(x), layer, rtol=0, atol=0.05)


def test_priors():
    edge = torch.zeros(1, 3, 16, 16)
    edge[..., 8:] = 1
    turned = edge.transpose(-1, -2)
    flat = torch.full_like(edge, 0.3)
    assert exclusion(edge, flat) == 0
    assert exclusion(edge, turned) < 0.2 * exclusion(edge, edge)
    assert colourfulness(flat) == 0
    slope = torch.linspace(0, 1, 16).expand(1, 3, 16, 16)
    assert roughness(slope) < 1e-6 < roughness(edge)
    assert glare(torch.ones(1, 3, 2, 2)).eq(1).all()
    assert glare(torch.zeros(1, 3, 2, 2)).max() < 0.02
    torch.testing.assert_close(details(flat), torch.full_like(flat, 0.5))
    assert spread(edge[:, :1]).unique().tolist() == [0, 1]
    assert spread(flat[:, :1]).abs().max() == 0


def test_no_way_back_without_a_cycle():
    assert create("unie", {**TINY, "cycle_weight": 0.0}).darken is None


def test_learns():
    torch.manual_seed(0)
    run = train(create("unie", TINY), 8, crop=64, lr=3e-3)
    assert not run.untouched
    assert run.fell("decompose", "decompose", 0.97)
    assert run.fell("suppress", "generator")
    assert "cycle" in run.terms["suppress", "generator"]


def test_discriminators_learn_what_normal_light_is():
    torch.manual_seed(0)
    method = create("unie", TINY)
    for update in method.phases()[1].updates[1:]:
        optimizer = torch.optim.Adam(update.moves[0].parameters(), 3e-3)
        losses = []
        for iteration in range(15):
            # As long as the generator changes nothing, its pictures are the dark ones.
            batch = batch_of(method, Stream("unpaired"), iteration)
            method.fakes.keep(batch, batch["low"])
            loss = torch.stack(list(update.loss(batch).values())).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        assert sum(losses[-5:]) < 0.8 * sum(losses[:5]), update.name
