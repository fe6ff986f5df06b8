"""The one trainer: runs the phases of any method with Lightning, and survives interruptions.

Everything random in iteration t follows from the seed, the phase and t (see `lle.data.streams`), the learning rate
follows from t, and the resume checkpoint holds the rest. So a run that is killed and started again ends with the weights
of an uninterrupted one.
"""

from __future__ import annotations

import logging
import math
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lle.config.base import MethodConfig
from lle.config.schema import TrainConfig
from lle.data.streams import IterationSampler, Pictures, StreamDataset, loader, rows_with
from lle.engine.method import Batch, Method, Phase, Stream, Update
from lle.engine.optim import learning_rate, optimizer_of, parameters_of
from lle.engine.training_log import Fitted
from lle.errors import TrainingError
from lle.files import atomic_path

CHECKPOINT = "resume.pt"


@dataclass
class Progress:
    """Where a run stands; what the resume checkpoint holds beside weights and optimiser states."""

    phase: int = 0
    iteration: int = 0
    total: int = 0
    rows: list[tuple[int, str, str, str, float]] = field(default_factory=list)
    best: float = -math.inf
    seconds: float = 0.0
    wait_seconds: float = 0.0
    waits: dict[str, float] = field(default_factory=dict)
    images: int = 0


class PhaseData(pl.LightningDataModule):
    """The streams of one phase, from a given iteration on.

    Args:
        streams: by name.
        pictures: opens the training split of a data set by its name; None stands for `train.data`.
        config: the method's settings.
        train: the settings of all trainings.
        seed: the run's seed, already mixed with the phase.
        start: iteration to begin with.
        stop: iteration to end before.
    """

    def __init__(
        self,
        streams: Mapping[str, Stream],
        pictures: Callable[[str | None], Pictures],
        config: MethodConfig,
        train: TrainConfig,
        seed: int,
        start: int,
        stop: int,
    ) -> None:
        super().__init__()
        self.workers, self.range, self.config = train.workers, (start, stop), config
        self.streams = streams
        self.datasets = {
            name: StreamDataset(stream, pictures(stream.data), stream.crop or config.crop, seed, name) for name, stream in streams.items()
        }

    def train_dataloader(self) -> CombinedLoader:
        """Returns one batch of every stream an iteration."""
        trainer = self.trainer
        assert trainer is not None
        loaders = {}
        for name, dataset in self.datasets.items():
            batch_size = self.streams[name].batch_size or self.config.batch_size
            sampler = IterationSampler(batch_size, *self.range, rank=trainer.global_rank, world_size=trainer.world_size)
            pin = trainer.strategy.root_device.type == "cuda"
            loaders[name] = loader(dataset, sampler, self.workers, pin)
        return CombinedLoader(loaders, mode="max_size_cycle")


