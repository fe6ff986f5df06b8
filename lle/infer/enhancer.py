"""Enhancing pictures with a method, named by its id or by a model on disk, without anything that training needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lle import registry
from lle.data.images import SMALLEST
from lle.engine.method import Method
from lle.engine.model_io import DESCRIPTION, has_weights, load_model
from lle.errors import DataError, LleError, WeightsError
from lle.files import read_json
from lle.infer.backends import Backend, is_exported, open_backend
from lle.infer.engine import Engine, FileEngine, TorchEngine
from lle.infer.tiling import check_tile, enhance_tiled

MODELS = Path("build/models")
LARGE = 6_000_000
"""Pixels above which a picture is tiled where that can be done: a network of 32 channels needs some 3 GB for so many at once."""
LARGEST = 24_000_000
"""Pixels above which a method that needs the whole picture is refused, before the system ends the process for want of memory."""
TILE = 1024
"""Side of those tiles."""


class Enhancer:
    """Enhances pictures with one method, in torch or as an exported file.

    Args:
        method: a method with its weights loaded, which is set to evaluation mode; or a loaded file.
        name: the method's id, for messages.
        tile: side in pixels of the tiles in which pictures larger than a tile are processed, a multiple of 32. For methods that look
            locally the result is that of one piece; those that look at the whole picture do so once, on a reduced view, if they can
            (`Method.estimate`). None takes tiles of 1024 pixels where the picture has more than `LARGE` pixels and the method can be
            applied by tile, else one piece.
        device: where a method in torch computes; `auto` takes a GPU if there is one.

    Raises:
        LleError: tiles are asked for and the method can only be applied to whole pictures, or the device does not exist.
    """

    def __init__(self, method: Method | Backend, name: str = "method", tile: int | None = None, device: str = "cpu") -> None:
        self._method: Method | None = None
        self.engine: Engine
        if isinstance(method, Backend):
            self.engine = FileEngine(method)
        else:
            self.device = _device(device)
            self._method = method.to(self.device).eval()
            self.engine = TorchEngine(self._method, name, self.device)
        self.name = self.engine.name
        self.tile = tile
        self._halo: int | None = None
        if tile is not None:
            check_tile(tile)
            self._halo = self.engine.halo()
            if self._halo is None:
                raise LleError(f"'{self.name}' looks at the whole picture, so it cannot work on tiles. Leave the tile size out.")

    @property
    def method(self) -> Method:
        """The method in torch.

        Raises:
            LleError: the enhancer runs an exported file.
        """
        if self._method is None:
            raise LleError(f"'{self.name}' was loaded from an exported file, which has no method in torch.")
        return self._method

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        settings: Mapping[str, Any] | None = None,
        tile: int | None = None,
        device: str = "cpu",
        models: Path = MODELS,
        backend: str | None = None,
        threads: int | None = None,
    ) -> Enhancer:
        """Makes an enhancer from what a user can name.

        Args:
            name_or_path: a method's id (its trained model in `models`; a classical method needs none), a model folder
                with `method.json`, a `.safetensors` file beside a `method.json`, or a file that `lle export` wrote. A string that
                is a method's id is one, also where a file of that name exists.
            settings: values that replace the saved or the default ones.
            tile: see `Enhancer`.
            device: see `Enhancer`.
            models: the folder of trained models.
            backend: library that runs an exported file: `onnxruntime`, `openvino` or `torch`; None takes the usual one of its format.
            threads: of the processor; None leaves torch's as they are and gives an exported file all cores.

        Raises:
            WeightsError: the model is missing, damaged or does not fit.
            LleError: there is no such method or file.
        """
        path = Path(name_or_path)
        if is_exported(path) and not (isinstance(name_or_path, str) and name_or_path in registry.packages()):
            return cls(open_backend(path, backend, threads, device), tile=tile)
        if backend not in (None, "torch"):
            raise LleError(f"{backend} runs exported files: write one with `lle export {name_or_path}`, and name it here.")
        if threads is not None:
            torch.set_num_threads(threads)
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
            raise LleError(
                f"{path} is no model: name a method (`lle methods` lists them), a model folder, a .safetensors file or an exported file."
            )
        registry.package(str(name_or_path))  # raises, naming the nearest method
        raise LleError(f"{name_or_path} is no model.")

    def enhance(self, picture: np.ndarray) -> np.ndarray:
        """Enhances one picture.

        Args:
            picture: H x W x 3 uint8 or uint16 RGB, at least 16 pixels on each side.

        Returns:
            Array of the same shape and type: the method's output clamped to [0, 1] and rounded to the nearest level.

        Raises:
            DataError: the array is of another shape or type.
            WeightsError: the method made values that are not finite.
            LleError: there is not enough memory, or the picture has more than `LARGEST` pixels and the method needs it whole.
        """
        if picture.dtype not in (np.uint8, np.uint16) or picture.ndim != 3 or picture.shape[2] != 3 or min(picture.shape[:2]) < SMALLEST:
            shape = "x".join(map(str, picture.shape))
            raise DataError(f"expected H x W x 3 uint8 (or uint16) with sides of at least {SMALLEST} pixels, got {shape} {picture.dtype}.")
        try:
            tile, halo = self._tiles(picture)
            if tile is None or max(picture.shape[:2]) <= tile:
                return self.engine.whole(picture)
            return enhance_tiled(self.engine.by_part(picture), picture, tile, halo)
        except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            # Only some methods may be tiled, so the advice differs.
            advice = (
                "Use tiles (`--tile 512`)." if self.engine.scope == "local" else "Make the picture smaller: this method needs it whole."
            )
            raise LleError(f"not enough memory for {picture.shape[1]}x{picture.shape[0]} pixels with '{self.name}'. {advice}") from error

    def _tiles(self, picture: np.ndarray) -> tuple[int | None, int]:
        """Returns the side of tiles for a picture, None for one piece, and what they need around them."""
        if self.tile is not None:
            assert self._halo is not None
            return self.tile, self._halo
        pixels = picture.shape[0] * picture.shape[1]
        if pixels <= LARGE:
            return None, 0
        if self._halo is None:
            self._halo = self.engine.halo()
        if self._halo is not None:
            return TILE, self._halo
        if pixels > LARGEST:
            raise LleError(
                f"{picture.shape[1]}x{picture.shape[0]} pixels are too many for '{self.name}', which looks at the whole picture at once "
                f"and cannot take its parameters from a reduced view: at most {LARGEST / 1e6:.0f} million. Make the picture smaller, or "
                "choose a method that works by tile."
            )
        return None, 0


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
