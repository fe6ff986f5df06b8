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

from lle.errors import LleError
from lle.keys.scan import Part, Scan, Target
from lle.keys.source import VALIDATORS, Import, Module, Source

HERE = __name__.rpartition(".")[0]
"""How a key is made cannot change what a stage makes; if it changes keys, it shows in them. So this package is not followed."""


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
        if name != "*" and not list(self.resolve(found, name)):
            raise LleError(f"{found.path} defines no {name}, which a stage starts from.")
        return self.as_class(next(iter(self.resolve(found, name)))) if name != "*" else (module, name)

    def _loads(self, name: str) -> frozenset[str]:
        """Returns the modules that are loaded with a module, itself included."""
        if name not in self._loaded:
            seen: set[str] = set()
            todo = [name]
            while todo:
                one = todo.pop()
                if one in seen or self.skipped(one):
                    continue
                module = self.source.module(one)
                if module is not None:
                    seen.add(one)
                    todo += module.loads
                if "." in one:
                    todo.append(one.rpartition(".")[0])
            self._loaded[name] = frozenset(seen)
        return self._loaded[name]

    def skipped(self, name: str) -> bool:
        """Whether a module is not followed: a library, told by its version, or this package."""
        return name == HERE or name.startswith(f"{HERE}.") or name.partition(".")[0] not in self.tops

    def _part(self, module: str, name: str) -> Part:
        if (module, name) not in self._parts:
            found = self.source.module(module)
            self._parts[module, name] = Part() if found is None or self.skipped(module) else self._make(found, name)
        return self._parts[module, name]

    def _make(self, module: Module, name: str) -> Part:
        if name == "!":
            return self._scan(module, module.effects) if module.effects else Part()
        if name == "*":
            everything = Part(names={(module.name, one) for one in module.definitions})
            everything.names |= {target for one in module.imports for target in self.resolve(module, one)}
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
        bases = {target for base in node.bases for target in self.annotated(module, base)}
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

    def is_settings_class(self, target: Target) -> bool:
        """Whether a definition is a class of settings."""
        module = self.source.module(target[0])
        return module is not None and target[1] in module.definitions and self._is_settings(module, module.definitions[target[1]])

    def _variables(self, module: Module, node: ast.ClassDef) -> dict[str, Part]:
        """Returns the class variables of a settings class, such as its presets."""
        found = [one for one in node.body if isinstance(one, ast.AnnAssign) and "ClassVar" in ast.unparse(one.annotation)]
        return {one.target.id: self._scan(module, [one]) for one in found if isinstance(one.target, ast.Name)}

    def as_class(self, target: Target) -> Target:
        """Returns what code uses that names a definition: of settings the class itself, with its class variables."""
        return (target[0], f"{target[1]}#") if self.is_settings_class(target) else target

    def _settings(self, module: Module, node: ast.ClassDef) -> Part:
        """Takes a settings class apart: bases and settings inside lead on, methods count where they are used, values do not."""
        part = Part()
        for base in node.bases:
            part.names |= self.annotated(module, base)
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef):
                decorators = {ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in statement.decorator_list}
                if not decorators & VALIDATORS:
                    part.members[statement.name] = self._scan(module, [statement])
            elif isinstance(statement, ast.AnnAssign) and "ClassVar" not in ast.unparse(statement.annotation):
                part.names |= self.annotated(module, statement.annotation)
        return part

    def annotated(self, module: Module, annotation: ast.expr | None) -> set[Target]:
        """Returns the settings classes that an annotation names, also behind names such as `DataConfig`."""
        found: set[Target] = set()
        for node in ast.walk(annotation) if annotation is not None else ():
            for target in self.resolve(module, node.id) if isinstance(node, ast.Name) else ():
                if self.is_settings_class(target):
                    found.add(target)
                    continue
                owner = self.source.module(target[0])
                for statement in owner.definitions.get(target[1], ()) if owner is not None and owner.is_settings else ():
                    if isinstance(statement, ast.Assign):
                        found |= self.annotated(owner, statement.value)  # type: ignore[arg-type]
        return found

    def resolve(self, module: Module, name: str, seen: frozenset[Target] = frozenset()) -> Iterable[Target]:
        """Yields the definitions behind a name of a module; nothing for a module, a library's name or a local one."""
        if (module.name, name) in seen:
            return
        if name in module.definitions:
            yield module.name, name
        elif name in module.imports:
            bound = module.imports[name]
            if bound.name is not None and not self.skipped(bound.module) and self.source.module(f"{bound.module}.{bound.name}") is None:
                owner = self.source.module(bound.module)
                if owner is not None:
                    targets = list(self.resolve(owner, bound.name, seen | {(module.name, name)}))
                    # A name that only `__getattr__` of the module knows.
                    yield from targets or ([] if bound.name in owner.imports else [(owner.name, "*")])
        else:
            yield from (
                target
                for star in module.stars
                if not self.skipped(star) and (owner := self.source.module(star)) is not None
                for target in self.resolve(owner, name, seen | {(module.name, name)})
            )

    def as_module(self, module: Module, imports: dict[str, Import], name: str) -> str | None:
        """Returns the module that a name is bound to, if it is one that is followed."""
        bound = imports.get(name) or (module.imports.get(name) if name not in module.definitions else None)
        if bound is None:
            return None
        dotted = bound.module if bound.name is None else f"{bound.module}.{bound.name}"
        return dotted if not self.skipped(dotted) and self.source.module(dotted) is not None else None

    def _scan(self, module: Module, statements: list[ast.stmt]) -> Part:
        return Scan(self, module).of(statements)

    def data_files(self, module: Module, names: Iterable[str]) -> str:
        """Returns a digest of the files of these names beside a module, and of those in folders of these names."""
        lines = []
        for name in sorted(set(names)):
            place = (module.path.parent / name).resolve()
            inside = sorted(place.iterdir()) if place.is_dir() else [place]
            for path in inside:
                if path.suffix != ".py" and (path.is_file() or path in self.source.overlay):
                    lines.append(f"{path.name}:{hashlib.sha256(self.source.text(path).encode()).hexdigest()}")
        return "\n".join(lines)


def _target(text: str) -> Target:
    module, _, name = text.partition(":")
    return module, name or "*"
