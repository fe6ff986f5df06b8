"""What runs an exported file: ONNX Runtime, OpenVINO or TorchScript. All take and give bytes, and behave alike."""

from __future__ import annotations

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from lle.errors import LleError, first_line
from lle.infer.description import KEY, SUFFIXES, Description, Format, parse

LOG = logging.getLogger(__name__)

Pictures = NDArray[np.uint8]
"""N x H x W x 3, RGB."""
BackendName = Literal["onnxruntime", "openvino", "torch"]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
READS: Mapping[Format, tuple[BackendName, ...]] = {
    "onnx": ("onnxruntime", "openvino"),
    "openvino": ("openvino",),
    "torchscript": ("torch",),
}
"""Backends by what they read, the usual one first."""


class Backend(ABC):
    """A loaded file.

    Args:
        path: the file.
        threads: of the processor; None takes all cores.
        device: `cpu`, `cuda` (ONNX Runtime and torch) or `gpu` (an Intel GPU through OpenVINO).
        streams: pictures that are computed side by side where the backend can (OpenVINO); more give throughput, one latency.

    Attributes:
        description: what the file says of itself.
    """

    description: Description

    @abstractmethod
    def __init__(self, path: Path, threads: int | None, device: str, streams: int) -> None: ...

    @abstractmethod
    def run(self, pictures: Pictures) -> Pictures:
        """Enhances a batch, N x H x W x 3 uint8 RGB, contiguous; the result may be overwritten by the next call."""


class OnnxRuntime(Backend):
    """ONNX Runtime on the processor or a CUDA GPU."""

    def __init__(self, path: Path, threads: int | None, device: str, streams: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Idle threads that spin take the cores from everything else; a call of tens of milliseconds does not need them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
        providers = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
        if providers.get(device) not in onnxruntime.get_available_providers():
            raise LleError(
                f"this ONNX Runtime cannot compute on '{device}': use cpu" + (", or install onnxruntime-gpu." * (device == "cuda"))
            )
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=[providers[device]])
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise LleError(f"{path} cannot be loaded by ONNX Runtime: {first_line(error)}. Export it again.") from error
        self.description = parse(self.session.get_modelmeta().custom_metadata_map.get(KEY), path)
        self.input = self.session.get_inputs()[0].name

    def run(self, pictures: Pictures) -> Pictures:
        """See `Backend.run`."""
        result: Pictures = self.session.run(None, {self.input: pictures})[0]
        return result


class OpenVino(Backend):
    """OpenVINO on the processor or an Intel GPU; reads its own files and ONNX. Inputs are taken without a copy.

    A model of open size takes up to twice as long as one that is compiled for a size (SCI, 400 x 600). So pictures that keep coming in one
    size, as those of a camera do, get one that is compiled for it.
    """

    REPEATED = 3
    """Pictures of one size in a row, from which on it counts as lasting: compiling takes as long as some pictures do."""

    def __init__(self, path: Path, threads: int | None, device: str, streams: int) -> None:
        import openvino

        core = openvino.Core()
        if device not in ("cpu", "gpu") or not any(name.startswith(device.upper()) for name in core.available_devices):
            raise LleError(f"OpenVINO cannot compute on '{device}' here; it finds {', '.join(map(str.lower, core.available_devices))}.")
        try:
            model = core.read_model(path)
        except RuntimeError as error:
            raise LleError(f"{path} cannot be loaded by OpenVINO: {first_line(error)}. Export it again.") from error
        self.description = parse(_rt_info(model), path)
        hints = {"fp32": "f32", "int8": "f32", "fp16": "f16", "bf16": "bf16"}
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": hints[self.description.precision],
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
            "NUM_STREAMS": str(streams),
        }
        if device == "cpu" and hints[self.description.precision] == "f16":
            # Weights are stored in half precision; processors compute with them in single.
            options["INFERENCE_PRECISION_HINT"] = "f32"
        if device == "cpu":
            # Pinned, the threads of two cameras would all share the first cores, and stand behind whatever decodes there.
            options["ENABLE_CPU_PINNING"] = False
            if threads is not None:
                options["INFERENCE_NUM_THREADS"] = threads
        self._core, self._model, self._target = core, model, (device.upper(), options)
        self._open = core.compile_model(model, *self._target).create_infer_request()
        self._seen, self._repeated = tuple[int, ...](), 0
        self._fitted, self._fitted_shape = self._open, tuple[int, ...]()

    def run(self, pictures: Pictures) -> Pictures:
        """See `Backend.run`."""
        shape = pictures.shape
        self._repeated = self._repeated + 1 if shape == self._seen else 1
        self._seen = shape
        # The latest one is kept when other sizes come between, as at the end of each row of tiles.
        if self._repeated == self.REPEATED and shape != self._fitted_shape and self._model.is_dynamic():
            self._fitted, self._fitted_shape = self._for_size(shape), shape
        request = self._fitted if shape == self._fitted_shape else self._open
        request.infer({0: pictures}, share_inputs=True)
        result: Pictures = request.get_output_tensor(0).data
        return result

    def _for_size(self, shape: tuple[int, ...]) -> Any:
        """Compiles the model for pictures of one size; where OpenVINO cannot, the open one goes on."""
        model = self._model.clone()
        try:
            model.reshape(list(shape))
            return self._core.compile_model(model, *self._target).create_infer_request()
        except RuntimeError as error:
            LOG.debug("OpenVINO cannot compile %s for %s: %s", self.description.method, shape, first_line(error))
            return self._open


