"""Weights in their authors' naming: read safely, loaded strictly, stored as a model folder like a trained one."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from lle import registry
from lle.config.schema import BaseParams, method_settings
from lle.engine.method import Method
from lle.engine.model_io import save_model
from lle.errors import WeightsError
from lle.files import sha256, write_json
from lle.keys import method_code, stage_key
from lle.provenance import provenance

# Names under which authors nest a state dict beside optimiser states and epochs.
NESTED = ("state_dict", "model_state_dict", "model", "net", "params", "weight")


def import_files(name: str, files: Sequence[Path], params: BaseParams, out: Path) -> Path:
    """Loads authors' weights into a method and writes its model folder, so that every command can use it.

    Args:
        name: the method's id.
        files: .safetensors files, or .pth, .pt and .tar files of PyTorch.
        params: all settings; those of the method choose among variants of the authors' weights.
        out: the model folder.

    Returns:
        The model folder.

    Raises:
        WeightsError: a file is missing, unreadable, could run code, does not fit the network, or holds NaN or infinite values.
    """
    settings = method_settings(params, name)
    method = registry.create(name, settings)
    if next(method.parameters(), None) is None:
        raise WeightsError(f"method '{name}' has no weights to import.")
    method.import_weights({path.stem: read_state(path) for path in files})
    _require_finite(method, name, files)
    save_model(method, name, out, extra={"imported": True})
    record = {
        "method": name,
        "trained_on": "imported weights",
        "iterations": 0,
        "phases": [],
        "files": {path.name: sha256(path) for path in files},
        "provenance": provenance(
            config_hash=stage_key(f"train/{name}", params).config_hash,
            fingerprint=method_code(name, settings),
            seed=params.seed,
            data_digest=None,
            command=params.command("weights", "import", name, *(path.as_posix() for path in files)),
        ),
    }
    write_json(out / "train.json", record)
    return out


def _require_finite(method: Method, name: str, files: Sequence[Path]) -> None:
    damaged = [key for key, value in method.state_dict().items() if not bool(torch.isfinite(value).all())]
    if damaged:
        more = f" and {len(damaged) - 3} more" if len(damaged) > 3 else ""
        raise WeightsError(
            f"{', '.join(map(str, files))} cannot be used for '{name}': NaN or infinite values in {', '.join(damaged[:3])}{more}. "
            "The file is damaged, or the training that made it diverged: fetch it again, or take an earlier checkpoint."
        )


def read_state(path: Path) -> Mapping[str, Any]:
    """Reads a state dict without running any code that the file may hold.

    Raises:
        WeightsError: the file is missing, is no file of weights, or holds objects other than tensors and plain data.
    """
    if not path.is_file():
        raise WeightsError(f"{path} does not exist.")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise WeightsError(f"{path} is damaged or no file of weights: {error}") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds more than tensors and plain data, and reading it could run code. Convert it on a machine you can spare: "
            "torch.load(..., weights_only=False), then safetensors.torch.save_file of its state dict."
        ) from error
    for key in NESTED:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping):
        raise WeightsError(f"{path} holds a {type(state).__name__}, not a state dict.")
    return state
