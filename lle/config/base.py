"""What every settings model shares: strictness, and the keys that all methods have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A settings model that refuses unknown keys and cannot be changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Input:
    """What a method takes from another stage.

    Attributes:
        kind: `clip` is a folder in open_clip's layout, `model` a model folder, `data` a prepared data set, `folder` any other
            folder or file; `method` is another method that is trained inside this one, so that its code counts.
        name: the folder or file; of `data` the set's name, of `method` the id.
        settings: of a `method`, as they are written.
    """

    kind: Literal["clip", "model", "data", "folder", "method"]
    name: str
    settings: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def path(self) -> Path | None:
        """Where it lies; None for a `method`."""
        if self.kind == "method":
            return None
        return Path("build/data", self.name) if self.kind == "data" else Path(self.name)


Share = Annotated[float, Field(gt=0, lt=1)]
"""A part of a whole, such as a phase, without its ends."""


class MethodConfig(Strict):
    """Settings of one method. Subclasses add their own keys and their presets.

    A preset is a set of values for keys that `params.yaml` leaves out; a key that is written there always wins.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"recommended": {}}
    tiny: ClassVar[Mapping[str, Any]] = {}
    """Values that make the method as small as it can be while it still is what it is: for a first look, and for tests."""

    preset: str = "recommended"
    """Named set of values for the keys left out here: `paper` as printed, `recommended` the best known."""
    iterations: int = Field(0, ge=0)
    """Training steps of the main phase; 0 for methods that are not trained."""
    batch_size: int = Field(8, ge=1)
    """Images per step, over all devices together."""
    crop: int = Field(128, ge=16)
    """Side of the square training crops, in pixels."""
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """Optimiser of every update."""
    lr: float = Field(1e-4, gt=0)
    """Learning rate at the start of a phase."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's decay rates; with sgd the first one is the momentum."""
    weight_decay: float = Field(0.0, ge=0)
    """L2 penalty (decoupled with adamw)."""
    schedule: Literal["constant", "cosine", "linear", "step"] = "constant"
    """How the learning rate falls over a phase: cosine and linear fall to `lr_min`, step falls at `steps`."""
    lr_min: float = Field(1e-6, ge=0)
    """Last learning rate of the cosine and the linear schedule."""
    hold: float = Field(0.0, ge=0, lt=1)
    """Share of a phase before the cosine or the linear schedule begins to fall."""
    steps: tuple[Share, ...] = ()
    """Shares of a phase after each of which the step schedule multiplies the learning rate by `step_factor`."""
    step_factor: float = Field(0.1, gt=0, lt=1)
    """Factor of the step schedule."""
    warmup: int = Field(0, ge=0)
    """Steps over which the learning rate rises linearly from 0."""
    clip: float | None = Field(None, gt=0)
    """Largest gradient norm of an update; null leaves gradients alone."""
    ema: float | None = Field(None, gt=0, lt=1)
    """Decay of the exponential moving average whose weights are the result; null keeps the last weights."""

    keep: Literal["last", "best"] = "last"
    """Weights that are the result: the last ones, or those of the highest PSNR on the validation split."""

    def inputs(self) -> Sequence[Input]:
        """Returns what training takes from other stages; each is a dependency of the method's training."""
        return ()

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        default = cls.model_fields["preset"].default
        name = values.get("preset", default)
        if name not in cls.presets:
            raise ValueError(f"preset '{name}' is unknown; known: {', '.join(sorted(cls.presets))}")
        return {**cls.presets[name], **values}

    @model_validator(mode="after")
    def _steps_for_step(self) -> Self:
        if self.schedule == "step" and not self.steps:
            raise ValueError("schedule 'step' needs `steps`: shares of a phase, such as [0.5, 0.8]")
        return self
