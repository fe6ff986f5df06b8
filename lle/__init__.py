"""Low-light image enhancement: train, compare and deploy.

`import lle` costs nothing; each public name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lle.engine.method import Method
    from lle.engine.model_io import load_model
    from lle.infer.shipped import Enhancer
    from lle.project import Project
    from lle.registry import create as create_method
    from lle.registry import list_methods
    from lle.zoo import list_zoo

    __version__: str

__all__ = ["Enhancer", "Method", "Project", "__version__", "create_method", "list_methods", "list_zoo", "load_model"]

_PLACES = {
    "Enhancer": ("lle.infer.shipped", "Enhancer"),
    "Method": ("lle.engine.method", "Method"),
    "Project": ("lle.project", "Project"),
    "create_method": ("lle.registry", "create"),
    "list_methods": ("lle.registry", "list_methods"),
    "list_zoo": ("lle.zoo", "list_zoo"),
    "load_model": ("lle.engine.model_io", "load_model"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = _version()
    elif name in _PLACES:
        import importlib

        module, attribute = _PLACES[name]
        value = getattr(importlib.import_module(module), attribute)
    else:
        raise AttributeError(f"module 'lle' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _version() -> str:
    """Returns the installed version; that of pyproject.toml where the folder is used without being installed."""
    import importlib.metadata
    import tomllib
    from pathlib import Path

    try:
        return importlib.metadata.version("lle-suite")
    except importlib.metadata.PackageNotFoundError:
        project = Path(__file__).parent.parent / "pyproject.toml"
        if not project.is_file():
            return "unknown"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
