"""Exporting a method: trace, convert, compare with torch, and only then write."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lle import registry
from lle.data.images import SMALLEST
from lle.engine.method import Method
from lle.errors import LleError
from lle.export import formats, graph, parity
from lle.infer.backends import open_backend
from lle.infer.description import Description, Format, Precision, Quantised
from lle.infer.tiling import overlap, reach

if TYPE_CHECKING:
    from lle.export.quantise import Pair

SHAPES = parity.SHAPES
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16, "int8": torch.float32}


@dataclass(frozen=True)
class Origin:
    """What is known of a model's training.

    Attributes:
        trained_on: data set; None for a method that is not trained.
        run: experiment and run in MLflow.
        fingerprint: digest of the code that trained it.
        git: commit.
        data_licence: of the pictures it learned from.
    """

    trained_on: str | None = None
    run: str | None = None
    fingerprint: str | None = None
    git: str | None = None
    data_licence: str = "none: it learned from no pictures"


@dataclass(frozen=True)
class Calibration:
    """Pictures for int8.

    Attributes:
        dataset: name of their set.
        calibration: set the ranges; of the training split.
        validation: measure the loss.
        allowed_db: PSNR that may be lost on them.
    """

    dataset: str
    calibration: Sequence[Pair]
    validation: Sequence[Pair]
    allowed_db: float = 0.1


def export(
    method: Method,
    name: str,
    path: Path,
    format_: Format = "onnx",
    precision: Precision = "fp32",
    size: tuple[int, int] | None = None,
    origin: Origin | None = None,
    calibration: Calibration | None = None,
) -> Description:
    """Writes a method as a file that other programs run, if that gives what torch gives.

    Args:
        method: with its weights loaded.
        name: its id.
        path: ends in the suffix of the format (`.onnx`, `.xml` with a `.bin` beside it, `.torchscript`).
        format_: of the file.
        precision: in which it computes; of OpenVINO's fp16 the weights are half and a processor computes in single.
        size: height and width of every picture; None leaves them open.
        origin: of the model, for the metadata.
        calibration: for int8.

    Returns:
        The metadata, which also stand in the file.

    Raises:
        LleError: an operator prevents it, the results differ from torch's by more than the tolerance, or a package is missing.
    """
    if path.suffix != formats.ENDINGS[format_]:
        raise LleError(f"{path.name} must end in {formats.ENDINGS[format_]} to be {format_}.")
    made_with = {"torch": torch.__version__, **formats.require(formats.NEEDS[format_])}
    formats.check_precision(format_, precision)
    if precision == "int8" and calibration is None:
        raise LleError("int8 needs pictures to calibrate with: a prepared data set (--data).")
    reference = graph.prepared(method)
    # OpenVINO's precisions are chosen when it writes or loads; the others compute in the type in which they are traced.
    traced = graph.trace(reference if format_ == "openvino" else graph.prepared(method, DTYPES[precision]), size)
    origin = origin or Origin()
    description = Description(
        method=name,
        title=registry.card(name).title if name in registry.packages() else name,
        scope=method.scope,
        halo=None if method.scope == "global" or size is not None else halo(method),
        format=format_,
        precision=precision,
        size="dynamic" if size is None else f"{size[0]}x{size[1]}",
        smallest=SMALLEST,
        settings=method.config.model_dump(mode="json"),
        trained_on=origin.trained_on,
        run=origin.run,
        fingerprint=origin.fingerprint,
        git=origin.git,
        data_licence=origin.data_licence,
        made_with=made_with,
    )
    write, quantised = _convert(traced, format_, size, calibration if precision == "int8" else None)
    description = description.model_copy(update={"quantised": quantised})
    with tempfile.TemporaryDirectory(prefix="lle-export-") as folder:
        trial = Path(folder) / path.name
        write(trial, description)
        found = parity.compare(open_backend(trial).run, reference, size, precision, SHAPES)
    description = description.model_copy(update={"parity": found})
    write(path, description)
    return description


def halo(method: Method) -> int | None:
    """Returns how many pixels a tile needs around it, or None where the method sees the whole picture."""
    distance = reach(method.enhance, torch.device("cpu"))
    return None if distance is None else overlap(distance)


def _convert(
    traced: torch.jit.ScriptModule, format_: Format, size: tuple[int, int] | None, calibration: Calibration | None
) -> tuple[Callable[[Path, Description], None], Quantised | None]:
    """Returns what writes the converted graph, and what quantising it cost."""
    if format_ == "torchscript":
        return lambda path, description: formats.write_torchscript(path, traced, description), None
    model = formats.to_onnx(traced, size)
    if format_ == "onnx":
        return lambda path, description: formats.write_onnx(path, model, description), None
    converted, cost = formats.to_openvino(model), None
    if calibration is not None:
        from lle.export.quantise import quantise

        formats.require(("nncf",))
        converted, cost = quantise(converted, calibration.calibration, calibration.validation, calibration.dataset, calibration.allowed_db)
    return lambda path, description: formats.write_openvino(path, converted, description), cost
