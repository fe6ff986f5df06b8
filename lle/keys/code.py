"""The code that Python would import, and the part of it that is a method's."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from lle import registry
from lle.config.base import MethodConfig
from lle.errors import WeightsError
from lle.files import read_json
from lle.keys.closure import Graph
from lle.keys.source import Source
from lle.metrics.registry import declared


def tops() -> set[str]:
    """Returns the top-level packages whose code is followed: this one, and those of plug-ins."""
    return {package.partition(".")[0] for package in ("lle", *registry.packages().values(), *declared())}


@functools.lru_cache(maxsize=1)
def installed() -> Graph:
    """Returns the code that Python would import; read once a process."""
    return Graph(Source(), tops())


def model_code(description: Path) -> str:
    """Returns the digest of the code of the method that a model folder's `method.json` describes.

    Raises:
        WeightsError: the method is gone, or has other settings now.
    """
    model = read_json(description)
    name = model["method"]
    try:
        settings = registry.config_class(name)(**model["settings"])
    except ValidationError as error:
        raise WeightsError(f"{description} does not fit method '{name}' as it is now. Train it again with `lle train {name}`.") from error
    return method_code(name, settings)


def method_code(name: str, settings: MethodConfig | None = None, entries: Sequence[str] = ()) -> str:
    """Returns the digest of a method's code, with that of methods that its settings name.

    Args:
        name: the method's id.
        settings: None takes the defaults.
        entries: further code that counts, as `module:name`.
    """
    own = registry.config_class(name)() if settings is None else settings
    home = registry.package(name)
    named = [one for one in own.inputs() if one.kind == "method"]
    inner = [f"{registry.package(one.name)}.{part}" for one in named for part in ("method", "config:Config")]
    return installed().digest([f"{home}.method", f"{home}.config:Config", *inner, *entries])
