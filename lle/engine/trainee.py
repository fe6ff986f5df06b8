"""A method in one phase, and its batches, as Lightning sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from lle.config.base import MethodConfig
from lle.config.schema import TrainConfig
from lle.data.streams import IterationSampler, Pictures, StreamDataset, loader
from lle.engine.method import Method, Phase, Stream
from lle.engine.optim import learning_rate, optimizer_of
from lle.engine.resume import Progress
from lle.engine.step import Processes, mix, set_modes, update_step


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
    """A method in one phase, as Lightning sees it: manual optimisation, one optimiser an update.

    Attributes:
        method: what is trained.
        phase: what is run of it.
        iterations: of the phase.
        progress: where the run stands.
        terms: the detached terms of the last iteration by update and name; user callbacks may read them.
    """

    def __init__(self, method: Method, phase: Phase, iterations: int, progress: Progress, seed: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.method = method
        self.phase, self.iterations, self.progress, self.seed = phase, iterations, progress, seed
        self.terms: dict[tuple[str, str], Tensor] = {}

    def due(self, every: int) -> bool:
        """Whether what is done in each `every`-th iteration, and in the last one, is due after the one just ended."""
        return self.progress.iteration % every == 0 or self.progress.iteration == self.iterations

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Returns one optimiser an update."""
        return [optimizer_of(update, self.method) for update in self.phase.updates]

    def on_fit_start(self) -> None:
        """Sets the modes of the phase."""
        set_modes(self.method, self.phase.updates)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Keeps torch from averaging gradients over the processes: several updates a step need an average each."""
        wrapped = self.trainer.strategy.model
        if isinstance(wrapped, DistributedDataParallel):
            # Its reducer expects one backward pass a forward pass, that reaches every parameter. Lightning sets this back after each step.
            wrapped.require_backward_grad_sync = False

    def training_step(self, batch: dict[str, dict[str, Tensor]], batch_index: int) -> None:
        """Runs every update that is due in this iteration."""
        iteration, config = self.progress.iteration, self.method.config
        processes = Processes(self.trainer.world_size, self.trainer.global_rank)
        optimizers = self.optimizers(use_pl_optimizer=True)
        self.terms = {}
        for update, optimizer in zip(self.phase.updates, optimizers if isinstance(optimizers, list) else [optimizers], strict=True):
            if iteration % update.every:
                continue
            terms = update_step(
                self.method,
                update,
                optimizer,
                batch,
                seed=mix(self.seed, update.name, iteration, processes.rank),
                rate=learning_rate(config, self.phase, iteration, self.iterations),
                backward=self.manual_backward,
                processes=processes,
                place=f"iteration {iteration} of phase '{self.phase.name}'",
            )
            self.terms |= {(update.name, name): term for name, term in terms.items()}
        processes.average([b for b in self.method.buffers() if b.is_floating_point()])
        self.progress.images += sum(len(part["index"]) for part in batch.values()) * processes.count