class TorchScript(Backend):
    """A traced graph in torch."""

    def __init__(self, path: Path, threads: int | None, device: str, streams: int) -> None:
        if device not in ("cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
            raise LleError(f"the device '{device}' is not available to torch: use cpu.")
        extra = {KEY: ""}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # TorchScript is called deprecated
                self.graph = torch.jit.load(path, map_location=device, _extra_files=extra).eval()
        except RuntimeError as error:
            raise LleError(f"{path} cannot be loaded by torch: {first_line(error)}. Export it again.") from error
        text: str | bytes = extra[KEY]
        self.description = parse(text.decode() if isinstance(text, bytes) else text, path)
        self.device = torch.device(device)
        if threads is not None:
            torch.set_num_threads(threads)

    def run(self, pictures: Pictures) -> Pictures:
        """See `Backend.run`."""
        with torch.inference_mode():
            result: Pictures = self.graph(torch.from_numpy(pictures).to(self.device)).contiguous().cpu().numpy()
        return result


_CLASSES: Mapping[BackendName, type[Backend]] = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "torch": TorchScript}


def is_exported(path: Path) -> bool:
    """Says whether a file is an exported method, by its ending."""
    return Path(path).suffix.lower() in SUFFIXES


def open_backend(path: Path, backend: str | None = None, threads: int | None = None, device: str = "cpu", streams: int = 1) -> Backend:
    """Loads an exported file.

    Args:
        path: ends in one of `lle.infer.description.SUFFIXES`.
        backend: which library runs it; None takes the usual one of the format.
        threads: see `Backend`.
        device: see `Backend`; `auto` is a GPU where torch finds one for a TorchScript file, else the processor.
        streams: see `Backend`.

    Raises:
        LleError: the file is missing or damaged, the library is not installed or does not read it, or the device does not exist.
    """
    path = Path(path)
    if not path.is_file():
        raise LleError(f"{path} does not exist. Write it with `lle export METHOD`.")
    able = READS[SUFFIXES[path.suffix.lower()]]
    name = able[0] if backend is None else backend
    if name not in able:
        raise LleError(f"{path.name} is run by {' or '.join(able)}, not by '{name}'.")
    chosen = next(known for known in BACKENDS if known == name)
    if find_spec(chosen) is None:
        raise LleError(f"{chosen} is not installed: pip install 'lle-suite[edge]'")
    if device == "auto":
        device = "cuda" if chosen == "torch" and torch.cuda.is_available() else "cpu"
    return _CLASSES[chosen](path, threads, device.lower(), streams)


def _rt_info(model: Any) -> str | None:
    # Of an ONNX file OpenVINO keeps the metadata below `framework`.
    for keys in ([KEY], ["framework", KEY]):
        if model.has_rt_info(keys):
            return str(model.get_rt_info(keys).astype(str))
    return None
