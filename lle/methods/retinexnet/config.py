"""Settings of RetinexNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.supervised import SupervisedConfig


class Config(SupervisedConfig):
    """Settings of RetinexNet. `iterations` and `crop` hold for each of the two phases."""

    tiny: ClassVar[Mapping[str, Any]] = {"width": 8}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": {"iterations": 1500, "batch_size": 8, "crop": 64, "lr": 1e-3, "schedule": "cosine", "lr_min": 1e-5},
        # 100 epochs over 485 + 1000 pairs in batches of 16; 1e-3 for 20 epochs, then 1e-4, with the authors' network.
        "paper": {"iterations": 9200, "batch_size": 16, "crop": 48, "lr": 1e-3, "fusion": "add", "schedule": "step", "steps": (0.2,)},
    }

    fusion: Literal["concat", "add"] = "concat"
    """How the decoder takes the encoder's maps: `add` as the authors publish it, `concat` as the PyTorch version whose weights are
    public."""
    width: int = Field(64, ge=4)
    """Channels of both networks; the paper has 64."""
    padding: Literal["replicate", "zeros"] = "replicate"
    """Border of the convolutions: `zeros` in the authors' code, `replicate` in the PyTorch version."""
    mutual: float = Field(0.001, ge=0)
    """Weight of rebuilding each picture with the other one's reflectance."""
    reflectance: float = Field(0.01, ge=0)
    """Weight of the difference of the two reflectances."""
    smooth_decomposition: float = Field(0.1, ge=0)
    """Weight of the illumination's smoothness in the first phase."""
    smooth_relight: float = Field(3.0, ge=0)
    """Weight of the illumination's smoothness in the second phase."""
