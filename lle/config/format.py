"""Writes settings as YAML with a comment on every key, taken from the model, so that no comment can lie."""

from __future__ import annotations

import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel

from lle.config.docs import key_docs

WIDTH = 110
HEAD = """\
# yaml-language-server: $schema=params.schema.json
# All settings. Keys that are left out take the defaults of their preset; `lle config check` explains mistakes, and
# `lle config format` writes these comments from the code.

"""


def commented(model: type[BaseModel], values: Mapping[str, Any]) -> str:
    """Returns a section of YAML, block style; keys of sections of one kind are explained in the first of them.

    Args:
        model: whose docstrings below the keys are the comments.
        values: plain data that fits the model; keys that are left out stay out.
    """
    return "\n".join(_section(model, values, 0, set())) + "\n"


def _section(model: type[BaseModel] | None, values: Mapping[str, Any], depth: int, explained: set[tuple[Any, str]]) -> Iterator[str]:
    """Yields lines; `explained` holds the keys that were explained already: sections of one kind need it once."""
    indent = "  " * depth
    for place, (key, value) in enumerate(values.items()):
        field = model.model_fields.get(key) if model is not None else None
        inner = _model(field.annotation, value) if field is not None else None
        description = _describe(model, key) or (_first(inner) if inner is not None else None)
        if depth == 0 and place:
            yield ""
        if description and (model, key) not in explained:
            explained.add((model, key))
            yield from textwrap.wrap(description, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        if isinstance(value, Mapping) and value:
            yield f"{indent}{key}:"
            members = _member(field.annotation) if field is not None and inner is None else None
            if members is None:
                yield from _section(inner, value, depth + 1, explained)
            else:
                for name, entry in value.items():
                    kind = _model(members, entry)
                    if (kind, "") not in explained:
                        explained.add((kind, ""))
                        about = _first(kind) or ""
                        yield from textwrap.wrap(about, WIDTH, initial_indent=f"{indent}  # ", subsequent_indent=f"{indent}  # ")
                    yield f"{indent}  {name}:"
                    yield from _section(kind, entry, depth + 2, explained)
        elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            yield f"{indent}{key}:"
            yield from (f"{indent}  - {item}" for item in value)
        else:
            yield f"{indent}{key}: {_scalar(value)}"


def _describe(model: type[BaseModel] | None, key: str) -> str | None:
    """Returns what is said of a key, None where nothing is."""
    if model is None or key not in model.model_fields:
        return None
    return model.model_fields[key].description or key_docs(model).get(key)


def _scalar(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True).removesuffix("...\n").strip()


def _first(model: type[BaseModel] | None) -> str | None:
    return (model.__doc__ or "").strip().partition("\n")[0] or None if model is not None else None


def _model(annotation: Any, value: Any) -> type[BaseModel] | None:
    """Returns the model behind an annotation; of several, the one whose `kind` the value names."""
    found = [m for m in _leaves(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
    if len(found) > 1 and isinstance(value, Mapping):
        found = [
            m for m in found if "kind" not in m.model_fields or value.get("kind") in typing.get_args(m.model_fields["kind"].annotation)
        ]
    return found[0] if found and isinstance(value, Mapping) else None


def _member(annotation: Any) -> Any:
    """Returns what a mapping maps to, also where a word may stand in its place."""
    parts = typing.get_args(annotation) if typing.get_origin(annotation) in (typing.Union, types.UnionType) else (annotation,)
    return next((typing.get_args(part)[1] for part in parts if typing.get_origin(part) is dict), None)


def _leaves(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _leaves(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [leaf for part in typing.get_args(annotation) for leaf in _leaves(part)]
    return [annotation] if origin is None else []
