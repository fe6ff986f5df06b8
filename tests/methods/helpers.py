"""A training without Lightning, for tests of one method: the engine's own steps on random pictures.

What a step does is `lle.engine.step.update_step`; learning-rate schedules, averages of weights and checkpoints are the trainer's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from lle.engine.method import SIDES, Batch, Method, Phase, Stream
from lle.engine.optim import optimizer_of, parameters_of
from lle.engine.step import set_modes, update_step

IMAGES = 10


def pictures(count: int = IMAGES, side: int = 64, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Returns `count` smooth random pictures in low and in normal light, each count x 3 x side x side in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, max(side // 8, 2), max(side // 8, 2), generator=generator)
    normal = nn.functional.interpolate(coarse, size=(side, side), mode="bicubic").clamp(0.02, 1)
    low = (0.5 * normal**2 + 0.005 * torch.randn(normal.shape, generator=generator)).clamp(0, 1)
    return low, normal


def batch_of(
    method: Method,
    stream: Stream,
    iteration: int = 0,
    *,
    batch_size: int = 2,
    crop: int = 64,
    seed: int = 0,
    level: float | None = None,
    images: int = IMAGES,
) -> Batch:
    """Returns one batch of a stream: of some random pictures those that the iteration names, `transform` applied.

    Args:
        method: gives nothing but the settings a stream leaves open.
        stream: kind, transform and, where they are smaller than `crop`, sizes.
        iteration: picks the pictures.
        batch_size: images a batch, instead of the stream's.
        crop: side of the pictures, instead of the stream's.
        seed: of the pictures and of the transform's generator.
        level: value in all of the first low-light picture, whose reference keeps its texture, and in all of the second pair.
        images: number of pictures to choose from; with as many a batch, every batch holds the same.
    """
    low, normal = pictures(images, side=crop, seed=seed)
    if level is not None:
        low[:2], normal[1] = level, level
    generator = np.random.default_rng((seed, iteration))
    rows = [(iteration * batch_size + k) % images for k in range(batch_size)]
    samples = []
    for row in rows:
        other = int(generator.integers(images)) if stream.kind == "unpaired" else row
        sources = {"low": low[row], "normal": normal[other], "mask": (normal[row].mean(0) * 4).long().clamp(0, 3)}
        sample = {
            ("image" if stream.kind == "segmentation" and side == "normal" else side): sources[side].clone() for side in SIDES[stream.kind]
        }
        if stream.transform is not None:
            sample = stream.transform(sample, generator)
        samples.append(sample | {"index": torch.tensor(row)})
    return {name: torch.stack([sample[name] for sample in samples]) for name in samples[0]}


@dataclass
class Run:
    """What a training did.

    Attributes:
        losses: sums of the terms by (phase, update), one an iteration.
        terms: the terms of the last step by (phase, update).
        moved: names of the parameters that received a gradient other than zero.
        untouched: names of the trainable parameters that received none.
    """

    losses: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    terms: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    untouched: set[str] = field(default_factory=set)

    def fell(self, phase: str, update: str, share: float = 1.0) -> bool:
        """Whether the mean of the last third of a loss lies under `share` times that of the first third."""
        values = self.losses[phase, update]
        third = max(len(values) // 3, 1)
        return float(np.mean(values[-third:])) < share * float(np.mean(values[:third]))


def train(
    method: Method,
    iterations: int = 1,
    *,
    batch_size: int = 2,
    crop: int = 64,
    seed: int = 0,
    batches: Callable[[Stream, int], Batch] | None = None,
    lr: float | None = None,
    only: str | None = None,
) -> Run:
    """Runs every phase of a method for a few iterations.

    Args:
        method: trained in place.
        iterations: of each phase.
        batch_size: images a batch.
        crop: side of the pictures.
        seed: of pictures and steps.
        batches: gives the batch of a stream at an iteration; None takes random pictures.
        lr: replaces every learning rate.
        only: name of the one phase to run; None runs all.

    Raises:
        TrainingError: a loss is not finite, no scalar, or names no term.
    """
    result = Run()
    names = {id(p): name for name, p in method.named_parameters()}
    trainable = {name for name, p in method.named_parameters() if p.requires_grad}
    for phase in method.phases():
        if only is None or phase.name == only:
            _train_phase(method, phase, iterations, result, names, batch_size, crop, seed, batches, lr)
    result.untouched = trainable - result.moved
    return result


def _train_phase(
    method: Method,
    phase: Phase,
    iterations: int,
    result: Run,
    names: dict[int, str],
    batch_size: int,
    crop: int,
    seed: int,
    batches: Callable[[Stream, int], Batch] | None,
    lr: float | None,
) -> None:
    method.on_phase_start(phase)
    set_modes(method, phase.updates)
    optimizers = {update.name: optimizer_of(update, method) for update in phase.updates}
    for iteration in range(iterations):
        data = {
            name: batches(stream, iteration)
            if batches
            else batch_of(method, stream, iteration, batch_size=batch_size, crop=crop, seed=seed)
            for name, stream in method.streams(phase).items()
        }
        for update in phase.updates:
            if iteration % update.every:
                continue
            optimizer = optimizers[update.name]
            rate = (lambda first: first) if lr is None else (lambda _: lr)
            terms = update_step(method, update, optimizer, data, seed=1000 * seed + iteration, rate=rate, place=f"iteration {iteration}")
            for parameter in parameters_of(update.moves):
                if parameter.grad is not None and bool(parameter.grad.abs().sum() > 0):
                    result.moved.add(names[id(parameter)])
            result.losses.setdefault((phase.name, update.name), []).append(float(torch.stack(list(terms.values())).sum()))
            result.terms[phase.name, update.name] = {name: float(term) for name, term in terms.items()}
    method.on_phase_end(phase)


def parameter_count(module: nn.Module) -> int:
    """Returns the number of parameters of a module, each counted once."""
    return sum(p.numel() for p in module.parameters())


def gmacs(module: nn.Module, height: int = 400, width: int = 600) -> float:
    """Returns multiply-accumulates in 10^9 for one picture, counted without computing anything (meta device)."""
    from torch.utils.flop_counter import FlopCounterMode

    training = module.training
    twin = _on_meta(module)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        twin.eval()(torch.empty(1, 3, height, width, device="meta"))
    module.train(training)
    return counter.get_total_flops() / 2e9


def peak_bytes(module: nn.Module, height: int, width: int) -> int:
    """Returns the most memory that tensors hold at once during a call in evaluation mode, the input and parameters left out.

    Nothing is computed (meta device), so pictures may be large. What the kernels themselves take for a moment is not seen.
    """
    from torch.multiprocessing.reductions import StorageWeakRef
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Watch(TorchDispatchMode):
        peak = 0

        def __init__(self) -> None:
            super().__init__()
            self.live: dict[int, tuple[StorageWeakRef, int]] = {}

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            result = function(*args, **(kwargs or {}))
            for tensor in tree_leaves(result):
                if isinstance(tensor, Tensor):
                    storage = tensor.untyped_storage()
                    reference = StorageWeakRef(storage)
                    self.live[reference.cdata] = (reference, storage.nbytes())
            self.live = {key: found for key, found in self.live.items() if not found[0].expired()}
            self.peak = max(self.peak, sum(size for _, size in self.live.values()))
            return result

    twin = _on_meta(module).eval()
    picture = torch.empty(1, 3, height, width, device="meta")
    with torch.no_grad(), Watch() as watch:
        twin(picture)
    return watch.peak


def _on_meta(module: nn.Module) -> nn.Module:
    import copy

    return copy.deepcopy(module).to("meta")


def check_shapes(method: Method) -> None:
    """Asserts that a method keeps odd sizes and the smallest one, single and in a batch of two."""
    method.eval()
    with torch.no_grad():
        for shape in ((1, 3, 37, 53), (2, 3, 16, 16), (2, 3, 40, 33)):
            out = method(torch.rand(shape, generator=torch.Generator().manual_seed(1)))
            assert out.shape == shape
            assert torch.isfinite(out).all()
