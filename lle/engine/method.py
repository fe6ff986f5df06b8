"""The contract of a method.

It lives in a folder whose name is its id, `lle/methods/<id>/` or a plug-in's package:

- `config.py`: `Config(MethodConfig)`, its settings, with `presets` and the values `tiny` that tests use;
- `network.py`: the network, which knows torch only;
- `method.py`: one subclass of `Method`, see below;
- `card.md`: what it is, whose paper it comes from and how ours differs.

A subclass must have
    `forward(low)`, from B x 3 x H x W to pictures of the same shape, for any H and W from 16 up;
    `network`, set in its constructor, if it has parameters: what is counted, exported and imported into.
A subclass that is trained must have one of these, each the general form of the one before:
    `stream` and `loss(batch)`: one loss down one stream;
    `stream` and `updates()`: several losses that take turns, each moving its own modules;
    `phases()`: several trainings after each other, each with streams of its own.
What it may have, all with a default that suits most:
    `scope` (whether large pictures may be tiled), `layout` (of weights in memory), `prepare` (what is measured on the training split
    first), `on_phase_start` and `on_phase_end`, `tags` (what results depend on beside code and settings), `measurements` (seconds
    spent in other threads), `import_weights` (the authors' naming), `exported` (what is traced), `reset_state` (methods that remember
    the frame before), `estimate` and `enhance_with` (global methods that see a picture once and then work by tile or frame).

No constructor reads the disk, downloads or touches a device: helpers that do so stand in `Frozen`. Losses return named, weighted
terms; the engine alone logs. Only `lle.engine.trainer` knows Lightning: importing it takes four times as long as importing torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from lle.config.base import MethodConfig
from lle.engine.phases import ALIGNED, SIDES, Batch, Losses, Phase, Stream, Update, register_kind
from lle.errors import LleError, TrainingError, WeightsError

__all__ = [
    "ALIGNED",
    "SIDES",
    "Batch",
    "Frozen",
    "Losses",
    "Method",
    "Phase",
    "Stream",
    "TrainingData",
    "Update",
    "load_strict",
    "register_kind",
]


class TrainingData(Protocol):
    """What a method may measure on the training split before it is trained."""

    def lows(self, limit: int | None = None) -> Iterator[np.ndarray]:
        """Yields low-light pictures, H x W x 3 uint8 RGB."""

    def normals(self, limit: int | None = None) -> Iterator[np.ndarray]:
        """Yields normal-light pictures, H x W x 3 uint8 RGB."""


class Method(nn.Module):
    """Base of all methods; the module's docstring says what a subclass must have.

    Attributes:
        network: what is exported, counted and imported into; None for methods without parameters.
        stream: kind of the default training stream; None for methods that are not trained, or whose phases have their own.
        scope: `local` if an output pixel depends on a bounded neighbourhood of the input, so that a large picture may be
            tiled; `global` if it depends on the whole picture.
        layout: order of convolution weights in memory, which decides that of the features: `torch.channels_last` where it was measured
            to be faster on a processor, in training and at use.
    """

    network: nn.Module | None
    stream: ClassVar[str | None] = None
    scope: ClassVar[Literal["local", "global"]] = "local"
    layout: ClassVar[torch.memory_format] = torch.contiguous_format

    def __init__(self, config: MethodConfig) -> None:
        super().__init__()
        self.config = config
        self.network = None

    @property
    def trained(self) -> bool:
        """Whether it has anything to train."""
        return bool(self.phases())

    def check(self) -> None:
        """Refuses a method that nothing could count or export; `lle.registry.create` and the trainer call it.

        Raises:
            LleError: it has parameters and no `network`.
        """
        if self.network is None and (found := next(self.named_parameters(), None)) is not None:
            raise LleError(
                f"{type(self).__name__} has parameters ({found[0]}, ...) but no `network`: write `self.network = ...` in its "
                "constructor, with the module that does the work at test time. It is what is counted, exported and imported into; "
                "what only training needs may stand beside it."
            )

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

    def streams(self, phase: Phase) -> Mapping[str, Stream]:
        """Returns the streams of a phase by name: its own, or the one of the method's kind.

        Raises:
            TrainingError: there are neither.
        """
        if phase.streams is not None:
            return phase.streams
        if self.stream is None:
            raise TrainingError(f"phase '{phase.name}' has no streams, and {type(self).__name__} has no default `stream`.")
        return {"train": Stream(self.stream)}

    def tags(self) -> dict[str, str]:
        """What a result depends on beside code, data and settings, such as `clip_backbone` or `perceptual`."""
        return {}

    def prepare(self, data: TrainingData) -> None:
        """Measures what training needs from the training split; once, before the first phase. Keep it in buffers."""

    def on_phase_start(self, phase: Phase) -> None:
        """Called when a phase begins, not when it resumes."""

    def on_phase_end(self, phase: Phase) -> None:
        """Called when a phase is complete, before the next one begins."""

    def measurements(self) -> Mapping[str, float]:
        """Seconds that the last iteration waited for work in other threads, by what it waited for; the engine reports the sums."""
        return {}

    def reset_state(self) -> None:
        """Forgets earlier frames; called before the first frame of every sequence."""

    @property
    def can_estimate(self) -> bool:
        """Whether `estimate` and `enhance_with` are there."""
        return type(self).estimate is not Method.estimate

    def estimate(self, view: Tensor) -> Any:
        """Chooses, from whole pictures, everything that depends on more of them than a neighbourhood.

        Args:
            view: B x 3 x H x W, RGB in [0, 1]: the picture, or a smaller copy of it.

        Returns:
            Parameters for `enhance_with`: tensors, or a tuple of them, whose first dimension is B.
        """
        raise NotImplementedError(f"{type(self).__name__} has no parameters of the whole picture; ask `can_estimate` first.")

    def enhance_with(self, low: Tensor, parameters: Any) -> Tensor:
        """Enhances a part of a picture, or another frame of its sequence, with the parameters of the whole.

        `method.enhance_with(low, method.estimate(low))` is `method(low)`.

        Args:
            low: B x 3 x H x W, RGB in [0, 1].
            parameters: as `estimate` returned them.

        Returns:
            B x 3 x H x W, RGB, not clamped.
        """
        raise NotImplementedError(f"{type(self).__name__} has no parameters of the whole picture; ask `can_estimate` first.")

    def exported(self) -> nn.Module:
        """Returns the module that exporters trace: from B x 3 x H x W low to the pictures of `forward`, not clamped.

        A method overrides it where `forward` does what a trace cannot hold.
        """
        return self

    def import_weights(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        """Loads weights in their authors' naming.

        Args:
            files: state dicts by file stem.

        Raises:
            WeightsError: the keys or shapes do not fit.
        """
        if len(files) != 1:
            raise WeightsError(f"expected one file of weights, got {len(files)}: {', '.join(sorted(files))}")
        if self.network is None:
            raise WeightsError(f"{type(self).__name__} has no weights to import.")
        load_strict(self.network, next(iter(files.values())))


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
    own = module.state_dict()
    missing, unexpected = sorted(own.keys() - renamed.keys()), sorted(renamed.keys() - own.keys())
    reshaped = [
        f"{key} is {tuple(renamed[key].shape)} instead of {tuple(own[key].shape)}"
        if isinstance(renamed[key], torch.Tensor)
        else f"{key} is no tensor"
        for key in sorted(own.keys() & renamed.keys())
        if not isinstance(renamed[key], torch.Tensor) or renamed[key].shape != own[key].shape
    ]
    named = {"missing: ": missing, "unexpected: ": unexpected, "": reshaped}
    problems = [
        head + ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "") for head, keys in named.items() if keys
    ]
    if problems:
        raise WeightsError(
            f"these weights do not fit {type(module).__name__}: {'; '.join(problems)}. They belong to another network or to other settings."
        )
    module.load_state_dict(renamed, strict=True)


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
