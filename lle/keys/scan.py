"""What statements use: the names of definitions and modules that lead on from them, and the data files they read."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lle.keys.source import Import, Module, bindings, digest_of, strip

if TYPE_CHECKING:
    from lle.keys.closure import Graph

Target = tuple[str, str]
"""Module, and the name of a definition; `*` is all of the module, `!` what happens when it is loaded.

Of a settings class there are several: `Name` where an object is used, `Name#` where the class is, `Name()` where an object is
built with defaults, `Name.member` for a method, property or class variable.
"""


@dataclass
class Part:
    """A definition: its digest, and where it leads.

    Attributes:
        digest: of its bare syntax trees, and of the data files it names.
        names: what it uses, as (module, name).
        built: settings classes of which it makes an object.
        attributes: names of attributes that it reads.
        modules: modules that it loads by imports inside functions.
        members: of a settings class only: its methods and properties by name, or its class variables.
        reads_files: whether data files count.
    """

    digest: str = ""
    names: set[Target] = field(default_factory=set)
    built: set[Target] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    members: dict[str, Part] = field(default_factory=dict)
    reads_files: bool = False


class Scan(ast.NodeVisitor):
    """Collects what statements use."""

    def __init__(self, graph: Graph, module: Module) -> None:
        self.graph, self.module = graph, module
        self.part = Part()
        self.local: dict[str, Import] = {}
        self.texts: set[str] = set()
        self.files = False

    def of(self, statements: list[ast.stmt]) -> Part:
        """Returns the part that these statements are."""
        digests = []
        for statement in statements:
            for node in strip(statement):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    for bound, found in bindings(node, self.module.package):
                        self.local[bound] = found
                        self.part.modules |= {found.module, *([f"{found.module}.{found.name}"] if found.name else [])}
                        if bound == "*":
                            self.part.names.add((found.module, "*"))
                elif isinstance(node, ast.AnnAssign):
                    self.part.names |= self.graph.annotated(self.module, node.annotation)
                elif isinstance(node, ast.arg | ast.FunctionDef | ast.AsyncFunctionDef):
                    self.part.names |= self.graph.annotated(self.module, node.noted)  # type: ignore[union-attr]
            digests.append(digest_of(statement))
            self.visit(statement)
        self.part.modules = {name for name in self.part.modules if not self.graph.skipped(name) and self.graph.source.module(name)}
        own = self.graph.data_files(self.module, self.texts) if self.files else ""
        self.part.reads_files = self.files
        self.part.digest = hashlib.sha256("\n".join([*digests, own]).encode()).hexdigest()
        return self.part

    def visit(self, node: ast.AST) -> None:
        """Looks at a node; the base class does the same, four times as slowly."""
        look = getattr(self, f"visit_{type(node).__name__}", None)
        (look or self.generic_visit)(node)

    def generic_visit(self, node: ast.AST) -> None:
        """Looks at what stands below a node."""
        for name in node._fields:
            value = getattr(node, name)
            if isinstance(value, list):
                for one in value:
                    if isinstance(one, ast.AST):
                        self.visit(one)
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                self.visit(value)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Keeps texts that may name a file."""
        if not isinstance(node.value, str) or not 0 < len(node.value) < 60 or "\n" in node.value:
            return
        if not node.value.startswith(("/", ".")) or (node.value.startswith("../") and node.value.endswith(".yaml")):
            self.texts.add(node.value)

    def visit_Name(self, node: ast.Name) -> None:
        """Follows a name; a module that is passed as a value counts as a whole."""
        self.files |= node.id in ("__file__", "files")
        dotted = self._module(node.id)
        if dotted is not None:
            self.part.names.add((dotted, "*"))
        else:
            self.part.names |= {self.graph.as_class(target) for target in self._targets(node.id)}

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Follows an attribute of a module as far as modules go."""
        self.part.attributes.add(node.attr)
        self.files |= node.attr == "files"
        chain = [node.attr]
        inner = node.value
        while isinstance(inner, ast.Attribute):
            self.part.attributes.add(inner.attr)
            chain.append(inner.attr)
            inner = inner.value
        dotted = self._module(inner.id) if isinstance(inner, ast.Name) else None
        if dotted is None:
            self.visit(inner)
            return
        self._follow(dotted, chain[::-1])

    def _follow(self, dotted: str, chain: list[str]) -> None:
        for attribute in chain:
            module = self.graph.source.module(dotted)
            assert module is not None
            targets = list(self.graph.resolve(module, attribute))
            if targets:
                self.part.names |= set(map(self.graph.as_class, targets))
                return
            further = f"{dotted}.{attribute}"
            inside = self.graph.as_module(module, {}, attribute)
            if inside is None and self.graph.source.module(further) is None:
                # A library's module, or a name that cannot be found here.
                if attribute not in module.imports:
                    self.part.names.add((dotted, "*"))
                return
            dotted = inside or further
            self.part.modules.add(dotted)
        self.part.names.add((dotted, "*"))

    def visit_Call(self, node: ast.Call) -> None:
        """Notices settings that are built here, with defaults, not from values that were saved in full (`Config(**saved)`)."""
        saved = not node.args and node.keywords and all(keyword.arg is None for keyword in node.keywords)
        if not saved:
            for target in self._called(node.func):
                if self.graph.is_settings_class(target):
                    self.part.built.add(target)
        if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr") and len(node.args) > 1:
            name = node.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                self.part.attributes.add(name.value)
        self.generic_visit(node)

    def _called(self, function: ast.expr) -> Iterable[Target]:
        if isinstance(function, ast.Name):
            return self._targets(function.id)
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            dotted = self._module(function.value.id)
            module = self.graph.source.module(dotted) if dotted is not None else None
            return self.graph.resolve(module, function.attr) if module is not None else ()
        return ()

    def _module(self, name: str) -> str | None:
        return self.graph.as_module(self.module, self.local, name)

    def _targets(self, name: str) -> Iterable[Target]:
        bound = self.local.get(name)
        if bound is None:
            return self.graph.resolve(self.module, name)
        owner = self.graph.source.module(bound.module) if bound.name is not None and not self.graph.skipped(bound.module) else None
        return list(self.graph.resolve(owner, bound.name or "")) or [(owner.name, "*")] if owner is not None else ()
