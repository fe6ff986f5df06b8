"""Fingerprints: code changes them, words do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lle import registry
from lle.engine import fingerprint as module
from lle.engine.fingerprint import closure, fingerprint, method_fingerprint, write_fingerprints
from lle.errors import LleError


@pytest.fixture(autouse=True)
def _fresh_caches():
    yield
    for cached in (module._file, module._tree, module._imports, module._digest):
        cached.cache_clear()


def package(root: Path, **files: str) -> Path:
    for name, text in {"__init__": "", **files}.items():
        path = root / "pack" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for cached in (module._file, module._tree, module._imports, module._digest):
        cached.cache_clear()
    return root


BASE = {
    "a": "from pack.b import f\n",
    "b": 'def f():\n    """Says so."""\n    from pack import c\n    return c.x\n',
    "c": "x = 1\n",
    "d": "y = 1\n",
}


def value(root: Path, **changed: str) -> str:
    return fingerprint(["pack.a"], package(root, **{**BASE, **changed}))


def test_closure_follows_imports_also_inside_functions(tmp_path):
    assert closure(["pack.a"], package(tmp_path, **BASE)) == {"pack", "pack.a", "pack.b", "pack.c"}


def test_only_code_of_the_closure_counts(tmp_path):
    before = value(tmp_path)
    assert value(tmp_path, d="y = 2\n") == before
    assert value(tmp_path, c="# a comment\nx = 1\n") == before
    assert value(tmp_path, b=BASE["b"].replace("Says so.", "Says something else.")) == before
    assert value(tmp_path, c='x = 1\n"""What x is."""\n') == value(tmp_path, c='x = 1\n"""What x really is."""\n')
    assert value(tmp_path, c="x = 2\n") != before
    assert value(tmp_path, b=BASE["b"].replace("c.x", "-c.x")) != before


def test_missing_modules_and_broken_code_are_named(tmp_path):
    with pytest.raises(LleError, match=r"there is no module pack\.zz"):
        fingerprint(["pack.zz"], package(tmp_path, **BASE))
    with pytest.raises(LleError, match=r"c\.py, line 1"):
        value(tmp_path, c="x = (\n")


def test_methods_depend_on_what_they_use_and_not_on_each_other():
    ours = closure(["lle.methods.sci.method"])
    assert "lle.methods.sci.network" in ours
    assert not any(name.startswith("lle.methods.") and not name.startswith("lle.methods.sci") for name in ours)
    assert method_fingerprint("gamma", trained=False) != method_fingerprint("gamma", trained=True)


def test_a_method_named_in_settings_counts(tmp_path):
    plain = registry.config_class("distill")()
    named = registry.config_class("distill")(student="zero_dce", teacher="none")
    assert named.uses() == ("zero_dce",)
    assert method_fingerprint("distill", settings=plain) == method_fingerprint("distill")
    assert method_fingerprint("distill", settings=named) != method_fingerprint("distill")
    write_fingerprints(tmp_path, {"distill": named})
    assert json.loads((tmp_path / "distill.json").read_text())["fingerprint"] == method_fingerprint("distill", settings=named)


def test_one_file_a_method_and_a_tool_and_no_stale_ones(tmp_path):
    (tmp_path / "gone.json").write_text("{}")
    settings = {name: registry.config_class(name)() for name in ("sci", "distill")}
    write_fingerprints(tmp_path, settings)
    assert not (tmp_path / "gone.json").exists()
    assert json.loads((tmp_path / "sci.json").read_text())["fingerprint"] == method_fingerprint("sci")
    assert {"_prepare", "_evaluate", "_profile", "_report", "_throughput"} <= {path.stem for path in tmp_path.glob("*.json")}
