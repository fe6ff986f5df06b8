"""How the learning rate changes over a phase: known values of every schedule."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from lle.config.base import MethodConfig
from lle.engine.method import Method, Phase, Update
from lle.engine.optim import learning_rate, optimizer_of, parameters_of
from lle.errors import TrainingError


def rates(at, first=1.0, own=None, **settings):
    """Learning rates at some of 100 iterations."""
    return [learning_rate(MethodConfig(**settings), Phase("fit", (), steps=own), k, 100)(first) for k in at]


def test_constant():
    assert rates((0, 50, 99)) == [1, 1, 1]


def test_warm_up_comes_before_any_schedule():
    assert rates((0, 1, 3, 4), warmup=4) == [0.25, 0.5, 1, 1]
    assert rates((0, 1, 2), warmup=2, schedule="linear", lr_min=0.0) == [0.5, 1, 1]


def test_cosine_falls_to_its_last_rate():
    assert rates((0, 50), schedule="cosine", lr_min=0.2) == pytest.approx([1, 0.6])
    assert rates((99,), schedule="cosine", lr_min=0.2)[0] == pytest.approx(0.2, abs=1e-3)
    assert rates((50,), first=0.1, schedule="cosine", lr_min=0.2) == [0.1], "a rate below the last one stays"


def test_linear_begins_to_fall_where_it_is_told():
    assert rates((0, 25, 50, 99), schedule="linear", lr_min=0.0) == pytest.approx([1, 0.75, 0.5, 0.01])
    assert rates((0, 50, 75, 99), schedule="linear", lr_min=0.0, hold=0.5) == pytest.approx([1, 1, 0.5, 0.02])
    assert rates((50,), schedule="linear", lr_min=0.2) == pytest.approx([0.6])


def test_steps():
    settings = {"schedule": "step", "steps": (0.2, 0.7)}
    assert rates((0, 19, 20, 69, 70, 99), **settings) == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert rates((19, 20), **settings, step_factor=0.5) == [1, 0.5]
    with pytest.raises(ValidationError, match="needs `steps`"):
        MethodConfig(schedule="step")
    with pytest.raises(ValidationError):
        MethodConfig(schedule="step", steps=(20,))


def test_a_phase_with_steps_of_its_own_does_not_follow_the_settings():
    assert rates((79, 80), own=(0.8,), schedule="cosine", step_factor=0.5) == [1, 0.5]
    assert rates((99,), own=(), schedule="cosine") == [1]


class Two(Method):
    def __init__(self, config):
        super().__init__(config)
        self.network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2)))


def groups(config, **settings):
    method = Two(config)
    return optimizer_of(Update("fit", lambda _: {}, (method, method.network), **settings), method).param_groups


def test_an_update_goes_before_the_settings():
    config = MethodConfig(lr=0.1, weight_decay=0.5, optimizer="sgd", betas=(0.8, 0.9))
    (plain,) = groups(config)
    assert (plain["lr"], plain["weight_decay"], plain["momentum"], len(plain["params"])) == (0.1, 0.5, 0.8, 6)
    (own,) = groups(config, lr=0.2, weight_decay=0.0, betas=(0.3, 0.9))
    assert (own["lr"], own["weight_decay"], own["momentum"]) == (0.2, 0, 0.3)


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_the_settings_choose_the_optimiser(name, kind):
    method = Two(MethodConfig(optimizer=name))
    factors = {"network.0": 0.5}
    assert type(optimizer_of(Update("fit", lambda _: {}, (method,), lr_factors=factors), method)) is kind


def test_modules_have_learning_rates_of_their_own():
    found = groups(MethodConfig(lr=0.1), lr_factors={"network.1": 0.5, "network.1.1": 0.0})
    assert [(group["lr"], len(group["params"])) for group in found] == [(0.1, 2), (0.05, 2), (0.0, 2)]
    assert [(group["lr"], len(group["params"])) for group in groups(MethodConfig(lr=0.1), lr_factors={"network": 2.0})] == [(0.2, 6)]


def test_learning_rates_of_modules_that_are_not_there_are_refused():
    with pytest.raises(TrainingError, match=r"learning rate for 'network.2'. Did you mean 'network.[01]'"):
        groups(MethodConfig(), lr_factors={"network.2": 0.5})
    method = Two(MethodConfig())
    with pytest.raises(TrainingError, match="moves no parameter of it"):
        optimizer_of(Update("fit", lambda _: {}, (method.network[0],), lr_factors={"network.1": 0.5}), method)


def test_frozen_parameters_are_not_moved():
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    assert parameters_of([layer]) == [layer.weight]
