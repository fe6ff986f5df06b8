"""Writing a traced graph as ONNX, OpenVINO or TorchScript, each whole or not at all, with its description inside."""

from __future__ import annotations

import io
import tempfile
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lle.errors import LleError
from lle.export.graph import ODD
from lle.files import atomic_path
from lle.infer.description import KEY, SUFFIXES, Description, Format, Precision

if TYPE_CHECKING:
    import onnx
    import openvino

OPSET = 18
NEEDS: dict[Format, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxruntime"),
    "openvino": ("onnx", "openvino"),
    "torchscript": (),
}
"""Packages of the extra `edge` by what needs them; an OpenVINO model is made from the ONNX graph."""
ENDINGS = {name: suffix for suffix, name in SUFFIXES.items()}


def require(names: tuple[str, ...]) -> dict[str, str]:
    """Returns the versions of packages.

    Raises:
        LleError: one is not installed.
    """
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise LleError(f"{', '.join(missing)} is not installed: pip install 'lle-suite[edge]'")
    return {name: version(name) for name in names}


def to_onnx(traced: torch.jit.ScriptModule, size: tuple[int, int] | None) -> onnx.ModelProto:
    """Converts a trace.

    Args:
        traced: see `lle.export.graph.trace`.
        size: height and width where they are fixed, and the number of pictures is 1.

    Raises:
        LleError: ONNX has no operator for one that the trace holds.
    """
    import onnx
    from torch.onnx import errors

    count, height, width = ODD if size is None else (1, *size)
    stream = io.BytesIO()
    axes = {0: "pictures", 1: "height", 2: "width"} if size is None else {}
    with warnings.catch_warnings():
        # It is called deprecated. The one that takes its place writes 10 to 40 times as slowly and fails where this one does not:
        # SCI, IAT and RUAS (no decomposition), CLIP-LIT at other sizes than the example's.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                traced,
                (torch.zeros(count, height, width, 3, dtype=torch.uint8),),
                stream,  # type: ignore[arg-type]
                dynamo=False,
                opset_version=OPSET,
                input_names=["pictures"],
                output_names=["enhanced"],
                dynamic_axes={"pictures": axes, "enhanced": axes} if axes else None,
            )
        except (errors.OnnxExporterError, RuntimeError) as error:
            reason = str(error).splitlines()[0].partition("[Caused")[0].strip()
            raise LleError(f"ONNX cannot hold this method: {reason}") from error
    return onnx.load_from_string(stream.getvalue())


def to_openvino(model: onnx.ModelProto) -> openvino.Model:
    """Converts an ONNX graph.

    Raises:
        LleError: OpenVINO does not know an operator.
    """
    import openvino

    try:
        return openvino.Core().read_model(model.SerializeToString())
    except RuntimeError as error:
        raise LleError(f"OpenVINO cannot hold this method: {str(error).strip().splitlines()[-1]}") from error


def write_onnx(path: Path, model: onnx.ModelProto, description: Description) -> None:
    """Writes an ONNX file."""
    import onnx

    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {KEY: description.model_dump_json()})
    model.producer_name = "lle"
    with atomic_path(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def write_openvino(path: Path, model: openvino.Model, description: Description) -> None:
    """Writes the two files of an OpenVINO model, `.xml` and `.bin`; the first, which is the one that is named, last."""
    import openvino

    model.set_rt_info(description.model_dump_json(), [KEY])
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        made = Path(folder) / "model.xml"
        openvino.save_model(model, made, compress_to_fp16=description.precision == "fp16")
        for suffix in (".bin", ".xml"):
            with atomic_path(path.with_suffix(suffix)) as temporary:
                temporary.write_bytes(made.with_suffix(suffix).read_bytes())


def write_torchscript(path: Path, traced: torch.jit.ScriptModule, description: Description) -> None:
    """Writes a TorchScript file."""
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(traced, temporary, _extra_files={KEY: description.model_dump_json()})


def check_precision(format_: Format, precision: Precision, capabilities: Any = None) -> None:
    """Refuses what no backend can run.

    Args:
        format_: of the file.
        precision: in which it is to compute.
        capabilities: what OpenVINO's device says that it can; None asks the CPU.

    Raises:
        LleError: the pair does not exist, with the reason.
    """
    if format_ != "openvino" and precision == "int8":
        raise LleError("int8 is made with NNCF for OpenVINO alone: choose --format openvino.")
    if format_ == "onnx" and precision == "bf16":
        raise LleError("ONNX Runtime's processor kernels know no bfloat16: choose --precision fp16, or --format openvino.")
    if format_ == "openvino" and precision == "bf16":
        import openvino

        known = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") if capabilities is None else capabilities
        if "BF16" not in known:
            raise LleError(
                "this processor has no bfloat16 arithmetic, so parity cannot be checked here: export on one that has, or as fp32."
            )
