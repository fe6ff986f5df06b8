"""What a method is: a network, its losses, and the order in which its parts are trained.

`Method` has three powers, each the default of the next: `loss` (one loss down one stream), `updates` (several
losses, each moving its own modules) and `phases` (several trainings after each other). Only `lle.engine.fit` knows
Lightning: importing it takes four times as long as importing torch, and enhancing a picture needs none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from lle.config.base import MethodConfig
from lle.errors import TrainingError, WeightsError

Batch = Mapping[str, Tensor]
"""One batch of one stream. Keys by the stream's kind (B images, values in [0, 1], float32):
`paired` and `unpaired`: `low` and `normal`, B x 3 x H x W; `low`: `low`; `normal`: `normal`;
`segmentation`: `image` B x 3 x H x W and `mask` B x H x W int64 (255 is ignored); always `index`, B int64.
An update that reads several streams gets the keys of all of them, and the `index` of the first."""

Losses = dict[str, Tensor]
"""Named scalar terms, already weighted: the engine sums and logs them."""

StreamKind = Literal["paired", "unpaired", "low", "normal", "segmentation"]


@dataclass(frozen=True)
class Stream:
    """A source of training batches.

    Attributes:
        kind: what a batch holds, see `Batch`. `unpaired` draws low and normal photographs independently.
        batch_size: images a batch over all devices; None takes the method's `batch_size`.
        crop: side of the random square crop; None takes the method's `crop`.
        resize: side to which the whole picture is resized instead of cropping (distorts the aspect ratio, as the
            authors' loaders do); None crops.
        augment: random flips and quarter turns.
        data: name of another prepared data set; None takes `train.data`.
        transform: called in the loader with one sample (keys as in `Batch`, without the batch dimension) and a seeded
            generator; returns the sample with keys added or changed. Must be picklable.
    """

    kind: StreamKind
    batch_size: int | None = None
    crop: int | None = None
    resize: int | None = None
    augment: bool = True
    data: str | None = None
    transform: Callable[[dict[str, Tensor], np.random.Generator], dict[str, Tensor]] | None = None


@dataclass(frozen=True)
class Update:
    """One optimiser step: which modules move, on which stream, down which loss.

    Attributes:
        name: prefix of its terms in the log.
        loss: from a batch to named, weighted, scalar terms.
        moves: the modules (or parameters in a ParameterList) whose parameters this update trains; all others are frozen
            while it runs.
        stream: key into the phase's streams, or several of them, whose batches must not share keys.
        every: runs in each `every`-th iteration.
        lr: overrides the method's learning rate.
        weight_decay: overrides the method's weight decay.
        optimizer: builds the optimiser from the parameters, for what the settings cannot say.
    """

    name: str
    loss: Callable[[Batch], Losses]
    moves: Sequence[nn.Module]
    stream: str | tuple[str, ...] = "train"
    every: int = 1
    lr: float | None = None
    weight_decay: float | None = None
    optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer] | None = None

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams it reads, be it one or several."""
        return (self.stream,) if isinstance(self.stream, str) else self.stream

    def batch(self, batches: Mapping[str, Batch]) -> Batch:
        """Joins this update's batches, of those of all streams, into the one that its loss gets.

        Raises:
            TrainingError: two streams have a key in common beside `index`.
        """
        joined: dict[str, Tensor] = {}
        for name in self.streams:
            part = dict(batches[name])
            if joined:
                part.pop("index", None)
            if twice := sorted(joined.keys() & part.keys()):
                raise TrainingError(
                    f"the streams {', '.join(self.streams)} of update '{self.name}' both hold {', '.join(twice)}: "
                    "give one of them a `transform` that renames it."
                )
            joined |= part
        return joined


@dataclass(frozen=True)
class Phase:
    """One training from a fresh optimiser: updates that take turns within every iteration.

    Attributes:
        name: unique within the method; part of the log and of the resume checkpoint.
        updates: run in this order in each iteration.
        iterations: None takes the method's `iterations`.
        streams: by the names that the updates use; None gives one stream `train` of the method's kind.
        steps: shares of the phase after which its learning rates are multiplied by the setting `step_factor`; None follows
            the setting `schedule`.
    """

    name: str
    updates: Sequence[Update]
    iterations: int | None = None
    streams: Mapping[str, Stream] | None = None
    steps: Sequence[float] | None = None


class TrainingData(Protocol):
    """What a method may measure on the training split before it is trained."""

    def lows(self, limit: int | None = None) -> Iterator[np.ndarray]:
        """Yields low-light pictures, H x W x 3 uint8 RGB."""

    def normals(self, limit: int | None = None) -> Iterator[np.ndarray]:
        """Yields normal-light pictures, H x W x 3 uint8 RGB."""


class Method(nn.Module):
    """Base of all methods. A subclass lives in `lle/methods/<id>/method.py`, its settings in `config.py` beside it.

    Attributes:
        stream: kind of the default training stream; None for methods that are not trained.
        scope: `local` if an output pixel depends on a bounded neighbourhood of the input, so that a large picture may be
            tiled; `global` if it depends on the whole picture.
        waits: seconds that a training step waited for work in other threads, by what it waited for; the engine empties it
            after every iteration and reports the sums.
    """

    stream: ClassVar[StreamKind | None] = None
    scope: ClassVar[Literal["local", "global"]] = "local"

    def __init__(self, config: MethodConfig) -> None:
        super().__init__()
        self.config = config
        self.waits: dict[str, float] = {}

    def forward(self, low: Tensor) -> Tensor:
        """Enhances a batch.

        Args:
            low: B x 3 x H x W, RGB in [0, 1], any H and W from 16 up.

        Returns:
            B x 3 x H x W, RGB; `enhance` clamps it to [0, 1].
        """
        raise NotImplementedError

    @torch.inference_mode()
    def enhance(self, low: Tensor) -> Tensor:
        """Enhances a batch for use: evaluation mode, no gradient, values clamped to [0, 1]."""
        self.eval()
        return self(low).clamp(0, 1)

    def loss(self, batch: Batch) -> Losses:
        """Named, weighted terms of the one loss of a method that needs no more than that."""
        raise NotImplementedError

    def updates(self) -> Sequence[Update]:
        """Updates of the one phase of a method that needs no more than that."""
        return (Update("fit", self.loss, moves=(self,)),)

    def phases(self) -> Sequence[Phase]:
        """Trainings after each other; none for a method that is not trained."""
        return (Phase("fit", self.updates()),) if self.stream is not None else ()

    def tags(self) -> dict[str, str]:
        """What a result depends on beside code, data and settings, such as `clip_backbone` or `perceptual`."""
        return {}

    def prepare(self, data: TrainingData) -> None:
        """Measures what training needs from the training split; once, before the first phase. Keep it in buffers."""

    def on_phase_start(self, phase: Phase) -> None:
        """Called when a phase begins, not when it resumes."""

    def on_phase_end(self, phase: Phase) -> None:
        """Called when a phase is complete, before the next one begins."""

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads weights in their authors' naming.

        Args:
            files: state dicts by file stem.

        Raises:
            WeightsError: the keys or shapes do not fit.
        """
        if len(files) != 1:
            raise WeightsError(f"expected one file of weights, got {len(files)}: {', '.join(sorted(files))}")
        load_strict(self.get_submodule("network"), next(iter(files.values())))


def load_strict(module: nn.Module, state: Mapping[str, Any], rename: Callable[[str], str | None] = lambda key: key) -> None:
    """Loads a foreign state dict, every tensor of which must be used or dropped on purpose.

    Args:
        module: the network to fill.
        state: the foreign state dict; a leading `module.` (DataParallel) is removed.
        rename: from a foreign key to ours, or None to drop it.

    Raises:
        WeightsError: keys are missing, unexpected or of another shape.
    """
    renamed = {}
    for key, value in state.items():
        new = rename(key.removeprefix("module."))
        if new is not None:
            renamed[new] = value
    try:
        module.load_state_dict(renamed, strict=True)
    except RuntimeError as error:
        raise WeightsError(f"these weights do not fit {type(module).__name__}: {error}") from error


class Frozen:
    """A helper network that is used but never trained or saved (teacher, CLIP, perceptual network).

    It is built on first use, so that no constructor reads the disk, and it is no `nn.Module` attribute: it appears in no
    state dict, optimiser or checkpoint. Gradients flow through it to its input.

    Args:
        build: makes the module; called once, when it is first needed.
    """

    def __init__(self, build: Callable[[], nn.Module]) -> None:
        self._build = build
        self._module: nn.Module | None = None

    def on(self, device: torch.device) -> nn.Module:
        """Returns the module in evaluation mode on `device`."""
        if self._module is None:
            self._module = self._build().eval().requires_grad_(False)
        if next((p.device for p in self._module.parameters()), device) != device:
            self._module = self._module.to(device)
        return self._module

    def __call__(self, *inputs: Tensor) -> Any:
        """Runs the module on the device of its first input."""
        return self.on(inputs[0].device)(*inputs)
