"""Reads `params.yaml`, applies overrides, and explains what is wrong with it."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from lle.config.schema import BaseParams, params_model
from lle.errors import ConfigError, did_you_mean


def load_params(path: Path = Path("params.yaml"), overrides: Iterable[str] = ()) -> BaseParams:
    """Reads and checks the settings.

    Args:
        path: the file.
        overrides: in the grammar of `dvc exp run -S`: `a.b=value` sets, `+a.b=value` adds, `~a.b` removes.

    Raises:
        ConfigError: the file is missing, is not YAML, or a key is unknown or of the wrong type; all faults are named.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist. Run this in the folder of the project, or name the file with --params.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold sections such as `suite:` and `train:`.")
    for override in overrides:
        _override(values, override)
    try:
        return params_model()(**values)
    except ValidationError as error:
        raise ConfigError(f"{path}:\n" + explain(error, params_model())) from error


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Returns one line a fault: the dotted path of the key, what is wrong, and the nearest known key."""
    lines = []
    for fault in error.errors():
        path = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            *parents, key = fault["loc"]
            known = _known_keys(model, parents)
            lines.append(f"  {path}: unknown key.{did_you_mean(str(key), known)} Known here: {', '.join(sorted(known))}.")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            lines.append(f"  {path}: {message}" + (f" (it is {fault['input']!r})" if path and fault["type"] != "missing" else ""))
    return "\n".join(lines)


def _override(values: dict[str, Any], override: str) -> None:
    remove = override.startswith("~")
    key, equals, text = override.lstrip("+~").partition("=")
    if not key or (not equals and not remove):
        raise ConfigError(f"-S {override}: write it as key=value, for example -S methods.zero_dce.lr=1e-4.")
    *parents, last = key.split(".")
    section: Any = values
    for done, part in enumerate(parents):
        section = section.setdefault(part, {}) if isinstance(section, dict) else None
        if not isinstance(section, dict):
            raise ConfigError(f"-S {override}: {'.'.join(parents[: done + 1])} is a value, not a section.")
    if remove:
        if last not in section:
            raise ConfigError(f"-S {override}: there is no key {key} to remove.{did_you_mean(last, section)}")
        del section[last]
        return
    try:
        section[last] = parse_value(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"-S {override}: the value is not valid YAML: {error}") from error


def parse_value(text: str) -> Any:
    """Parses a YAML value; unlike YAML 1.1, `1e-4` is a number, as it is for DVC."""
    value = yaml.safe_load(text)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _known_keys(annotation: Any, path: Sequence[Any]) -> set[str]:
    """Returns the keys that the settings model knows at a path; unions and mappings are looked through."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not path:
            return set(annotation.model_fields)
        field = annotation.model_fields.get(str(path[0]))
        if field is not None:
            return _known_keys(field.annotation, path[1:])
        # The tag of a union stands in the path, but is no key.
        return _known_keys(annotation, path[1:])
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is dict:
        return _known_keys(arguments[1], path[1:])
    if origin is typing.Annotated:
        return _known_keys(arguments[0], path)
    if origin in (typing.Union, types.UnionType):
        # A tagged union puts the tag first in the path, and the tag is the value of the member's `kind`.
        tagged = [m for m in arguments if path and isinstance(m, type) and issubclass(m, BaseModel) and _kind(m) == path[0]]
        return set().union(*(_known_keys(member, path) for member in tagged or arguments))
    return set()


def _kind(model: type[BaseModel]) -> Any:
    field = model.model_fields.get("kind")
    return field.default if field is not None else None
