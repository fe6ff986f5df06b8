"""What an update's optimiser is made of, and how its learning rate changes over a phase. Torch only, no Lightning."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from lle.config.base import MethodConfig
from lle.engine.method import Phase, Update


def parameters_of(modules: Sequence[nn.Module]) -> list[nn.Parameter]:
    """Returns the trainable parameters of several modules, each once."""
    return list({id(p): p for module in modules for p in module.parameters() if p.requires_grad}.values())


def optimizer_of(update: Update, config: MethodConfig) -> torch.optim.Optimizer:
    """Makes the optimiser of an update from its own values and, where it has none, the method's settings."""
    parameters = parameters_of(update.moves)
    if update.optimizer is not None:
        return update.optimizer(parameters)
    decay = config.weight_decay if update.weight_decay is None else update.weight_decay
    lr = config.lr if update.lr is None else update.lr
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=config.betas[0], weight_decay=decay)
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, lr, betas=config.betas, weight_decay=decay)


def learning_rate(config: MethodConfig, phase: Phase, iteration: int, iterations: int) -> Callable[[float], float]:
    """Returns the function from the first learning rate of an update to that of an iteration.

    Args:
        config: the method's settings.
        phase: its own `steps` go before the settings' schedule.
        iteration: of the phase, from 0.
        iterations: of the phase.
    """
    if iteration < config.warmup:
        rise = (iteration + 1) / config.warmup
        return lambda first: first * rise
    done = (iteration - config.warmup) / max(1, iterations - config.warmup)
    if phase.steps is not None or config.schedule == "step":
        places = config.steps if phase.steps is None else phase.steps
        # A place is a whole iteration: a share such as 0.2 of 10 must not fall behind it for the last bit of a float.
        passed = sum(iteration >= round(place * iterations) for place in places)
        return lambda first: first * config.step_factor**passed
    if config.schedule == "constant":
        return lambda first: first
    fallen = max(0.0, (done - config.hold) / (1 - config.hold))
    left = (1 + math.cos(math.pi * fallen)) / 2 if config.schedule == "cosine" else 1 - fallen

    def rate(first: float) -> float:
        last = min(first, config.lr_min)
        return last + (first - last) * left

    return rate
