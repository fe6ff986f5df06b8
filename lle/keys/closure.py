"""What code a stage runs: the definitions that are reached from an entry, name by name.

A definition is a top-level function, class or assignment; a class counts as one. From each, the names it uses lead on:
through imports, also inside functions, and through attributes of modules. Where that cannot be followed (`import *`, a
module passed as a value), all of a module counts. A module that is loaded counts with the statements that do something when
it is.

Classes of settings count otherwise, because the values of the settings stand in the key of a stage: their defaults, presets
and validators do not count as code, and a property or method does where reached code uses an attribute of its name. Where
code builds such a class itself, its defaults do count. Attributes read by a computed name (`getattr(config, key)`) are taken
for fields.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from lle.errors import LleError
from lle.keys.source import VALIDATORS, Import, Module, Source, bare, bindings, digest_of

HERE = __name__.rpartition(".")[0]
"""How a key is made cannot change what a stage makes; if it changes keys, it shows in them. So this package is not followed."""

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


class Graph:
    """All definitions of a source, looked at once.

    Args:
        source: the files.
        tops: top-level packages that are followed: this one, and those of plug-ins. Others are libraries.
    """

    def __init__(self, source: Source, tops: Iterable[str] = ("lle",)) -> None:
        self.source = source
        self.tops = frozenset(tops)
        self._parts: dict[tuple[str, str], Part] = {}
        self._loaded: dict[str, frozenset[str]] = {}
        self._digests: dict[tuple[tuple[str, ...], tuple[str, ...]], str] = {}

    def digest(self, entries: Iterable[str], without: Iterable[str] = ()) -> str:
        """Returns the digest of all code that entries reach.

        Args:
            entries: `module:name`, or `module` for all of one.
            without: in the same form: what the settings of a stage rule out, which is not followed.

        Raises:
            LleError: there is no such module or name, or a file is not valid Python.
        """
        asked = (tuple(entries), tuple(without))
        if asked not in self._digests:
            lines = sorted(f"{module}:{name}:{part.digest}" for (module, name), part in self.reached(*asked).items())
            self._digests[asked] = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return self._digests[asked]

    def reached(self, entries: Iterable[str], without: Iterable[str] = ()) -> dict[Target, Part]:
        """Returns the definitions that entries reach, see `digest`."""
        cut = {_target(text) for text in without}
        todo = [self._entry(text) for text in entries]
        found: dict[Target, Part] = {}
        settings: dict[Target, Part] = {}
        attributes: set[str] = set()
        loaded: set[str] = set()
        while todo:
            target = todo.pop()
            if target in found or target in cut:
                continue
            part = self._part(*target)
            found[target] = part
            for module in {target[0], *part.modules}:
                if module not in loaded:
                    loaded |= (fresh := self._loads(module) - loaded)
                    todo += [(name, "!") for name in fresh]
            if part.members:
                settings[target] = part
            todo += [*part.names, *((module, f"{name}()") for module, name in part.built)]
            if part.attributes - attributes or part.members:
                attributes |= part.attributes
                for (module, name), of in settings.items():
                    todo += [(module, f"{name}.{member}") for member in of.members if member in attributes or member.startswith("__")]
        return {target: part for target, part in found.items() if part.digest}

    def _entry(self, text: str) -> Target:
        module, name = _target(text)
        found = self.source.module(module)
        if found is None:
            raise LleError(f"there is no module {module}.")
        if name != "*" and not list(self._resolve(found, name)):
            raise LleError(f"{found.path} defines no {name}, which a stage starts from.")
        return self.as_class(next(iter(self._resolve(found, name)))) if name != "*" else (module, name)

    def _loads(self, name: str) -> frozenset[str]:
        """Returns the modules that are loaded with a module, itself included."""
        if name not in self._loaded:
            seen: set[str] = set()
            todo = [name]
            while todo:
                one = todo.pop()
                if one in seen or self._skipped(one):
                    continue
                module = self.source.module(one)
                if module is not None:
                    seen.add(one)
                    todo += module.loads
                if "." in one:
                    todo.append(one.rpartition(".")[0])
            self._loaded[name] = frozenset(seen)
        return self._loaded[name]

    def _skipped(self, name: str) -> bool:
        return name == HERE or name.startswith(f"{HERE}.") or name.partition(".")[0] not in self.tops

    def _part(self, module: str, name: str) -> Part:
        if (module, name) not in self._parts:
            found = self.source.module(module)
            self._parts[module, name] = Part() if found is None or self._skipped(module) else self._make(found, name)
        return self._parts[module, name]

    def _make(self, module: Module, name: str) -> Part:
        if name == "!":
            return self._scan(module, module.effects) if module.effects else Part()
        if name == "*":
            everything = Part(names={(module.name, one) for one in module.definitions})
            everything.names |= {target for one in module.imports for target in self._resolve(module, one)}
            return everything
        owner, _, member = name.partition(".")
        if member:
            return self._part(module.name, owner).members[member]
        plain = owner.rstrip("#()")
        statements = module.definitions[plain]
        if not self._is_settings(module, statements):
            return self._scan(module, statements)
        node = statements[0]
        assert isinstance(node, ast.ClassDef)
        bases = {target for base in node.bases for target in self._annotated(module, base)}
        if owner.endswith("()"):
            # An object has the defaults of the base classes too.
            part = self._scan(module, statements)
            part.built |= bases
            return part
        if owner.endswith("#"):
            return Part(names={(module.name, plain), *((at, f"{base}#") for at, base in bases)}, members=self._variables(module, node))
        return self._settings(module, node)

    def _is_settings(self, module: Module, statements: list[ast.stmt]) -> bool:
        return module.is_settings and isinstance(statements[0], ast.ClassDef) and bool(statements[0].bases)

    def _is_settings_class(self, target: Target) -> bool:
        module = self.source.module(target[0])
        return module is not None and target[1] in module.definitions and self._is_settings(module, module.definitions[target[1]])

    def _variables(self, module: Module, node: ast.ClassDef) -> dict[str, Part]:
        """Returns the class variables of a settings class, such as its presets."""
        found = [one for one in node.body if isinstance(one, ast.AnnAssign) and "ClassVar" in ast.unparse(one.annotation)]
        return {one.target.id: self._scan(module, [one]) for one in found if isinstance(one.target, ast.Name)}

    def as_class(self, target: Target) -> Target:
        """Returns what code uses that names a definition: of settings the class itself, with its class variables."""
        return (target[0], f"{target[1]}#") if self._is_settings_class(target) else target

    def _settings(self, module: Module, node: ast.ClassDef) -> Part:
        """Takes a settings class apart: bases and settings inside lead on, methods count where they are used, values do not."""
        part = Part()
        for base in node.bases:
            part.names |= self._annotated(module, base)
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef):
                decorators = {ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in statement.decorator_list}
                if not decorators & VALIDATORS:
                    part.members[statement.name] = self._scan(module, [statement])
            elif isinstance(statement, ast.AnnAssign) and "ClassVar" not in ast.unparse(statement.annotation):
                part.names |= self._annotated(module, statement.annotation)
        return part

    def _annotated(self, module: Module, annotation: ast.expr | None) -> set[Target]:
        """Returns the settings classes that an annotation names, also behind names such as `DataConfig`."""
        found: set[Target] = set()
        for node in ast.walk(annotation) if annotation is not None else ():
            for target in self._resolve(module, node.id) if isinstance(node, ast.Name) else ():
                if self._is_settings_class(target):
                    found.add(target)
                    continue
                owner = self.source.module(target[0])
                for statement in owner.definitions.get(target[1], ()) if owner is not None and owner.is_settings else ():
                    if isinstance(statement, ast.Assign):
                        found |= self._annotated(owner, statement.value)  # type: ignore[arg-type]
        return found

    def _resolve(self, module: Module, name: str, seen: frozenset[Target] = frozenset()) -> Iterable[Target]:
        """Yields the definitions behind a name of a module; nothing for a module, a library's name or a local one."""
        if (module.name, name) in seen:
            return
        if name in module.definitions:
            yield module.name, name
        elif name in module.imports:
            bound = module.imports[name]
            if bound.name is not None and not self._skipped(bound.module) and self.source.module(f"{bound.module}.{bound.name}") is None:
                owner = self.source.module(bound.module)
                if owner is not None:
                    targets = list(self._resolve(owner, bound.name, seen | {(module.name, name)}))
                    # A name that only `__getattr__` of the module knows.
                    yield from targets or ([] if bound.name in owner.imports else [(owner.name, "*")])
        else:
            yield from (
                target
                for star in module.stars
                if not self._skipped(star) and (owner := self.source.module(star)) is not None
                for target in self._resolve(owner, name, seen | {(module.name, name)})
            )

    def _as_module(self, module: Module, imports: dict[str, Import], name: str) -> str | None:
        """Returns the module that a name is bound to, if it is one that is followed."""
        bound = imports.get(name) or (module.imports.get(name) if name not in module.definitions else None)
        if bound is None:
            return None
        dotted = bound.module if bound.name is None else f"{bound.module}.{bound.name}"
        return dotted if not self._skipped(dotted) and self.source.module(dotted) is not None else None

    def _scan(self, module: Module, statements: list[ast.stmt]) -> Part:
        return _Scan(self, module).of(statements)

    def data_files(self, module: Module, names: Iterable[str]) -> str:
        """Returns a digest of the files of these names beside a module, and of those in folders of these names."""
        lines = []
        for name in sorted(set(names)):
            place = module.path.parent / name
            inside = sorted(place.iterdir()) if place.is_dir() else [place]
            for path in inside:
                if path.suffix != ".py" and (path.is_file() or path in self.source.overlay):
                    lines.append(f"{path.name}:{hashlib.sha256(self.source.text(path).encode()).hexdigest()}")
        return "\n".join(lines)


