"""One step: what moves, what stays, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lle.config.base import MethodConfig
from lle.engine.method import Method, Update
from lle.engine.optim import optimizer_of
from lle.engine.step import mix, only, update_step
from lle.errors import TrainingError


class Two(Method):
    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.network = nn.Linear(2, 2)
        self.other = nn.Linear(2, 2)

    def error(self, batch):
        return {"noisy": (self.other(self.network(batch["low"])) + torch.randn(1)).square().mean()}


BATCHES = {"train": {"low": torch.ones(3, 2), "index": torch.tensor([4, 5, 6])}}


def stepped(loss=Two.error, seed=1, **settings):
    torch.manual_seed(0)
    method = Two(MethodConfig(lr=0.1, **settings))
    update = Update("one", lambda batch: loss(method, batch), (method.network,))
    before = {name: value.clone() for name, value in method.state_dict().items()}
    terms = update_step(method, update, optimizer_of(update, method), BATCHES, seed=seed, place="iteration 7")
    return method, before, terms


def test_a_step_moves_its_own_modules_and_leaves_the_rest_as_it_was():
    method, before, terms = stepped()
    moved = {name for name, value in method.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"network.weight", "network.bias"}
    assert all(p.requires_grad for p in method.parameters())
    assert all(p.grad is None for p in method.other.parameters())
    assert not terms["noisy"].requires_grad


def test_the_seed_decides_what_is_random():
    (first, _, one), (second, _, two), (_, _, other) = stepped(), stepped(), stepped(seed=2)
    assert one["noisy"] == two["noisy"] != other["noisy"]
    assert all(torch.equal(p, q) for p, q in zip(first.parameters(), second.parameters(), strict=True))


def test_the_rate_is_of_each_groups_first_one():
    method = Two(MethodConfig(lr=0.1, optimizer="sgd"))
    update = Update("one", method.error, (method,), lr_factors={"other": 0.5})
    optimizer = optimizer_of(update, method)
    for _ in range(2):
        update_step(method, update, optimizer, BATCHES, seed=0, rate=lambda first: first / 10)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.01, 0.005])


def test_losses_that_cannot_be_used_say_so():
    with pytest.raises(TrainingError, match="update 'one' in iteration 7 returned no term"):
        stepped(lambda method, batch: {})
    with pytest.raises(TrainingError, match=r"no scalars \(l1 \(3, 2\)\)"):
        stepped(lambda method, batch: {"l1": method.network(batch["low"])})
    with pytest.raises(TrainingError, match=r"loss is not finite in iteration 7, update 'one' \(l1=nan\).* rows \[4, 5, 6\]"):
        stepped(lambda method, batch: {"l1": method.network(batch["low"]).mean() * float("nan")})
    with pytest.raises(TrainingError, match="the gradient is not finite"):
        stepped(lambda method, batch: {"l1": (method.network(batch["low"]).mean() * 0).sqrt()}, clip=1.0)


def test_parameters_are_thawed_after_an_error():
    method = Two(MethodConfig())
    method.other.bias.requires_grad_(False)
    with pytest.raises(AttributeError), only(method, list(method.network.parameters())):
        method.other.weight.nothing  # noqa: B018
    assert [p.requires_grad for p in method.parameters()] == [True, True, True, False]


def test_seeds_are_the_same_on_every_machine():
    assert mix(3, "fit") == 2013223034
