"""One step of one update, as a function: what a training consists of, with Lightning or without.

It knows no trainer, no clock and no checkpoint; what differs between them (how to go backward, with how many processes, at
which learning rate) is an argument.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from lle.engine.method import Batch, Losses, Method, Update
from lle.engine.optim import parameters_of
from lle.errors import TrainingError


class Optimizer(Protocol):
    """What a step asks of an optimiser; torch's and Lightning's wrapper of it both have it."""

    @property
    def param_groups(self) -> list[dict[str, object]]:
        """Parameters and their learning rates."""

    def zero_grad(self) -> None:
        """Forgets the gradients."""

    def step(self) -> object:
        """Moves the parameters."""


@dataclass(frozen=True)
class Processes:
    """The processes that train together, each on its share of every batch; torch.distributed connects them if there are several."""

    count: int = 1
    rank: int = 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its mean over the processes."""
        if self.count > 1:
            for tensor in tensors:
                torch.distributed.all_reduce(tensor)
                tensor.div_(self.count)

    def all(self, condition: Tensor) -> bool:
        """Whether a condition, a boolean scalar, holds in every process; each must ask."""
        if self.count > 1:
            condition = condition.to(torch.float32)
            torch.distributed.all_reduce(condition, torch.distributed.ReduceOp.MIN)
        return bool(condition > 0)


ALONE = Processes()


def mix(*parts: object) -> int:
    """Returns a seed made from several values, the same in every process and on every machine."""
    return zlib.crc32("/".join(map(str, parts)).encode())


def update_step(
    method: Method,
    update: Update,
    optimizer: Optimizer,
    batches: Mapping[str, Batch],
    *,
    seed: int,
    rate: Callable[[float], float] = lambda first: first,
    backward: Callable[[Tensor], object] = Tensor.backward,
    processes: Processes = ALONE,
    place: str = "a step",
) -> Losses:
    """Moves the modules of one update by one step; everything else is frozen meanwhile and the same afterwards.

    Args:
        method: whose parameters are trained; its setting `clip` bounds the norm of the gradient.
        update: what moves, and down which loss.
        optimizer: of this update, see `lle.engine.optim.optimizer_of`.
        batches: by stream; those of the update's streams are used.
        seed: of everything random in the loss.
        rate: from a group's first learning rate to that of this step.
        backward: computes the gradients of a scalar.
        processes: those that train together; gradients are averaged over them.
        place: where the training stands, for messages.

    Returns:
        The terms of the loss, detached.

    Raises:
        TrainingError: the loss has no term, one that is no scalar, or is not finite, or the gradient to be clipped is not.
    """
    batch = update.batch(batches)
    torch.manual_seed(seed)
    moved = parameters_of(update.moves)
    with only(method, moved):
        terms = update.loss(batch)
        total = _total(terms, f"update '{update.name}' in {place}")
        where = f"{place}, update '{update.name}'"
        _require_finite(torch.isfinite(total), "the loss", where, update, terms, batches, processes)
        optimizer.zero_grad()
        backward(total)
        processes.average([p.grad for p in moved if p.grad is not None])
        if method.config.clip is not None:
            norm = nn.utils.clip_grad_norm_(moved, method.config.clip)
            _require_finite(torch.isfinite(norm), "the gradient", where, update, terms, batches, processes)
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = rate(group["initial_lr"])  # type: ignore[arg-type]
        optimizer.step()
    return {name: term.detach() for name, term in terms.items()}


@contextmanager
def only(method: nn.Module, moved: Sequence[nn.Parameter]) -> Iterator[None]:
    """Freezes every trainable parameter but those in `moved` for the length of a block."""
    trainable = [p for p in method.parameters() if p.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    for parameter in moved:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)


def set_modes(method: nn.Module, updates: Sequence[Update]) -> None:
    """Sets the modes of a phase: what none of its updates moves is in evaluation mode, running statistics included."""
    method.train()
    moved = {id(p) for update in updates for p in parameters_of(update.moves)}
    for module in method.modules():
        own = list(module.parameters())
        if own and not any(id(p) in moved for p in own):
            module.eval()


def _total(terms: Losses, what: str) -> Tensor:
    if not terms:
        raise TrainingError(f"the loss of {what} returned no term: return a dictionary of named, weighted scalars.")
    if shaped := [f"{name} {tuple(term.shape)}" for name, term in terms.items() if term.ndim]:
        raise TrainingError(f"the loss of {what} returned terms that are no scalars ({', '.join(shaped)}): take their mean or sum.")
    return torch.stack([term.float() for term in terms.values()]).sum()


def _require_finite(
    finite: Tensor, what: str, where: str, update: Update, terms: Losses, batches: Mapping[str, Batch], processes: Processes
) -> None:
    # All processes must stop together, or the others wait for this one's gradients for ever.
    if processes.all(finite):
        return
    elsewhere = " in another process" if finite else ""
    values = ", ".join(f"{name}={float(term.detach()):g}" for name, term in terms.items())
    rows = " and ".join(f"rows {batches[name]['index'].tolist()} of the training split on stream '{name}'" for name in update.streams)
    raise TrainingError(
        f"{what} is not finite{elsewhere} in {where} ({values}); the batch held {rows}. "
        "The last good checkpoint is kept. Lower methods.*.lr, set methods.*.clip, or look at these pictures."
    )
