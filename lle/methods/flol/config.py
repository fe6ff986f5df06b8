"""Settings of FLOL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of FLOL. Its training is not public: both presets have our choice of losses and schedule."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # A budget for two cores.
        "recommended": {"iterations": 3000, "batch_size": 4, "crop": 128, "lr": 5e-4, "schedule": "cosine"},
        # Nothing of it is printed but the network, whose padding and phases this preset has; the schedule is of the usual length.
        "paper": {
            "iterations": 150_000,
            "batch_size": 8,
            "crop": 256,
            "lr": 2e-4,
            "schedule": "cosine",
            "pad": "zeros",
            "real_bins": False,
        },
    }

    width: int = Field(16, ge=4)
    """Channels of the spatial stage; the authors have 16."""
    pad: Literal["reflect", "zeros"] = "reflect"
    """How sides are brought to multiples of 8; zeros, which the authors have, change the spectrum of the whole picture."""
    real_bins: bool = True
    """Treat the four numbers of a spectrum that are real as real. Without it rounding decides between phases of +pi and -pi, and so
    the picture by up to a hundredth; the authors' network does not have it."""
    amplitude_weight: float = Field(0.1, ge=0)
    """Weight of the distance between amplitudes after the frequency stage and those of the normal picture."""
