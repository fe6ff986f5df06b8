"""constraints.txt can be installed with every Python that pyproject.toml allows, not only with the newest patch of 3.11."""

from __future__ import annotations

import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PINNED = [Requirement(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()]


def test_every_pin_is_exact_and_stands_once() -> None:
    assert all(len(one.specifier) == 1 and next(iter(one.specifier)).operator == "==" for one in PINNED)
    names = [canonicalize_name(one.name) for one in PINNED]
    assert sorted(set(names)) == sorted(names)


def test_what_is_pinned_accepts_the_oldest_python_of_the_project() -> None:
    """Debian 12 has Python 3.11.2; some packages ask for a later patch of 3.11."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = f"{project['requires-python'].removeprefix('>=')}.0"
    installed = {canonicalize_name(one.name): one for one in distributions()}
    pinned = {
        name: asked
        for one in PINNED
        if (name := canonicalize_name(one.name)) in installed
        and installed[name].version in one.specifier
        and (asked := installed[name].metadata.get("Requires-Python"))
    }
    if len(pinned) < 50:
        pytest.skip(f"only {len(pinned)} packages are installed as constraints.txt pins them: make install")
    assert {name: asked for name, asked in pinned.items() if oldest not in SpecifierSet(asked)} == {}
