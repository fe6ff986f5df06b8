"""Writes `params.yaml`: its comments, and all methods into its suite; and the schema that editors read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lle import registry
from lle.config.docs import WithKeyDocs
from lle.config.format import HEAD, commented
from lle.config.load import load_params, read_values
from lle.config.schema import params_model
from lle.files import write_text


def schema_text() -> str:
    """Returns the JSON schema of `params.yaml`."""
    return json.dumps(params_model().model_json_schema(schema_generator=WithKeyDocs), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def format_settings(path: Path) -> None:
    """Rewrites the settings with a comment on every key, taken from the code.

    Raises:
        ConfigError: they are not valid.
    """
    _write(path, _valid_values(path))


def add_all_methods(path: Path) -> None:
    """Puts all methods that enhance pictures into `suite.methods`, and gives those without a section their best preset.

    The stages name the section of their method, and DVC refuses a method that has none.

    Raises:
        ConfigError: the settings are not valid.
    """
    values = _valid_values(path)
    names = registry.list_methods()
    values["suite"]["methods"] = list(dict.fromkeys([*values["suite"]["methods"], *names]))
    sections = values.setdefault("methods", {})
    sections |= {name: {"preset": "recommended"} for name in names if name not in sections}
    _write(path, values)


def _valid_values(path: Path) -> dict[str, Any]:
    load_params(path)
    return read_values(path)


def _write(path: Path, values: Mapping[str, Any]) -> None:
    write_text(path, HEAD + commented(params_model(), values))
