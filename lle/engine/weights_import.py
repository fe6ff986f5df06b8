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
from lle.engine.resume import DAMAGED
from lle.errors import WeightsError
from lle.files import sha256, write_json
from lle.keys import method_code, stage_key
from lle.provenance import provenance

_UNREADABLE = (*DAMAGED, SafetensorError, OSError, MemoryError)
"""What readers of weights raise for files that are cut off, overwritten or of another kind."""
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
    states = {path.stem: read_state(path) for path in files}
    try:
        method.import_weights(states)
    except WeightsError as error:
        raise WeightsError(f"{', '.join(map(str, files))}: {error}") from error
    # Some methods rename and stack tensors of their authors; what does not fit there shows as one of these.
    except (RuntimeError, KeyError, AttributeError, TypeError, IndexError, ValueError) as error:
        raise WeightsError(f"{', '.join(map(str, files))}: these weights do not fit '{name}' ({type(error).__name__}: {error}).") from error
    _require_finite(method, name, files)
    if registry.card(name).enhances:
        _require_finite_output(method, name, files)
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


def _require_finite_output(method: Method, name: str, files: Sequence[Path]) -> None:
    """Refuses finite weights whose products overflow, which show in what they make of a picture alone."""
    ramp = torch.linspace(0, 0.5, 64).expand(1, 3, 64, 64)
    with torch.inference_mode():
        output = method.eval()(torch.cat([ramp, ramp.transpose(2, 3)]))
    if not bool(torch.isfinite(output).all()):
        raise WeightsError(
            f"{', '.join(map(str, files))} cannot be used for '{name}': its numbers are so large that a test picture becomes NaN or "
            "infinite. The file is damaged, or the training that made it diverged: fetch it again, or take an earlier checkpoint."
        )


def read_state(path: Path) -> Mapping[str, Any]:
    """Reads a state dict without running any code that the file may hold.

    Raises:
        WeightsError: the file is missing, is no file of weights, or holds objects other than tensors and plain data.
    """
    if not path.is_file():
        raise WeightsError(f"{path} is a folder; name the file of weights in it." if path.is_dir() else f"{path} does not exist.")
    if (reason := _no_weights(path)) is not None:
        raise WeightsError(f"{path} {reason}")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        # What torch says of a pickle that names code; its advice is to run that code, so its words are not passed on.
        if isinstance(error, pickle.UnpicklingError) and any(word in str(error) for word in ("Unsupported global", "Unsupported class")):
            raise WeightsError(
                f"{path} holds more than tensors and plain data, and reading it could run code, so it was not read. Ask its authors for "
                "the state dict alone, as a .safetensors file or as what `torch.save(network.state_dict(), ...)` writes."
            ) from error
        raise WeightsError(f"{path} is damaged, or no file of weights of PyTorch or safetensors. Fetch it again.") from error
    for key in NESTED:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping):
        raise WeightsError(f"{path} holds a {type(state).__name__}, not a state dict.")
    if not all(isinstance(key, str) for key in state):
        raise WeightsError(f"{path} holds a table whose keys are no names, not a state dict.")
    return state


def _no_weights(path: Path) -> str | None:
    """Says what a file is that a failed download left in place of weights; None for what may be weights."""
    with path.open("rb") as stream:
        head = stream.read(1024)
    if not head.strip(b"\0"):
        return "is empty: fetch it again." if not head else "holds nothing but zeros: fetch it again."
    if head.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the file it stands for. Get that with `git lfs pull`, or download it from the project's page."
    if head.lstrip()[:1] == b"<" or b"<html" in head.lower():
        return "is a web page, which a server sent in place of the file (a quota or a log-in). Download it again in a browser."
    if not any(byte < 9 or 13 < byte < 32 or byte > 126 for byte in head):
        return f"is a text, not weights. It begins with '{head.decode().strip().splitlines()[0][:60]}'. Download it again."
    return None
