"""Settings of the zoo: the trained weights that come with the package."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lle.config.base import Strict


class ZooConfig(Strict):
    """Weights that come with the package: a method, what it learns from, and for how long."""

    title: str
    """What the weights are called."""
    method: str
    """Method that is trained, by id."""
    data: str
    """Data set whose training split is learned from; it stands in place of `train.data`."""
    set: list[str] = Field(default_factory=list)
    """Overrides in the grammar of `-S`, for example methods.unet.iterations=5000."""
    licence: Literal["free", "non-commercial"] = "free"
    """What the licences of the training pictures allow: `free` is any use, `non-commercial` no other than research."""
    tests: list[str] = Field(default=["mine_rendered", "photos_varied"], min_length=1)
    """Data sets on whose test splits the weights are measured; one that cannot be made on this machine is left out, and the card
    says so. The first one must be there."""
    weak: str
    """What they are bad at, a sentence for the card."""
    default: bool = False
    """Whether `lle enhance` takes them where no method is named; true for one entry at most."""
