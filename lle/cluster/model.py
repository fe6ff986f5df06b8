"""A model that travels: its files go along, so that a worker on another machine needs no folder of this one."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lle.engine.model_io import DESCRIPTION
from lle.files import digest
from lle.infer.backends import is_exported

if TYPE_CHECKING:
    from lle.infer.shipped import Enhancer


@dataclass(frozen=True)
class PackedModel:
    """What `Enhancer.load` needs, with the files.

    Attributes:
        name: a method's id, or the name of the folder or file among `files`.
        settings: that replace those of the model or the default ones.
        tile: see `lle.infer.enhancer.Enhancer`.
        device: see `lle.infer.enhancer.Enhancer`.
        backend: library that runs an exported file.
        threads: of the processor.
        files: contents by relative path; none for a method that needs no model.
    """

    name: str
    settings: Mapping[str, Any] | None = None
    tile: int | None = None
    device: str = "cpu"
    backend: str | None = None
    threads: int = 1
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def pack(cls, place: str | Path, **options: Any) -> PackedModel:
        """Reads a model.

        Args:
            place: what `lle.infer.shipped.locate` returns: a method's id, a model folder, or a file.
            options: the other attributes.
        """
        if isinstance(place, str):
            return cls(place, **options)
        if place.is_dir():
            found = [path for path in sorted(place.rglob("*")) if path.is_file()]
            return cls(
                place.name, files={f"{place.name}/{path.relative_to(place).as_posix()}": path.read_bytes() for path in found}, **options
            )
        # An exported file may have its weights in a second one of the same name; a safetensors file is described by the one beside it.
        parts = [path for path in place.parent.iterdir() if path.name.startswith(place.stem)]
        beside = parts if is_exported(place) else [place, place.parent / DESCRIPTION]
        return cls(place.name, files={path.name: path.read_bytes() for path in sorted(beside) if path.is_file()}, **options)

    @property
    def digest(self) -> str:
        """Says of two models whether they make the same pictures: name, settings and contents of files."""
        return digest([self.name, dict(self.settings or {}), {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()}])

    def load(self) -> Enhancer:
        """Returns the enhancer.

        Raises:
            LleError: see `Enhancer.load`.
        """
        from lle.infer.shipped import Enhancer

        with tempfile.TemporaryDirectory(prefix="lle-model-") as folder:
            for name, data in self.files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            place = Path(folder) / self.name if self.files else self.name
            return Enhancer.load(place, self.settings, self.tile, self.device, Path(folder), self.backend, self.threads)
