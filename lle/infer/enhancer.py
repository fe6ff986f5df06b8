"""Enhancing pictures with a method, named by its id or by a model on disk, without anything that training needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lle import registry
from lle.data.images import SMALLEST
from lle.engine.method import Method
from lle.engine.model_io import DESCRIPTION, has_weights, load_model
from lle.errors import DataError, LleError, WeightsError
from lle.files import read_json
from lle.infer.tiling import enhance_tiled, overlap, reach

MODELS = Path("build/models")


class Enhancer:
    """Enhances pictures with one method.

    Args:
        method: with its weights loaded; it is set to evaluation mode.
        name: the method's id, for messages.
        tile: side in pixels of the tiles in which pictures larger than a tile are processed, a multiple of 32; the result
            is that of one piece. None processes every picture in one piece.
        device: where to compute; `auto` takes a GPU if there is one.

    Raises:
        LleError: tiles are asked for and the method sees the whole picture, or the device does not exist.
    """

    def __init__(self, method: Method, name: str = "method", tile: int | None = None, device: str = "cpu") -> None:
        self.name = name
        self.device = _device(device)
        self.method = method.to(self.device).eval()
        self.tile = tile
        self._halo = 0
        if tile is not None:
            self._halo = self._measure_halo()
            enhance_tiled(
                lambda part: part, torch.zeros(1, 3, 1, 1), tile, self._halo
            )  # refuses a wrong size now, not at the first picture

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        settings: Mapping[str, Any] | None = None,
        tile: int | None = None,
        device: str = "cpu",
        models: Path = MODELS,
    ) -> Enhancer:
        """Makes an enhancer from what a user can name.

        Args:
            name_or_path: a method's id (its trained model in `models`; a classical method needs none), a model folder
                with `method.json`, or a `.safetensors` file beside a `method.json`. A string that is a method's id is
                one, also where a file of that name exists.
            settings: values that replace the saved or the default ones.
            tile: see `Enhancer`.
            device: see `Enhancer`.
            models: the folder of trained models.

        Raises:
            WeightsError: the model is missing, damaged or does not fit.
            LleError: there is no such method or file.
        """
        path = Path(name_or_path)
        if isinstance(name_or_path, str) and name_or_path in registry.packages():
            return cls(_by_id(name_or_path, settings, models), name_or_path, tile, device)
        if path.is_dir():
            return cls(load_model(path, settings), _described(path), tile, device)
        if path.suffix == ".safetensors":
            if not path.is_file():
                raise WeightsError(f"the weights file {path} does not exist.")
            if not (path.parent / DESCRIPTION).is_file():
                raise WeightsError(
                    f"{path} has no {DESCRIPTION} beside it, which says what network it belongs to. Name the model's folder, "
                    "or bring weights of other origin in with `lle weights import METHOD FILE`."
                )
            return cls(load_model(path.parent, settings, weights=path), _described(path.parent), tile, device)
        if path.suffix or len(path.parts) > 1:
            raise LleError(f"{path} is no model: name a method (`lle methods` lists them), a model folder or a .safetensors file.")
        registry.package(str(name_or_path))  # raises, naming the nearest method
        raise LleError(f"{name_or_path} is no model.")

    def enhance(self, picture: np.ndarray) -> np.ndarray:
        """Enhances one picture.

        Args:
            picture: H x W x 3 uint8 RGB, at least 16 pixels on each side.

        Returns:
            H x W x 3 uint8 RGB: the method's output clamped to [0, 1] and rounded to the nearest of 256 levels.

        Raises:
            DataError: the array is of another shape or type.
            WeightsError: the method made values that are not finite.
            LleError: there is not enough memory.
        """
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or min(picture.shape[:2]) < SMALLEST:
            shape = "x".join(map(str, picture.shape))
            raise DataError(f"expected H x W x 3 uint8 with sides of at least {SMALLEST} pixels, got {shape} {picture.dtype}.")
        low = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))[None]).to(torch.float32) / 255
        try:
            if self.tile is not None and max(picture.shape[:2]) > self.tile:
                output = enhance_tiled(self._run, low, self.tile, self._halo)
            else:
                output = self._run(low)
        except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            # Only a local method may be tiled, so the advice differs.
            advice = (
                "Use tiles (`--tile 512`)." if self.method.scope == "local" else "Make the picture smaller: this method needs it whole."
            )
            raise LleError(f"not enough memory for {picture.shape[1]}x{picture.shape[0]} pixels with '{self.name}'. {advice}") from error
        levels = (output[0] * 255).round().to(torch.uint8)
        return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())

    def _run(self, low: Tensor) -> Tensor:
        """Does what `Method.enhance` does, and looks at the values before they are clamped: infinity would become white."""
        with torch.inference_mode():
            output = self.method(low.to(self.device))
        if not bool(torch.isfinite(output).all()):
            raise WeightsError(
                f"'{self.name}' makes NaN or infinite values, so nothing was written. Its weights are damaged or its training diverged: "
                f"train it again with a lower learning rate (`lle train {self.name}`), or import its weights again."
            )
        return output.clamp(0, 1)

    def _measure_halo(self) -> int:
        refusal = f"'{self.name}' looks at the whole picture, so it cannot work on tiles. Leave the tile size out."
        if self.method.scope == "global":
            raise LleError(refusal)
        distance = reach(self._run, self.device)
        if distance is None:
            raise LleError(refusal)
        return overlap(distance)


def _by_id(name: str, settings: Mapping[str, Any] | None, models: Path) -> Method:
    folder = Path(models) / name
    if (folder / DESCRIPTION).is_file():
        return load_model(folder, settings)
    method = registry.create(name, settings)
    if has_weights(method):
        return load_model(folder, settings)  # raises, saying how to get the weights
    return method


def _described(folder: Path) -> str:
    return str(read_json(folder / DESCRIPTION)["method"])


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise LleError(f"'{name}' is no device; known: auto, cpu, cuda, cuda:0 …") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise LleError(f"the device '{name}' is not available: torch finds no GPU. Use `cpu` or `auto`.")
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        raise LleError(f"the device '{name}' cannot be used on this machine. Use `cpu` or `auto`.") from error
    return device


def _out_of_memory(error: BaseException) -> bool:
    # torch's CPU allocator reports a failed allocation as a plain RuntimeError.
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
