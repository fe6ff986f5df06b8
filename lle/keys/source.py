"""Modules as they stand in files: their definitions, what each of them names, and how they are found.

Nothing is imported. A module is found below the place that the import system gives for its top-level package, so an
installed plug-in counts like a folder of this project.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lle.errors import LleError

VALIDATORS = {"model_validator", "field_validator", "validator", "root_validator", "field_serializer", "model_serializer"}
"""Decorators of what only shapes the values of settings; these values count themselves."""


@dataclass(frozen=True)
class Import:
    """What a name is bound to by an import: a module, or `name` of it; `name` is None for the module itself."""

    module: str
    name: str | None = None


@dataclass
class Module:
    """A module, taken apart.

    Attributes:
        name: dotted name.
        path: its file.
        definitions: the statements that bind each top-level name; those of an import are in `imports`.
        imports: names bound by imports, also those for type checkers.
        loads: modules that are imported when this one is.
        effects: top-level statements that do something when the module is loaded, and definitions that a decorator of
            this project registers somewhere.
        stars: modules all of whose names are imported.
    """

    name: str
    path: Path
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)
    loads: list[str] = field(default_factory=list)
    effects: list[ast.stmt] = field(default_factory=list)
    stars: list[str] = field(default_factory=list)

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @property
    def is_settings(self) -> bool:
        """Whether its classes are settings: `lle.config`, and the `config.py` beside a `method.py`."""
        own = self.name.startswith("lle.config.") or (self.name.endswith(".config") and self.path.with_name("method.py").is_file())
        return own and self.path.name != "__init__.py"


class Source:
    """The files behind dotted names.

    Args:
        roots: folder of a top-level package, by its name, in place of the one that the import system finds.
        overlay: text in place of a file's, by path; None stands for a file that is gone.
    """

    def __init__(self, roots: Mapping[str, Path] | None = None, overlay: Mapping[Path, str] | None = None) -> None:
        self.roots = dict(roots or {})
        self.overlay = dict(overlay or {})
        self._modules: dict[str, Module | None] = {}
        self._folders: dict[str, tuple[Path, ...]] = {}

    def text(self, path: Path) -> str:
        """Returns the text of a file."""
        return self.overlay[path] if path in self.overlay else path.read_text(encoding="utf-8")

    def find(self, name: str) -> Path | None:
        """Returns the file of a module, or None where there is none, or no source."""
        top, *rest = name.split(".")
        for folder in self._top(top):
            stem = folder.joinpath(*rest)
            candidates = (stem / "__init__.py",) if not rest else (stem.with_name(f"{stem.name}.py"), stem / "__init__.py")
            for path in candidates:
                if path in self.overlay or path.is_file():
                    return path
        return None

    def module(self, name: str) -> Module | None:
        """Returns a module, or None where there is none."""
        if name not in self._modules:
            path = self.find(name)
            self._modules[name] = None if path is None else _parsed(name, path, self.text(path))
        return self._modules[name]

    def _top(self, name: str) -> tuple[Path, ...]:
        if name not in self._folders:
            if name in self.roots:
                self._folders[name] = (self.roots[name],)
            else:
                spec = importlib.util.find_spec(name)
                self._folders[name] = tuple(map(Path, spec.submodule_search_locations or ())) if spec is not None else ()
        return self._folders[name]


@functools.lru_cache(maxsize=4096)
def _parsed(name: str, path: Path, text: str) -> Module:
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise LleError(f"{path}, line {error.lineno}: {error.msg}") from error
    module = Module(name, path)
    for statement in tree.body:
        _add(module, statement)
    return module


def _add(module: Module, statement: ast.stmt) -> None:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        for bound, found in bindings(statement, module.package):
            if bound == "*":
                module.stars.append(found.module)
            else:
                module.imports[bound] = found
            module.loads += [found.module, *([f"{found.module}.{found.name}"] if found.name else [])]
        return
    if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
        for inner in statement.body:
            if isinstance(inner, ast.Import | ast.ImportFrom):
                module.imports |= {bound: found for bound, found in bindings(inner, module.package) if bound != "*"}
        return
    if is_text(statement) or isinstance(statement, ast.Pass):
        return
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        module.definitions.setdefault(statement.name, []).append(statement)
        if any(_registers(module, decorator) for decorator in statement.decorator_list):
            module.effects.append(statement)
        return
    names = list(_bound(statement))
    for bound in names:
        module.definitions.setdefault(bound, []).append(statement)
    for node in ast.walk(statement) if isinstance(statement, ast.If | ast.Try | ast.With) else ():
        if isinstance(node, ast.Import | ast.ImportFrom):
            module.imports |= {bound: found for bound, found in bindings(node, module.package) if bound != "*"}
            module.loads += [found.module for _, found in bindings(node, module.package)]
    if not names or isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
        module.effects.append(statement)


def _registers(module: Module, decorator: ast.expr) -> bool:
    """Whether a decorator is of a followed package: it may put what it decorates into a table."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    while isinstance(target, ast.Attribute):
        target = target.value
    if not isinstance(target, ast.Name):
        return True
    bound = module.imports.get(target.id)
    return target.id in module.definitions if bound is None else bound.module.partition(".")[0] == module.name.partition(".")[0]


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yields the names that a statement binds at top level."""
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
            if isinstance(target, ast.Name | ast.Tuple | ast.List | ast.Starred):
                yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
    elif isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
        for node in ast.walk(statement):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield node.name
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def bindings(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Import]]:
    """Yields the names that an import binds, and what to; `*` for all of a module."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            yield (
                (alias.asname, Import(alias.name)) if alias.asname else (alias.name.partition(".")[0], Import(alias.name.partition(".")[0]))
            )
            if not alias.asname and "." in alias.name:
                yield alias.name, Import(alias.name)  # so that the submodule is loaded; no name has a dot in it
        return
    base = statement.module or ""
    if statement.level:
        parts = package.split(".")
        base = ".".join([*parts[: len(parts) - statement.level + 1], *([statement.module] if statement.module else [])])
    for alias in statement.names:
        yield alias.asname or alias.name, Import(base, None if alias.name == "*" else alias.name)