class Trainee(pl.LightningModule):
    """A method in one phase, as Lightning sees it: manual optimisation, one optimiser an update."""

    def __init__(self, method: Method, phase: Phase, iterations: int, progress: Progress, seed: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.method = method
        self.phase, self.iterations, self.progress, self.seed = phase, iterations, progress, seed
        self.sums: dict[tuple[str, str], Tensor] = {}
        self.counts: dict[tuple[str, str], int] = {}
        self.moved = {id(update): parameters_of(update.moves) for update in phase.updates}
        self.trainable = [p for p in method.parameters() if p.requires_grad]

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Returns one optimiser an update, from its own setting or the method's."""
        return [optimizer_of(update, self.method.config) for update in self.phase.updates]

    def on_fit_start(self) -> None:
        """Sets the modes of the phase: what no update moves is in evaluation mode."""
        self.method.train()
        moved = {id(p) for parameters in self.moved.values() for p in parameters}
        for module in self.method.modules():
            own = list(module.parameters())
            if own and not any(id(p) in moved for p in own):
                module.eval()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Keeps torch from averaging gradients over the processes: several updates a step need an average each."""
        wrapped = self.trainer.strategy.model
        if isinstance(wrapped, DistributedDataParallel):
            # Its reducer expects one backward pass a forward pass, that reaches every parameter. Lightning sets this back after each step.
            wrapped.require_backward_grad_sync = False

    def training_step(self, batch: dict[str, dict[str, Tensor]], batch_index: int) -> None:
        """Runs every update that is due in this iteration."""
        iteration = self.progress.iteration
        optimizers = self.optimizers(use_pl_optimizer=True)
        for update, optimizer in zip(self.phase.updates, optimizers if isinstance(optimizers, list) else [optimizers], strict=True):
            if iteration % update.every:
                continue
            self._step(update, optimizer, batch, iteration)
        self.progress.images += sum(len(part["index"]) for part in batch.values()) * self.trainer.world_size

    def _step(self, update: Update, optimizer: Any, batches: Mapping[str, Batch], iteration: int) -> None:
        config, batch = self.method.config, update.batch(batches)
        torch.manual_seed(_mix(self.seed, update.name, iteration, self.trainer.global_rank))
        moved = self.moved[id(update)]
        for parameter in self.trainable:
            parameter.requires_grad_(False)
        for parameter in moved:
            parameter.requires_grad_(True)
        terms = update.loss(batch)
        total = torch.stack([term.float() for term in terms.values()]).sum()
        self._guard(torch.isfinite(total), "the loss is not finite", update, terms, batches)
        optimizer.zero_grad()
        self.manual_backward(total)
        if self.trainer.world_size > 1:
            _average([p.grad for p in moved if p.grad is not None], self.trainer.world_size)
        if config.clip is not None:
            norm = nn.utils.clip_grad_norm_(moved, config.clip)
            self._guard(torch.isfinite(norm), "the gradient is not finite", update, terms, batches)
        rate = learning_rate(config, self.phase, iteration, self.iterations)
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = rate(group["initial_lr"])
        optimizer.step()
        for parameter in self.trainable:
            parameter.requires_grad_(True)
        for name, term in terms.items():
            key = (update.name, name)
            self.sums[key] = self.sums.get(key, torch.zeros((), device=total.device)) + term.detach()
            self.counts[key] = self.counts.get(key, 0) + 1

    def _guard(self, finite: Tensor, what: str, update: Update, terms: Mapping[str, Tensor], batches: Mapping[str, Batch]) -> None:
        if self.trainer.world_size > 1:
            # All processes must stop together, or the others wait for this one's gradients for ever.
            everywhere = finite.to(torch.float32)
            torch.distributed.all_reduce(everywhere, torch.distributed.ReduceOp.MIN)
            what = what if not finite else f"{what} in another process"
            finite = everywhere > 0
        if finite:
            return
        values = ", ".join(f"{name}={float(term.detach()):g}" for name, term in terms.items())
        rows = " and ".join(f"rows {batches[name]['index'].tolist()} of the training split on stream '{name}'" for name in update.streams)
        raise TrainingError(
            f"{what} in iteration {self.progress.iteration} of phase '{self.phase.name}', update '{update.name}' ({values}); "
            f"the batch held {rows}. "
            f"The last good checkpoint is kept. Lower methods.*.lr, set methods.*.clip, or look at these pictures."
        )


class Recorder(Callback):
    """Counts, logs, averages, validates and saves, after every iteration."""

    def __init__(
        self,
        progress: Progress,
        train: TrainConfig,
        folder: Path,
        ema: list[Tensor] | None,
        validation: Sequence[tuple[np.ndarray, np.ndarray]],
        best: dict[str, Tensor] | None,
    ) -> None:
        self.progress, self.train, self.folder, self.ema, self.validation, self.best = progress, train, folder, ema, validation, best
        self.since = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock."""
        if self.ema is not None:
            self.ema = [value.to(pl_module.device) for value in self.ema]
        self.since = time.perf_counter()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        """Adds the time since the last iteration ended to the time spent waiting for data."""
        now = time.perf_counter()
        self.progress.wait_seconds += now - self.since
        self.progress.seconds += now - self.since
        self.since = now

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Closes the iteration."""
        assert isinstance(pl_module, Trainee)
        progress, last = self.progress, self.progress.iteration + 1 == pl_module.iterations
        progress.seconds += time.perf_counter() - self.since
        progress.iteration += 1
        progress.total += 1
        method = pl_module.method
        for name, seconds in method.waits.items():
            progress.waits[name] = progress.waits.get(name, 0.0) + seconds
        method.waits.clear()
        if trainer.world_size > 1:
            _average([b for b in method.buffers() if b.is_floating_point()], trainer.world_size)
        if self.ema is not None and method.config.ema is not None:
            torch._foreach_lerp_(self.ema, [p.detach() for p in method.parameters()], 1 - method.config.ema)
        save = last or progress.iteration % self.train.checkpoint_every == 0
        # A checkpoint closes the running averages too, so that a resumed run writes the same log.
        if save or progress.iteration % self.train.log_every == 0:
            self._log(pl_module)
        if self.validation and (last or progress.iteration % self.train.validate_every == 0):
            self._validate(pl_module)
        if save:
            self.save(trainer, pl_module)
        self.since = time.perf_counter()

    def _log(self, trainee: Trainee) -> None:
        for (update, term), value in trainee.sums.items():
            mean = float(value) / trainee.counts[update, term]
            self.progress.rows.append((self.progress.total, trainee.phase.name, update, term, mean))
        trainee.sums.clear()
        trainee.counts.clear()

    def _validate(self, trainee: Trainee) -> None:
        method, device = trainee.method, trainee.device
        modes = [(module, module.training) for module in method.modules()]
        scores = []
        with swapped(method, self.ema):
            for low, normal in self.validation:
                output = method.enhance(_tensor(low).to(device))
                error = (output.cpu().mul(255).round() - _tensor(normal).mul(255)).div(255).square().mean().item()
                scores.append(-10 * math.log10(max(error, 1e-10)))
            score = sum(scores) / len(scores)
            self.progress.rows.append((self.progress.total, trainee.phase.name, "val", "psnr", score))
            if method.config.keep == "best" and score > self.progress.best:
                self.progress.best = score
                self.best = {key: value.detach().cpu().clone() for key, value in method.state_dict().items()}
        for module, mode in modes:
            module.training = mode

    def save(self, trainer: pl.Trainer, trainee: Trainee) -> None:
        """Writes the resume checkpoint, whole or not at all."""
        if trainer.is_global_zero:
            state = {
                "method": trainee.method.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in trainer.optimizers],
                "ema": self.ema,
                "best": self.best,
                "progress": vars(self.progress),
            }
            with atomic_path(self.folder / CHECKPOINT) as temporary:
                torch.save(state, temporary)
        trainer.strategy.barrier()


def fit(
    method: Method,
    train: TrainConfig,
    seed: int,
    pictures: Callable[[str | None], Pictures],
    validation: Sequence[tuple[np.ndarray, np.ndarray]],
    scratch: Path,
    after: Callable[[], None] = lambda: None,
) -> Fitted:
    """Trains a method through all its phases, resuming from `scratch` where an earlier run stopped.

    Args:
        method: trained in place; holds the resulting weights at the end (averaged or best ones where its settings say so).
        train: the settings of all trainings.
        seed: of everything random.
        pictures: opens the training split of a data set by its name; None stands for `train.data`.
        validation: pairs low, normal of H x W x 3 uint8, on which PSNR is logged.
        scratch: folder of the resume checkpoint; delete it once the result is stored.
        after: called once before the first phase of a fresh run, when the method may still measure the data.

    Returns:
        What the run took, and its log.

    Raises:
        TrainingError: a loss or gradient is not finite, an update moves nothing, or devices do not fit the batch.
    """
    phases = method.phases()
    if not phases:
        return Fitted()
    _check(method, phases, train.devices * train.num_nodes)
    _silence()
    torch.set_num_threads(train.threads or torch.get_num_threads())
    checkpoint = scratch / CHECKPOINT
    resumed = checkpoint.exists()
    if not resumed:
        after()
    progress, optimizers, ema, best = _restore(checkpoint, method)
    for index, phase in enumerate(phases):
        iterations = phase.iterations if phase.iterations is not None else method.config.iterations
        if index < progress.phase or iterations == 0:
            continue
        if index > progress.phase or progress.iteration == 0:
            progress.phase, progress.iteration, optimizers = index, 0, None
            method.on_phase_start(phase)
        if progress.iteration < iterations:
            if method.config.ema is not None and ema is None:
                ema = [p.detach().clone() for p in method.parameters()]
            _run(method, phase, iterations, progress, optimizers, ema, best, train, seed, pictures, validation, scratch)
            # Read back what was written: with several processes the trained copy may live in another one.
            progress, optimizers, ema, best = _restore(checkpoint, method)
        method.on_phase_end(phase)
        # The next phase may change the modules; its first checkpoint must not find this one's optimisers.
        progress.phase, progress.iteration, optimizers = index + 1, 0, None
    if best is not None:
        method.load_state_dict(best)
    elif ema is not None:
        _copy(method, ema)
    method.eval()
    seconds = progress.seconds or 1.0
    shares = {name: spent / seconds for name, spent in progress.waits.items()}
    return Fitted(progress.total, progress.seconds, progress.images, progress.wait_seconds / seconds, progress.rows, shares)


class swapped:  # noqa: N801 (used as a `with` statement)
    """Lends a method other parameters for the length of a block; None changes nothing."""

    def __init__(self, method: Method, parameters: list[Tensor] | None) -> None:
        self.method, self.parameters = method, parameters

    def __enter__(self) -> None:
        if self.parameters is not None:
            self.own = [p.detach().clone() for p in self.method.parameters()]
            _copy(self.method, self.parameters)

    def __exit__(self, *_: object) -> None:
        if self.parameters is not None:
            _copy(self.method, self.own)


def _run(
    method: Method,
    phase: Phase,
    iterations: int,
    progress: Progress,
    optimizers: list[dict[str, Any]] | None,
    ema: list[Tensor] | None,
    best: dict[str, Tensor] | None,
    train: TrainConfig,
    seed: int,
    pictures: Callable[[str | None], Pictures],
    validation: Sequence[tuple[np.ndarray, np.ndarray]],
    scratch: Path,
) -> None:
    """Runs one phase, from where `progress` stands to its end."""
    phase_seed = _mix(seed, phase.name)
    data = PhaseData(_streams(method, phase), pictures, method.config, train, phase_seed, progress.iteration, iterations)
    trainee = Trainee(method, phase, iterations, progress, phase_seed)
    callbacks: list[Callback] = [Recorder(progress, train, scratch, ema, validation, best)]
    if optimizers is not None:
        callbacks.append(_LoadOptimizers(optimizers))
    if sys.stderr.isatty():
        callbacks.append(RichProgressBar(refresh_rate=5))
    trainer = pl.Trainer(
        accelerator=train.accelerator,
        devices=train.devices,
        num_nodes=train.num_nodes,
        strategy=train.strategy,
        precision=train.precision,
        max_epochs=1,
        max_steps=-1,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        default_root_dir=str(scratch),
    )
    trainer.fit(trainee, datamodule=data)


class _LoadOptimizers(Callback):
    """Gives the optimisers the state of the interrupted run."""

    def __init__(self, states: list[dict[str, Any]]) -> None:
        self.states = states

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for optimizer, state in zip(trainer.optimizers, self.states, strict=True):
            optimizer.load_state_dict(state)


def _restore(
    checkpoint: Path, method: Method
) -> tuple[Progress, list[dict[str, Any]] | None, list[Tensor] | None, dict[str, Tensor] | None]:
    """Loads the resume checkpoint into the method, or returns the state of a fresh run."""
    if not checkpoint.exists():
        return Progress(), None, None, None
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    method.load_state_dict(state["method"])
    progress = Progress(**state["progress"])
    progress.rows = [(int(i), phase, update, term, value) for i, phase, update, term, value in progress.rows]
    return progress, state["optimizers"], state["ema"], state["best"]


def _check(method: Method, phases: Sequence[Phase], processes: int) -> None:
    names = [phase.name for phase in phases]
    if len(set(names)) != len(names):
        raise TrainingError(f"two phases share a name ({', '.join(names)}): the resume checkpoint could not tell them apart.")
    for phase in phases:
        streams = _streams(method, phase)
        for stream in streams.values():
            # Here, because an error inside one of several processes is hard to read.
            IterationSampler(stream.batch_size or method.config.batch_size, 0, 1, world_size=processes)
        for update in phase.updates:
            if not parameters_of(update.moves):
                raise TrainingError(f"update '{update.name}' of phase '{phase.name}' moves no parameter.")
            for name in update.streams:
                if name not in streams:
                    raise TrainingError(f"update '{update.name}' reads stream '{name}', but phase '{phase.name}' has {sorted(streams)}.")


def _streams(method: Method, phase: Phase) -> Mapping[str, Stream]:
    if phase.streams is not None:
        return phase.streams
    if method.stream is None:
        raise TrainingError(f"phase '{phase.name}' has no streams, and {type(method).__name__} has no default `stream`.")
    return {"train": Stream(method.stream)}


def _mix(*parts: object) -> int:
    """Returns a seed made from several values, the same in every process and on every machine."""
    return zlib.crc32("/".join(map(str, parts)).encode())


def _average(tensors: list[Tensor], world_size: int) -> None:
    for tensor in tensors:
        torch.distributed.all_reduce(tensor)
        tensor.div_(world_size)


def _copy(method: Method, values: list[Tensor]) -> None:
    with torch.no_grad():
        for parameter, value in zip(method.parameters(), values, strict=True):
            parameter.copy_(value)


def _tensor(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].to(torch.float32).div_(255)


def _silence() -> None:
    """Keeps Lightning from advising on hardware and loaders: both are settings here."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
    warnings.filterwarnings("ignore", message=".*`training_step` returned `None`.*")
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
    warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\).*")


def centre(picture: np.ndarray, side: int) -> np.ndarray:
    """Returns the central `side` x `side` part of a picture, or all of it where it is smaller."""
    height, width = picture.shape[:2]
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    return picture[top : top + side, left : left + side]


def validation_pairs(pictures: Pictures, limit: int, side: int = 256) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields up to `limit` central views of the pairs of a split, spread evenly over it."""
    pairs = rows_with(pictures, "low", "normal")
    for place in np.linspace(0, len(pairs) - 1, min(limit, len(pairs))).astype(int):
        yield centre(pictures.low(pairs[place]), side), centre(pictures.normal(pairs[place]), side)
