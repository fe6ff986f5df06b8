"""What is trained on what: streams of batches, updates that read them, phases of updates. Plain data, no training code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor, nn

from lle.errors import TrainingError, did_you_mean

Batch = Mapping[str, Tensor]
"""One batch of one stream. Keys by the stream's kind (B images, values in [0, 1], float32):
`paired` and `unpaired`: `low` and `normal`, B x 3 x H x W; `low`: `low`; `normal`: `normal`;
`segmentation`: `image` B x 3 x H x W and `mask` B x H x W int64 (255 is ignored); always `index`, B int64.
An update that reads several streams gets the keys of all of them, and the `index` of the first."""

Losses = dict[str, Tensor]
"""Named scalar terms, already weighted: the engine sums and logs them."""

SIDES: dict[str, tuple[str, ...]] = {
    "paired": ("low", "normal"),
    "unpaired": ("low", "normal"),
    "low": ("low",),
    "normal": ("normal",),
    "segmentation": ("normal", "mask"),
}
"""Kinds of streams, each with the sides of a picture that its samples hold. `register_kind` adds to it."""
ALIGNED = {"paired", "segmentation"}
"""Kinds whose pictures belong to one row and are cut alike."""


def register_kind(name: str, sides: Sequence[str], *, aligned: bool) -> None:
    """Adds a kind of stream, for a method or plug-in that learns from something else than the five kinds there are.

    Call it in the module that defines the method, above the class, so that whoever imports the method knows the kind.

    Args:
        name: of the kind, for `Stream.kind`.
        sides: what a sample holds. Each is a function of `lle.data.streams.Pictures` from a row to an array, and an attribute of
            the rows that is None where a row lacks it.
        aligned: True draws all sides from one row and cuts them alike; False draws each side independently.

    Raises:
        TrainingError: the name stands for something else already.
    """
    if name in SIDES and (SIDES[name], name in ALIGNED) != (tuple(sides), aligned):
        raise TrainingError(f"there is another kind of stream '{name}' ({', '.join(SIDES[name])}): choose another name.")
    SIDES[name] = tuple(sides)
    if aligned:
        ALIGNED.add(name)


@dataclass(frozen=True)
class Stream:
    """A source of training batches.

    Attributes:
        kind: what a batch holds, see `Batch` and `SIDES`. `unpaired` draws low and normal photographs independently.
        batch_size: images a batch over all devices; None takes the method's `batch_size`.
        crop: side of the random square crop; None takes the method's `crop`.
        resize: side to which the whole picture is resized instead of cropping (distorts the aspect ratio, as the
            authors' loaders do); None crops.
        augment: random flips and quarter turns.
        data: name of another prepared data set; None takes `train.data`.
        transform: called in the loader with one sample (keys as in `Batch`, without the batch dimension) and a seeded
            generator; returns the sample with keys added or changed. Must be picklable.

    Raises:
        TrainingError: there is no such kind.
    """

    kind: str
    batch_size: int | None = None
    crop: int | None = None
    resize: int | None = None
    augment: bool = True
    data: str | None = None
    transform: Callable[[dict[str, Tensor], np.random.Generator], dict[str, Tensor]] | None = None

    def __post_init__(self) -> None:
        if self.kind not in SIDES:
            raise TrainingError(
                f"there is no kind of stream '{self.kind}'.{did_you_mean(self.kind, SIDES)} Known: {', '.join(SIDES)}; "
                "`lle.engine.method.register_kind` adds one."
            )


@dataclass(frozen=True)
class Update:
    """One optimiser step: which modules move, on which stream, down which loss. The settings choose the optimiser.

    Attributes:
        name: prefix of its terms in the log.
        loss: from a batch to named, weighted, scalar terms.
        moves: the modules (or parameters in a ParameterList) whose parameters this update trains; all others are frozen
            while it runs.
        stream: key into the phase's streams, or several of them, whose batches must not share keys.
        every: runs in each `every`-th iteration.
        lr: overrides the method's learning rate.
        weight_decay: overrides the method's weight decay.
        betas: overrides the method's `betas`.
        lr_factors: factor on that learning rate by module, named as in `named_modules()` of the method (`network.encoder`). Of two
            modules one inside the other, the inner one counts.
    """

    name: str
    loss: Callable[[Batch], Losses]
    moves: Sequence[nn.Module]
    stream: str | tuple[str, ...] = "train"
    every: int = 1
    lr: float | None = None
    weight_decay: float | None = None
    betas: tuple[float, float] | None = None
    lr_factors: Mapping[str, float] = field(default_factory=dict)

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
