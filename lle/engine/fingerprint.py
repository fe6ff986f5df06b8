"""Hashes of code: what a result depends on, comments and docstrings left out.

The fingerprint of a module is the hash of the syntax trees of all modules of this package that it imports, directly or
not, also inside functions. Renaming a comment changes nothing; changing a shared loss changes every method that uses it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from lle import registry
from lle.config.base import MethodConfig
from lle.errors import LleError
from lle.files import write_json

ROOT = Path(__file__).parent.parent.parent
SECTIONS = ROOT / "lle" / "report" / "sections"
# These read, name and check settings, whose values are dependencies of their own.
NEUTRAL = {
    "lle",  # names where the public names are, and so would lead to everything
    "lle.errors",
    "lle.files",
    "lle.registry",
    "lle.config.schema",
    "lle.config.load",
    "lle.config.data",
    "lle.config.clip",
    "lle.config.study",
    "lle.config.judge",
}
# What is not a method but changes results: names of the fingerprint files and the modules behind them.
TOOLS = {
    "_clip": ("lle.clip.small_clip",),
    "_prompts": ("lle.clip.prompt_report",),
    "_prepare": ("lle.data.prepare",),
    "_evaluate": ("lle.measure.method", "lle.infer.enhancer"),
    "_costs": ("lle.measure.counts", *(f"lle.methods.{path.parent.name}.method" for path in sorted(registry.METHODS.glob("*/method.py")))),
    "_profile": ("lle.measure.method", "lle.measure.cost"),
    "_judge": ("lle.segmentation.judge",),
    "_segment": ("lle.segmentation.in_the_dark",),
    "_attention": ("lle.measure.attention",),
    "_composite": ("lle.measure.composite",),
    "_throughput": ("lle.measure.speed", "lle.methods.zero_dce.method"),
    # Sections of the report are found by their place, not imported by name.
    "_report": ("lle.report.build", *(f"lle.report.sections.{path.stem}" for path in sorted(SECTIONS.glob("[a-z]*.py")))),
}


def fingerprint(modules: Iterable[str], root: Path = ROOT) -> str:
    """Returns the fingerprint of modules and all they import from their own top-level package.

    Args:
        modules: dotted names.
        root: folder that holds the package.

    Raises:
        LleError: a module does not exist or is not valid Python.
    """
    parts = {name: _digest(_file(root, name) or _missing(name)) for name in closure(modules, root)}
    return hashlib.sha256("".join(f"{name}:{parts[name]}\n" for name in sorted(parts)).encode()).hexdigest()


def closure(modules: Iterable[str], root: Path = ROOT) -> set[str]:
    """Returns the dotted names of the modules that the given ones import from their own package, themselves included."""
    todo, seen = list(modules), set()
    while todo:
        name = todo.pop()
        if name in seen or name in NEUTRAL:
            continue
        seen.add(name)
        path = _file(root, name)
        if path is None:
            _missing(name)
        else:
            todo += [found for found in _imports(path) if _file(root, found) is not None]
    return seen


def method_fingerprint(name: str, trained: bool = True, root: Path = ROOT, settings: MethodConfig | None = None) -> str:
    """Returns the fingerprint of a method: its own code, and the engine's for a method that is trained.

    Args:
        name: the method's id.
        trained: whether the engine's code counts.
        root: folder that holds the package.
        settings: its settings; methods that they name are loaded by name, so no import leads to their code.
    """
    named = [name, *(settings.uses() if settings is not None else ())]
    modules = [f"{registry.package(each)}.{module}" for each in named for module in ("method", "config")]
    return fingerprint([*modules, *(["lle.engine.train"] if trained else [])], root)


def tool_fingerprint(name: str, root: Path = ROOT) -> str:
    """Returns the fingerprint of a tool, one of the keys of `TOOLS`."""
    return fingerprint(TOOLS[name], root)


def write_fingerprints(folder: Path, settings: Mapping[str, MethodConfig], root: Path = ROOT) -> None:
    """Writes one JSON file a method and a tool.

    Args:
        folder: receives `<id>.json`; files of methods that are gone are removed.
        settings: by method.
        root: folder that holds the package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        name: method_fingerprint(name, registry.card(name).supervision != "classical", root, section) for name, section in settings.items()
    }
    values |= {name: tool_fingerprint(name, root) for name in TOOLS}
    for stale in folder.glob("*.json"):
        if stale.stem not in values:
            stale.unlink()
    for name, value in values.items():
        write_json(folder / f"{name}.json", {"fingerprint": value})


def _missing(name: str) -> Path:
    raise LleError(f"there is no module {name}.")


@functools.lru_cache(maxsize=4096)
def _file(root: Path, name: str) -> Path | None:
    stem = root.joinpath(*name.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


@functools.cache
def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise LleError(f"{path}, line {error.lineno}: {error.msg}") from error


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    found: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return tuple(sorted(found))


@functools.cache
def _digest(path: Path) -> str:
    tree = _Bare().visit(ast.parse(path.read_text(encoding="utf-8")))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


class _Bare(ast.NodeTransformer):
    """Removes docstrings, of attributes too: expression statements that are only a string."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | ast.Pass:
        """Replaces a string statement by `pass`."""
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Pass()
        return node
