"""Trained models on disk: a folder with `method.json` (what it is) and `model.safetensors` (its weights).

Neither file can run code when it is read. A method without weights, such as gamma correction, has `method.json` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from lle import registry
from lle.engine.method import Method
from lle.errors import WeightsError
from lle.files import atomic_path, read_json, write_json

WEIGHTS = "model.safetensors"
DESCRIPTION = "method.json"


def has_weights(method: Method) -> bool:
    """Says whether a method is incomplete without a file of weights: it is trained, or has parameters."""
    return method.trained or next(iter(method.parameters()), None) is not None


def begun_since(name: str, models: Path, scratch: Path | None = None) -> Path | None:
    """Returns the folder of a training that was begun after a model was made, and has not ended; None where there is none.

    Args:
        name: the method's id.
        models: trained models.
        scratch: resume checkpoints; None takes the folder `scratch` beside `models`.
    """
    made = models / name / DESCRIPTION
    if not made.is_file():
        return None
    folders = (scratch or models.parent / "scratch").glob(f"{name}-{'[0-9a-f]' * 16}")
    since = [folder for folder in folders if folder.stat().st_mtime_ns > made.stat().st_mtime_ns]
    return since[0] if since else None


def save_model(
    method: Method,
    name: str,
    folder: Path,
    settings: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Writes a model folder; each file appears whole or not at all, the description last.

    Args:
        method: the model, on any device.
        name: the method's id.
        folder: made when it does not exist; other files in it are left alone.
        settings: the method's full settings; None takes those it was built with.
        extra: more keys of `method.json`, for example `{"imported": True}`, which is false otherwise.

    Raises:
        WeightsError: the state holds something other than tensors.
        LleError: the folder cannot be written.
    """
    if has_weights(method):
        state = method.state_dict()
        strange = [key for key, value in state.items() if not isinstance(value, torch.Tensor)]
        if strange:
            raise WeightsError(f"method '{name}' keeps {', '.join(strange)} in its state, which is no tensor. Use a buffer.")
        # safetensors refuses tensors that share memory (tied weights) or have gaps, so each is copied on its own.
        tensors = {key: value.detach().to("cpu", copy=True).contiguous() for key, value in state.items()}
        with atomic_path(folder / WEIGHTS) as temporary:
            save_file(tensors, temporary)
    values = method.config.model_dump(mode="json") if settings is None else dict(settings)
    write_json(folder / DESCRIPTION, {"imported": False, **(extra or {}), "method": name, "settings": values})


def load_model(folder: Path, settings: Mapping[str, Any] | None = None, weights: Path | None = None) -> Method:
    """Builds the method that a model folder describes and fills it with the folder's weights.

    Args:
        folder: holds `method.json` and, for methods with weights, `model.safetensors`.
        settings: values that replace the saved ones.
        weights: another file of weights in our own naming; None takes the folder's.

    Returns:
        The method on the CPU, in evaluation mode.

    Raises:
        WeightsError: a file is missing or damaged, or the weights do not fit the network.
        LleError: `method.json` names a method that is not installed.
    """
    folder = Path(folder)
    if not (folder / DESCRIPTION).is_file():
        raise WeightsError(
            f"{folder} holds no trained model ({DESCRIPTION} is missing). "
            f"Train it with `lle train {folder.name}`; `lle zoo` lists weights that come with the package."
        )
    description = read_json(folder / DESCRIPTION)
    if not isinstance(description, dict) or not {"method", "settings"} <= description.keys():
        raise WeightsError(f"{folder / DESCRIPTION} must hold the keys 'method' and 'settings'. Train the model again.")
    name = description["method"]
    if settings and "preset" in settings:
        raise WeightsError(f"the preset of a trained model is fixed: {folder} was trained with '{description['settings'].get('preset')}'.")
    try:
        method = registry.create(name, {**description["settings"], **(settings or {})})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
        raise WeightsError(
            f"the settings in {folder / DESCRIPTION} do not fit method '{name}' as installed ({problems}). "
            f"Train it again with `lle train {name}`."
        ) from error
    if has_weights(method):
        load_weights(method, weights or folder / WEIGHTS, name)
    elif weights is not None:
        raise WeightsError(f"method '{name}' has no weights; {weights} cannot be loaded into it.")
    return method.eval()


def load_weights(method: Method, path: Path, name: str) -> None:
    """Fills a method with weights in our own naming.

    Args:
        method: the model to fill.
        path: a safetensors file.
        name: the method's id, for messages.

    Raises:
        WeightsError: the file is missing or damaged, or its tensors do not fit.
    """
    if not path.is_file():
        raise WeightsError(
            f"the weights of '{name}' are missing: {path}. Train them with `lle train {name}`, or fetch them with `dvc pull` "
            "where a DVC remote is set up."
        )
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or no safetensors file ({error}). Train again with `lle train {name}`.") from error
    own = method.state_dict()
    missing = sorted(own.keys() - state.keys())
    unexpected = sorted(state.keys() - own.keys())
    reshaped = [
        f"{key} is {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in sorted(own.keys() & state.keys())
        if state[key].shape != own[key].shape
    ]
    problems = [
        *([f"missing: {_some(missing)}"] if missing else []),
        *([f"unexpected: {_some(unexpected)}"] if unexpected else []),
        *([_some(reshaped)] if reshaped else []),
    ]
    if problems:
        raise WeightsError(
            f"{path} does not fit method '{name}' with its settings ({'; '.join(problems)}). "
            f"Train it again with `lle train {name}`; weights in their authors' naming go through `lle weights import {name} FILE`."
        )
    method.load_state_dict(state)


def _some(words: list[str], most: int = 3) -> str:
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest} more" if rest > 0 else "")
