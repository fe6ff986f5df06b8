"""A Lightning logger that writes an MLflow run while a training runs.

The run is the one that `lle mlflow sync` would make from the files of the training: `train@<method>` in the experiment of the
training set. Until then it carries the tag `lle.live = true`; the synchronisation completes it with evaluations, model, tables
and what a lost server missed, and no second run is made.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightning.pytorch.loggers.logger import Logger

from lle.results.provenance import Provenance
from lle.tracking import store
from lle.tracking.background import CAPACITY, BackgroundRun
from lle.tracking.runs import dvc_stage, parameter_texts, run_name, training_key
from lle.tracking.send import origin_tags

if TYPE_CHECKING:
    import numpy as np

STATUS = {"success": "FINISHED", "finished": "FINISHED", "failed": "FAILED"}
"""Lightning's words for the end of a training, and MLflow's; any other end is `KILLED`."""
CLOSE_SECONDS = 10.0


class LiveLogger(Logger):
    """Writes losses, validation, learning rates, pictures, settings and the machine's load to MLflow.

    No call waits for the store: a thread of its own sends what is given. A store that is down, slow or lost costs one warning.
    """

    def __init__(
        self,
        method: str,
        data: str,
        provenance: Provenance,
        uri: str | None = None,
        capacity: int = CAPACITY,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        """Begins the run, or continues one of the same training that was interrupted.

        Args:
            method: the method's id.
            data: name of the training set.
            provenance: of the training, as its record will have it; by it the synchronisation finds the run.
            uri: the store; None takes `MLFLOW_TRACKING_URI`, else `sqlite:///mlflow.db`.
            capacity: entries that wait for the store at most; further ones are dropped.
            close_seconds: longest wait for the store at the end of the training.

        Raises:
            LleError: the address is one that MLflow does not take.
        """
        super().__init__()
        self.method = method
        self.data = data
        self._close_seconds = close_seconds
        tags = {"lle.method": method, "dvc.stage": dvc_stage(method), **origin_tags(provenance)}
        key = training_key(method, provenance)
        self._run = BackgroundRun(store.tracking_uri(uri), data, run_name(method), key, tags, capacity)
        facts = {} if provenance.seed is None else {"seed": provenance.seed}
        self._run.parameters(parameter_texts({"method": method, "data": data, **facts}))

    @property
    def name(self) -> str:
        """Name of the experiment: the training set."""
        return self.data

    @property
    def version(self) -> str | None:
        """MLflow's id of the run; None until the store has answered."""
        return self._run.run_id

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs values at an iteration.

        Args:
            metrics: by name: `loss/<term>` (with phase and update where there are several, as
                `lle.tracking.curves.curve_names` has it), `val/psnr`, `lr/<update>`, `images_per_s`.
            step: the iteration.
        """
        self._run.metrics(metrics, step or 0)

    def log_hyperparams(self, params: Mapping[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Logs settings, nested ones with dots in their names."""
        del args, kwargs
        self._run.parameters(parameter_texts(vars(params) if isinstance(params, Namespace) else params))

    def log_pictures(self, name: str, pictures: Mapping[str, np.ndarray], step: int) -> None:
        """Logs pictures of the validation, side by side.

        Args:
            name: such as `val/<image>`.
            pictures: H x W x 3 uint8 RGB by label.
            step: the iteration.
        """
        from PIL import Image

        # Copied, because the training may use the memory again before they are sent.
        self._run.pictures(name, tuple((label, Image.fromarray(picture.copy())) for label, picture in pictures.items()), step)

    def finalize(self, status: str) -> None:
        """Ends the run, and waits `close_seconds` at most for what is still to be sent."""
        self._run.close(STATUS.get(status, "KILLED"), self._close_seconds)
