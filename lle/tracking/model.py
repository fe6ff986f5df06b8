"""An enhancer as an MLflow model: NHWC uint8 in, NHWC uint8 out, at any size from 16 x 16 pixels up."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
from mlflow.pyfunc import PythonModel

import lle

if TYPE_CHECKING:
    from mlflow.models.model import ModelInfo

ENTRY = Path(__file__).with_name("pyfunc_entry.py")
"""The script MLflow runs to make the model, instead of unpickling an object."""

# Lightning only trains, click only reads command lines.
_NOT_FOR_INFERENCE = {"lightning", "click", "rich"}


class EnhancerModel(PythonModel):
    """Enhances batches of pictures with the model folder that was logged as the artifact `model`."""

    def load_context(self, context: Any) -> None:
        """Loads the weights; called once by MLflow."""
        from lle.infer.enhancer import Enhancer

        self._enhancer = Enhancer.load(Path(context.artifacts["model"]), device="auto")

    # MLflow reads the type hint; for an array it takes the schema from the signature that `log_model` gives.
    def predict(self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None) -> np.ndarray:
        """Enhances a batch.

        Args:
            context: unused; MLflow passes it.
            model_input: N x H x W x 3 uint8 RGB.
            params: unused; MLflow passes it.

        Returns:
            N x H x W x 3 uint8 RGB.
        """
        del context, params
        return np.stack([self._enhancer.enhance(picture) for picture in model_input])


def log_model(folder: Path, metadata: dict[str, Any]) -> ModelInfo:
    """Logs a model folder to the active MLflow run, under the name `model`.

    The model carries a copy of this package's code, so it can be served where the suite is not installed, and still
    loads after the method's code has changed.

    Args:
        folder: with `method.json` and its weights.
        metadata: plain facts that are stored with the model.
    """
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    tensor = Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, -1, 3))])
    ramp = np.linspace(0, 60, 2 * 24 * 32 * 3).reshape(2, 24, 32, 3).astype(np.uint8)
    return mlflow.pyfunc.log_model(
        name="model",
        python_model=str(ENTRY),
        artifacts={"model": str(folder)},
        signature=ModelSignature(inputs=tensor, outputs=tensor),
        input_example=ramp,
        # Given in full: otherwise MLflow finds them by loading the model in another process.
        pip_requirements=requirements(),
        code_paths=[str(Path(lle.__file__).parent)],
        metadata=metadata,
    )


def requirements() -> list[str]:
    """Returns what inference needs, pinned to the installed versions."""
    declared = importlib.metadata.requires("lle-suite") or []
    names = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in declared if "extra ==" not in line]
    return [f"{name}=={importlib.metadata.version(name)}" for name in (*names, "mlflow") if name not in _NOT_FOR_INFERENCE]


def copy_model(uri: str, folder: Path) -> Path:
    """Fetches the model folder inside a logged model, for `lle enhance` and everything else that takes one.

    Args:
        uri: such as `models:/zero_dce-training@champion` or `runs:/<id>/model`.
        folder: where to put it; must not exist.
    """
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        local = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=scratch))
        description = next((local / "artifacts").glob("*/method.json"))
        shutil.copytree(description.parent, folder)
    return folder
