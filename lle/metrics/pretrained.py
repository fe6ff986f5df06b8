"""No-reference metrics that need trained weights: NIQE, BRISQUE and MUSIQ through pyiqa, where the weights are on disk.

pyiqa would download them on first use. Here nothing is downloaded: without its file a metric has no value, and the reason says
how to get it. pyiqa's licence (PolyForm Noncommercial) forbids commercial use; nothing outside this file needs it.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np

from lle.metrics.metric import Metric
from lle.metrics.protocol import Image

WEIGHTS = {
    "niqe": "niqe_modelparameters.mat",
    "brisque": "brisque_svm_weights.pth",
    "musiq": "musiq_koniq_ckpt-e95806b9.pth",
}
"""Name of the weight file of each metric, as pyiqa stores it."""


def weights_folder() -> Path:
    """Returns the folder in which pyiqa keeps its weights; imports neither it nor torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(home).expanduser() / "hub" / "pyiqa"


def missing(name: str) -> str | None:
    """Returns why a metric cannot be measured here and what to do about it, or None if it can."""
    if importlib.util.find_spec("pyiqa") is None:
        return "the package pyiqa is not installed; install the extra 'suite'"
    if not (weights_folder() / WEIGHTS[name]).is_file():
        return (
            f"the weight file {WEIGHTS[name]} is not on disk; on a machine with a network run "
            f"python -c \"import pyiqa; pyiqa.create_metric('{name}')\", or put the file "
            "into hub/pyiqa in $TORCH_HOME (default ~/.cache/torch)"
        )
    return None


@functools.cache
def _model(name: str) -> Any:
    import pyiqa
    import torch

    return pyiqa.create_metric(name, device=torch.device("cpu"))


def score(name: str, image: Image) -> float:
    """Returns the value of `niqe`, `brisque` or `musiq`. Call it only where `missing` returns None."""
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        return float(_model(name)(tensor))


METRICS = (
    Metric(
        name="niqe",
        label="NIQE",
        direction="lower",
        needs_reference=False,
        unit="",
        definition="distance of local statistics from those of pristine photographs",
        source="Mittal et al., IEEE SPL 2013, as pyiqa's niqe",
        measure=lambda s: score("niqe", s.output),
        missing=lambda: missing("niqe"),
        order=120,
        digits=2,
    ),
    Metric(
        name="brisque",
        label="BRISQUE",
        direction="lower",
        needs_reference=False,
        unit="",
        definition="support vector regression on local statistics",
        source="Mittal et al., IEEE TIP 2012, as pyiqa's brisque",
        measure=lambda s: score("brisque", s.output),
        missing=lambda: missing("brisque"),
        order=130,
        digits=2,
    ),
    Metric(
        name="musiq",
        label="MUSIQ",
        direction="higher",
        needs_reference=False,
        unit="",
        definition="multi-scale transformer trained on KonIQ-10k, about 0 to 100",
        source="Ke et al., ICCV 2021, as pyiqa's musiq",
        measure=lambda s: score("musiq", s.output),
        missing=lambda: missing("musiq"),
        order=140,
        digits=2,
    ),
)
