"""Reads `params.yaml`, applies overrides, and explains what is wrong with it."""

from __future__ import annotations

import codecs
import copy
import functools
import re
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from lle import registry
from lle.config.schema import BaseParams, params_model
from lle.errors import ConfigError, did_you_mean, first_line


def load_params(path: Path = Path("params.yaml"), overrides: Iterable[str] = ()) -> BaseParams:
    """Reads and checks the settings.

    Args:
        path: the file.
        overrides: in the grammar of `dvc exp run -S`: `a.b=value` sets, `+a.b=value` adds, `~a.b` removes.

    Raises:
        ConfigError: the file is missing, is not YAML or has a key twice, or a key is unknown or of the wrong type; all faults are named.
    """
    overrides = tuple(overrides)
    values = read_values(path, overrides)
    try:
        params = params_model()(**values)
    except ValidationError as error:
        raise ConfigError(f"{path}:\n" + explain(error, params_model())) from error
    own = ("--params", Path(path).as_posix()) if Path(path).resolve() != Path("params.yaml").resolve() else ()
    params._options = (*own, *(word for override in overrides for word in ("-S", override)))
    return params


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Refuses a key that is written twice, of which YAML would silently take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Builds a mapping."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                if key.value in lines:
                    raise ConfigError(
                        f"line {line}: the key '{key.value}' is written twice, first in line {lines[key.value]}. Remove one of them."
                    )
                lines[key.value] = line
        return super().construct_mapping(node, deep)


def read_values(path: Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Reads the settings as they are written, with overrides applied; whether they are valid is not looked at.

    Raises:
        ConfigError: the file is missing, is not YAML or has a key twice, or an override is malformed.
    """
    try:
        values = copy.deepcopy(_parsed(_decoded(Path(path).read_bytes())))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist. Run this in the folder of the project, or name the file with --params.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}. Name the settings file with --params.") from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid YAML: {_yaml_fault(error)}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}, {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold sections such as `suite:` and `train:`.")
    overrides = tuple(overrides)
    for override in overrides:
        _leave_preset(values, override)
    for override in overrides:
        _override(values, override)
    return values


def _decoded(data: bytes) -> str:
    """Reads text in UTF-8, or in UTF-16 where it begins with its mark.

    Raises:
        ConfigError: it is in another encoding; the first line in doubt is named.
    """
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"line {number}: this is not UTF-8. Save the file as UTF-8.") from error


def _yaml_fault(error: Exception) -> str:
    """Says in one line what a YAML parser found wrong; some broken values end in other errors than its own."""
    mark = getattr(error, "problem_mark", None)
    told = getattr(error, "problem", None) or first_line(error)
    return f"{told} (line {mark.line + 1}, column {mark.column + 1})." if mark is not None else f"{told}."


@functools.lru_cache(maxsize=4)
def _parsed(text: str) -> Any:
    """Parses the file; a study reads it once a variant."""
    return yaml.load(text, Loader=_Loader)


def _leave_preset(values: dict[str, Any], override: str) -> None:
    """Drops the keys of a method that were written beside another preset: `preset=paper` is the paper, not a mixture."""
    match = re.match(r"\+?methods\.(\w+)\.preset=(.*)", override)
    section = (values.get("methods") or {}).get(match[1]) if match is not None else None
    if match is None or not isinstance(section, dict) or match[1] not in registry.packages():
        return
    try:
        chosen = parse_value(match[2])
    except yaml.YAMLError:
        return  # which is told where the override is applied
    if chosen != section.get("preset", registry.config_class(match[1]).model_fields["preset"].default):
        section.clear()


def training_data(name: str, path: Path, overrides: Iterable[str] = ()) -> tuple[str, ...]:
    """Returns the overrides with which everything is trained on a data set.

    Args:
        name: a section of `data`, or a set of the catalog, which gets a section.
        path: the settings file.
        overrides: those that are given beside, in the grammar of `-S`.

    Raises:
        ConfigError: there is no such data set; the message names the nearest one.
    """
    from lle.data.catalog import entries

    values = read_values(path, overrides)
    sections, suite = values.get("data") or {}, values.get("suite") or {}
    if name not in sections and name not in entries():
        near = did_you_mean(name, [*sections, *entries()])
        raise ConfigError(f"there is no data set '{name}' in {path} or the catalog.{near} `lle datasets` lists them.")
    added = [] if name in sections else [f"+data.{name}.kind=catalog"]
    prepared = list(suite.get("prepare") or [])
    if name not in prepared:
        added.append(f"suite.prepare=[{','.join([*prepared, name])}]")
    return (*added, f"train.data={name}")


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Returns one line a fault: the dotted path of the key, what is wrong, and the nearest known key."""
    lines = []
    for fault in error.errors():
        keys, known = _walk(model, fault["loc"])
        path = ".".join(keys)
        if fault["type"] == "extra_forbidden":
            lines.append(f"  {path}: unknown key.{did_you_mean(keys[-1], known)} Known here: {', '.join(sorted(known))}.")
        else:
            message = "must be finite" if fault["type"] == "finite_number" else fault["msg"].removeprefix("Value error, ")
            if fault["type"] == "literal_error":
                message += "." + did_you_mean(str(fault["input"]), re.findall(r"'([^']*)'", fault["ctx"]["expected"]))
            value = f" (it is {fault['input']!r})" if path and fault["type"] != "missing" else ""
            lines.append(f"  {path or 'settings'}: {message}{value}")
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
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise ConfigError(f"-S {override}: the value is not valid YAML: {_yaml_fault(error)}") from error


def parse_value(text: str) -> Any:
    """Parses a YAML value; unlike YAML 1.1, `1e-4` is a number, as it is for DVC."""
    value = yaml.safe_load(text)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _walk(annotation: Any, location: Sequence[Any]) -> tuple[list[str], set[str]]:
    """Follows pydantic's location of a fault through the model.

    Returns:
        The keys as they stand in the file (a location also names the member of a union), and the keys known beside the last one.
    """
    keys: list[str] = []
    known: set[str] = set()
    for part in map(str, location):
        annotation = _bare(annotation)
        if typing.get_origin(annotation) in (typing.Union, types.UnionType):
            members = [member for member in map(_bare, typing.get_args(annotation)) if _is_model(member)]
            named = [member for member in members if part in _kinds(member)]
            annotation = (named or members or [None])[0]
            if named:
                continue
        if _is_model(annotation):
            known = set(annotation.model_fields)
            field = annotation.model_fields.get(part)
            annotation = field.annotation if field is not None else None
        elif typing.get_origin(annotation) is dict:
            known, annotation = set(), typing.get_args(annotation)[1]
        else:
            known, annotation = set(), None
        keys.append(part)
    return keys, known


def _bare(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _kinds(model: type[BaseModel]) -> tuple[str, ...]:
    field = model.model_fields.get("kind")
    return typing.get_args(field.annotation) if field is not None else ()