def _target(text: str) -> Target:
    module, _, name = text.partition(":")
    return module, name or "*"


class _Scan(ast.NodeVisitor):
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
            for node in ast.walk(statement):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    for bound, found in bindings(node, self.module.package):
                        self.local[bound] = found
                        self.part.modules |= {found.module, *([f"{found.module}.{found.name}"] if found.name else [])}
                        if bound == "*":
                            self.part.names.add((found.module, "*"))
                elif isinstance(node, ast.arg | ast.AnnAssign):
                    self.part.names |= self.graph._annotated(self.module, node.annotation)
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.part.names |= self.graph._annotated(self.module, node.returns)
            clean = bare(statement)
            digests.append(digest_of(clean))
            self.visit(clean)
        self.part.modules = {name for name in self.part.modules if not self.graph._skipped(name) and self.graph.source.module(name)}
        own = self.graph.data_files(self.module, self.texts) if self.files else ""
        self.part.reads_files = self.files
        self.part.digest = hashlib.sha256("\n".join([*digests, own]).encode()).hexdigest()
        return self.part

    def visit_Constant(self, node: ast.Constant) -> None:
        """Keeps texts that may name a file."""
        if isinstance(node.value, str) and 0 < len(node.value) < 60 and "\n" not in node.value and not node.value.startswith(("/", ".")):
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
            targets = list(self.graph._resolve(module, attribute))
            if targets:
                self.part.names |= set(map(self.graph.as_class, targets))
                return
            further = f"{dotted}.{attribute}"
            inside = self.graph._as_module(module, {}, attribute)
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
                if self.graph._is_settings_class(target):
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
            return self.graph._resolve(module, function.attr) if module is not None else ()
        return ()

    def _module(self, name: str) -> str | None:
        return self.graph._as_module(self.module, self.local, name)

    def _targets(self, name: str) -> Iterable[Target]:
        bound = self.local.get(name)
        if bound is None:
            return self.graph._resolve(self.module, name)
        owner = self.graph.source.module(bound.module) if bound.name is not None and not self.graph._skipped(bound.module) else None
        return list(self.graph._resolve(owner, bound.name or "")) or [(owner.name, "*")] if owner is not None else ()
