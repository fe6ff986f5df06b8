"""Which methods exist: the folders of `lle/methods`, and what other packages register.

A method's id is its folder's name. Listing the methods imports none of them; third-party packages add theirs with an
entry point in the group `lle.methods` whose name is the id and whose value is the package holding `method.py`,
`config.py` and `card.md`.
"""

from __future__ import annotations

import fnmatch
import functools
import importlib
import importlib.metadata
import importlib.resources
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import Field

from lle.config.base import MethodConfig, Strict
from lle.errors import LleError, did_you_mean

if TYPE_CHECKING:
    from lle.engine.method import Method
    from lle.engine.probe import Measure, Probe

METHODS = Path(__file__).parent / "methods"


class Card(Strict):
    """The facts at the head of a method's `card.md`."""

    title: str
    """Name the field uses, for example `Zero-DCE`."""
    paper: str
    """Authors, title, venue and year."""
    url: str | None = None
    """The paper's page."""
    source: str | None = None
    """The authors' public code: repository and commit, or None where there is none."""
    supervision: Literal["classical", "zero-reference", "unpaired", "paired"]
    """What training needs."""
    enhances: bool = True
    """False for a helper, such as a teacher, that suites and leaderboards leave out."""
    preset: str = "recommended"
    """Preset whose network the next two figures are of."""
    parameters: int | None = None
    """Number of parameters used at test time, counted by `lle methods cards`."""
    gmacs: float | None = None
    """Multiply-accumulates in 10^9 for a 400x600 picture, counted by `lle methods cards`; None for what is no network."""
    claimed_gflops: float | None = None
    """The FLOPs column of the papers' tables, in 10^9."""
    text: str = Field("", repr=False)
    """The card's body, Markdown."""


@functools.cache
def packages() -> Mapping[str, str]:
    """Returns the import path of every method's package, by id, in alphabetical order."""
    found = {path.parent.name: f"lle.methods.{path.parent.name}" for path in METHODS.glob("*/method.py")}
    for entry in importlib.metadata.entry_points(group="lle.methods"):
        if entry.name in found:
            raise LleError(f"the package '{entry.value}' registers method '{entry.name}', which exists already. Uninstall one of them.")
        found[entry.name] = entry.value
    return dict(sorted(found.items()))


def list_methods(pattern: str = "*", helpers: bool = False) -> list[str]:
    """Returns the ids of methods, in alphabetical order.

    Args:
        pattern: of the shell, such as `*dce*`.
        helpers: also those that enhance nothing, such as a teacher.
    """
    return [name for name in packages() if fnmatch.fnmatchcase(name, pattern) and (helpers or card(name).enhances)]


def package(name: str) -> str:
    """Returns the import path of a method's package.

    Raises:
        LleError: there is no such method; the message names the nearest one.
    """
    if name not in packages():
        raise LleError(f"there is no method '{name}'.{did_you_mean(name, packages())} `lle methods` lists them.")
    return packages()[name]


def config_class(name: str) -> type[MethodConfig]:
    """Returns the settings model of a method; imports no torch."""
    config: type[MethodConfig] = _module(name, "config").Config
    return config


def _module(name: str, part: str) -> ModuleType:
    """Imports a module of a method's package.

    Raises:
        LleError: a plug-in is registered, and has no such module.
    """
    wanted = f"{package(name)}.{part}"
    try:
        return importlib.import_module(wanted)
    except ModuleNotFoundError as error:
        if error.name is None or not (wanted == error.name or wanted.startswith(f"{error.name}.")):
            raise
        raise LleError(
            f"method '{name}' is registered as the package '{package(name)}', but there is no module {error.name}. Install the "
            "distribution that registers it again, or uninstall it."
        ) from error


def method_class(name: str) -> type[Method]:
    """Returns the class of a method: the one subclass of `Method` that its `method.py` defines.

    Raises:
        LleError: the module defines none, or several.
    """
    from lle.engine.method import Method

    module = _module(name, "method")
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Method) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise LleError(f"{module.__file__} must define exactly one subclass of Method; it defines {len(classes)}.")
    return classes[0]


def mechanism(name: str) -> Callable[[Probe], Iterable[Measure]] | None:
    """Returns what computes the numbers about a method's mechanism, see `lle.engine.probe`; None where it declares none."""
    if name not in with_mechanism():
        package(name)
        return None
    measure: Callable[[Probe], Iterable[Measure]] = _module(name, "mechanism").measure
    return measure


@functools.cache
def with_mechanism() -> tuple[str, ...]:
    """Returns the methods whose package has a module `mechanism`, in alphabetical order; imports none of them."""
    return tuple(name for name, home in packages().items() if importlib.resources.files(home).joinpath("mechanism.py").is_file())


def create(name: str, settings: Mapping[str, Any] | MethodConfig | None = None) -> Method:
    """Builds a method, untrained.

    Args:
        name: a method's id.
        settings: its section of `params.yaml`; None takes the defaults.

    Raises:
        LleError: there is no such method, or its class lacks what a method must have.
    """
    config = settings if isinstance(settings, MethodConfig) else config_class(name)(**(settings or {}))
    method = method_class(name)(config)
    method.check()
    return method.to(memory_format=method.layout)


def card(name: str) -> Card:
    """Reads a method's card.

    Raises:
        LleError: the card has no head between `---` lines, or a key of it is unknown.
    """
    resource = importlib.resources.files(package(name)).joinpath("card.md")
    return _card(str(resource), resource.read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=256)
def _card(place: str, text: str) -> Card:
    match = re.match(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    if match is None:
        raise LleError(f"{place} must begin with a head of `key: value` lines between two `---` lines.")
    return Card(**yaml.safe_load(match[1]), text=match[2].strip())
