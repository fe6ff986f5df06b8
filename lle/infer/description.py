"""What a file of an exported method says of itself; it stands inside the file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from lle.errors import LleError
from lle.results.base import Number, Part

Format = Literal["onnx", "openvino", "torchscript"]
Precision = Literal["fp32", "fp16", "bf16", "int8"]

SUFFIXES: dict[str, Format] = {".onnx": "onnx", ".xml": "openvino", ".torchscript": "torchscript"}
"""Formats by the ending of their files."""
KEY = "lle"
"""Name of the entry with the description, a JSON text, in the file's own metadata."""


class Parity(Part):
    """The file against torch, on one shape of pictures."""

    shape: list[int]
    """Pictures, height, width."""
    largest: int
    """Largest difference, in levels of 255."""
    psnr: Number
    """Of the file's pictures against torch's, dB."""


class Quantised(Part):
    """What whole numbers cost."""

    dataset: str
    calibration: int
    """Pictures of the training split by which the ranges were set."""
    validation: int
    """Pictures of the validation split by which the loss was measured."""
    reference: Literal["normal", "fp32"]
    """Against what PSNR is taken: the references of the set, or, where it has none, the pictures of the float model."""
    before_db: Number
    after_db: Number
    loss_db: Number
    """PSNR lost, dB."""
    allowed_db: Number


class Description(Part):
    """The metadata of an exported method."""

    method: str
    title: str
    scope: Literal["local", "global"]
    """Whether an output pixel depends on a neighbourhood or on the whole picture."""
    halo: int | None
    """Pixels that a tile needs around it; None where the picture must not be tiled."""
    format: Format
    precision: Precision
    size: str
    """`dynamic`, or height x width."""
    smallest: int
    """Shortest side, pixels."""
    padding: str = "inside the graph: every height and width from the smallest up"
    input: str = "N x H x W x 3 uint8, RGB, 0 to 255"
    output: str = "N x H x W x 3 uint8, RGB, 0 to 255"
    settings: dict[str, object] = Field(default_factory=dict)
    trained_on: str | None = None
    run: str | None = None
    """Experiment and run in MLflow, None for what is not trained."""
    fingerprint: str | None = None
    """Digest of the code that trained it."""
    git: str | None = None
    data_licence: str
    """Licence of the pictures that it learned from."""
    parity: list[Parity] = Field(default_factory=list)
    quantised: Quantised | None = None
    made_with: dict[str, str] = Field(default_factory=dict)
    """Versions of the libraries that made the file."""


def parse(text: str | None, path: Path) -> Description:
    """Reads the description out of a file's metadata.

    Raises:
        LleError: there is none, or it is of another version.
    """
    if not text:
        raise LleError(f"{path} was not written by `lle export`: it does not say what it takes. Export the method again.")
    try:
        return Description.model_validate_json(text)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise LleError(f"{path} was exported by another version ({where}: {error.errors()[0]['msg']}). Export the method again.") from error
