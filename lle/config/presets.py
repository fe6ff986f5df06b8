"""Presets against what stands beside them: a preset called `paper` must not be a mixture without anybody noticing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lle import registry
from lle.config.load import read_values


class Departure(NamedTuple):
    """A key of a method that is written beside a preset and differs from it.

    Attributes:
        method: its id.
        preset: the preset that the section names.
        key: of the section.
        written: the value that counts.
        preset_value: what the preset has, or the default.
    """

    method: str
    preset: str
    key: str
    written: Any
    preset_value: Any

    def __str__(self) -> str:
        return f"methods.{self.method}.{self.key}: {self.written} is written beside preset {self.preset}, which has {self.preset_value}"


def departures(path: Path = Path("params.yaml"), overrides: Iterable[str] = (), method: str | None = None) -> Iterator[Departure]:
    """Yields what written keys change of the presets that they stand beside.

    Written keys win over presets, in the file as with `-S`; `-S methods.METHOD.preset=NAME` alone drops the file's.

    Args:
        path: the settings file, which is valid.
        overrides: in the grammar of `-S`.
        method: the only one that is looked at; None looks at all.
    """
    for name, section in (read_values(path, overrides).get("methods") or {}).items():
        if name not in registry.packages() or not isinstance(section, dict) or method not in (None, name):
            continue
        config = registry.config_class(name)
        chosen = config(**section)
        pure = config(preset=chosen.preset)
        for key in section:
            ours, theirs = getattr(chosen, key), getattr(pure, key)
            if ours != theirs:
                yield Departure(name, chosen.preset, key, ours, theirs)