def is_text(statement: ast.AST) -> bool:
    """Whether a statement is a docstring, also that of an attribute."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)


def strip(statement: ast.stmt) -> list[ast.AST]:
    """Takes from a statement what changes no result: docstrings, annotations of functions, messages of errors.

    Returns:
        All nodes of it. An argument and a function keep their annotation as `noted`.
    """
    todo: list[ast.AST] = [statement]
    for node in todo:  # which grows
        if isinstance(node, ast.arg):
            if not hasattr(node, "noted"):
                node.noted, node.annotation = node.annotation, None  # type: ignore[attr-defined]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not hasattr(node, "noted"):
                node.noted, node.returns = node.returns, None  # type: ignore[union-attr]
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name(node.exc.func).endswith("Error"):
            node.exc.args, node.exc.keywords = [], []
        for name in node._fields:
            value = getattr(node, name)
            if isinstance(value, list):
                for place, one in enumerate(value):
                    if isinstance(one, ast.AST):
                        if is_text(one):
                            value[place] = one = ast.Pass()
                        todo.append(one)
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                todo.append(value)
    return todo


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def digest_of(node: ast.AST) -> str:
    """Returns the SHA-256 of a syntax tree, wherever it stands in its file."""
    return hashlib.sha256(_dump(node).encode()).hexdigest()


def _dump(node: ast.AST) -> str:
    """Returns what `ast.dump` of Python 3.11 does, in a third of the time and with every Python."""
    kind = type(node)
    values = []
    for name, optional in _fields(kind):  # type: ignore[arg-type]
        value = getattr(node, name)
        if isinstance(value, ast.AST):
            values.append(f"{name}={_dump(value)}")
        elif isinstance(value, list):
            if kind is ast.JoinedStr:
                value = [one for one in value if not (isinstance(one, ast.Constant) and one.value == "")]  # Python 3.12.1 has empty ones
            values.append(f"{name}=[{', '.join([_dump(one) if isinstance(one, ast.AST) else repr(one) for one in value])}]")
        elif value is not None or not optional:
            values.append(f"{name}={value!r}")
    return f"{kind.__name__}({', '.join(values)})"


@functools.cache
def _fields(kind: type[ast.AST]) -> tuple[tuple[str, bool], ...]:
    # `type_params` came with Python 3.12. No code that runs on 3.11 has any, and their empty list must not change a key.
    return tuple((name, getattr(kind, name, ...) is None) for name in kind._fields if name != "type_params")
