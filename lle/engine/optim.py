"""What an update's optimiser is made of, and how its learning rate changes over a phase. Torch only, no Lightning."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import nn

from lle.config.base import MethodConfig
from lle.engine.method import Method, Phase, Update
from lle.errors import TrainingError, did_you_mean


def parameters_of(modules: Sequence[nn.Module]) -> list[nn.Parameter]:
    """Returns the trainable parameters of several modules, each once."""
    return list({id(p): p for module in modules for p in module.parameters() if p.requires_grad}.values())


def optimizer_of(update: Update, method: Method) -> torch.optim.Optimizer:
    """Makes the optimiser of an update, the one that the method's settings choose: the only place where one is made.

    Learning rate, weight decay and betas are the update's own and, where it has none, the settings'. A module with a factor in
    `lr_factors` gets a group of its own.

    Args:
        update: which parameters, and its own values.
        method: has the settings, and the modules that `lr_factors` names.

    Raises:
        TrainingError: a module of `lr_factors` does not exist, or holds nothing that the update moves.
    """
    config = method.config
    lr = config.lr if update.lr is None else update.lr
    decay = config.weight_decay if update.weight_decay is None else update.weight_decay
    betas = config.betas if update.betas is None else update.betas
    groups = [{"params": parameters, "lr": lr * factor} for factor, parameters in _groups(update, method)]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr, momentum=betas[0], weight_decay=decay)
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    # One kernel for all parameters: torch's default calls several for each, which shows in networks of many small layers.
    fused = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters_of(update.moves))
    return kind(groups, lr, betas=betas, weight_decay=decay, fused=fused)


def _groups(update: Update, method: Method) -> Iterator[tuple[float, list[nn.Parameter]]]:
    """Yields the parameters with a learning rate of their own by its factor; first those without, if there are any."""
    left = {id(parameter): parameter for parameter in parameters_of(update.moves)}
    modules, own = dict(method.named_modules()), []
    # A longer name is further inside.
    for name in sorted(update.lr_factors, key=lambda name: name.count("."), reverse=True):
        if name not in modules:
            raise TrainingError(
                f"update '{update.name}' has a learning rate for '{name}'.{did_you_mean(name, modules)} There is no such module."
            )
        inside = [left.pop(id(parameter)) for parameter in modules[name].parameters() if id(parameter) in left]
        if not inside:
            raise TrainingError(f"update '{update.name}' has a learning rate for '{name}' but moves no parameter of it.")
        own.append((update.lr_factors[name], inside))
    if left:
        yield 1.0, list(left.values())
    yield from reversed(own)


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
