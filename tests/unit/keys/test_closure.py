"""Code is followed name by name: what is used counts, words and what is beside it do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lle.errors import LleError
from lle.keys.closure import Graph
from lle.keys.source import Source

BASE = {
    "__init__": "",
    "a": "from pack.b import f\n\n\ndef start():\n    return f()\n",
    "b": 'X = 1\n\n\ndef f():\n    """Says so."""\n    from pack import c\n    return c.g(X)\n\n\ndef other():\n    return 2\n',
    "c": "def g(x: int) -> int:\n    return x\n\n\ndef h():\n    raise ValueError('no')\n",
    "d": "def unused():\n    return 1\n",
}


def digest(tmp_path: Path, entry: str = "pack.a:start", **changed: str) -> str:
    home = tmp_path / "pack"
    home.mkdir(exist_ok=True)
    for name, text in {**BASE, **changed}.items():
        (home / f"{name}.py").write_text(text, encoding="utf-8")
    return Graph(Source({"pack": home}), ["pack"]).digest([entry])


@pytest.mark.parametrize(
    "changed",
    [
        {"d": "def unused():\n    return 2\n"},
        {"b": BASE["b"].replace("Says so.", "Says something else.")},
        {"b": "# A comment.\n" + BASE["b"]},
        {"b": BASE["b"].replace("return 2", "return 3")},
        {"b": BASE["b"].replace("X = 1\n", 'X = 1\n"""What X is."""\n')},
        {"c": BASE["c"].replace("'no'", "'never'")},
        {"c": BASE["c"].replace("x: int", "x: float")},
    ],
)
def test_what_cannot_change_a_result_does_not_count(tmp_path: Path, changed: dict[str, str]):
    assert digest(tmp_path) == digest(tmp_path, **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"b": BASE["b"].replace("X = 1", "X = 2")},
        {"b": BASE["b"].replace("c.g(X)", "-c.g(X)")},
        {"c": BASE["c"].replace("return x", "return x + 1")},
        {"c": BASE["c"] + "\n\nprint(h())\n"},
        {"__init__": "import os\n\nos.environ['A'] = '1'\n"},
    ],
)
def test_what_is_used_or_happens_on_loading_counts(tmp_path: Path, changed: dict[str, str]):
    assert digest(tmp_path) != digest(tmp_path, **changed)


def changes(tmp_path: Path, first: dict[str, str], second: dict[str, str]) -> bool:
    return digest(tmp_path, **first) != digest(tmp_path, **second)


@pytest.mark.parametrize(
    "text",
    [
        "from pack.c import *\n\n\ndef f():\n    return g(1)\n",
        "import pack.c\n\n\ndef f():\n    return pack.c.g(1)\n",
        "import pack.c as other\n\n\ndef f():\n    return other.g(1)\n",
        "from . import c\n\n\ndef f():\n    return c.g(1)\n",
        "from .c import g as h\n\n\ndef f():\n    return h(1)\n",
        "from pack import c\n\n\ndef f():\n    return getattr(c, 'g')(1)\n",
        "from pack import c\n\n\ndef f():\n    return (lambda module: module.g(1))(c)\n",
        "from pack.c import g\n\n\nclass Base:\n    run = g\n\n\ndef f():\n    return Base.run(1)\n",
        "try:\n    from pack.c import g\nexcept ImportError:\n    g = None\n\n\ndef f():\n    return g(1)\n",
    ],
)
def test_every_way_of_naming_a_function_is_followed(tmp_path: Path, text: str):
    assert changes(tmp_path, {"b": text}, {"b": text, "c": BASE["c"].replace("return x", "return x + 1")})


def test_a_decorator_of_the_package_may_register_what_nothing_names(tmp_path: Path):
    table = "TABLE = {}\n\n\ndef register(f):\n    TABLE[f.__name__] = f\n    return f\n"
    uses = "from pack.c import TABLE\nfrom pack import d\n\n\ndef f():\n    return TABLE['one']()\n"
    one = "from pack.c import register\n\n\n@register\ndef one():\n    return {}\n"
    assert changes(tmp_path, {"b": uses, "c": table, "d": one.format(1)}, {"b": uses, "c": table, "d": one.format(2)})


def test_a_name_is_followed_through_a_module_that_passes_it_on(tmp_path: Path):
    first = {"b": "from pack.d import g\n\n\ndef f():\n    return g(1)\n", "d": "from pack.c import g\n"}
    assert changes(tmp_path, first, {**first, "c": BASE["c"].replace("return x", "return x + 1")})
    assert not changes(tmp_path, first, {**first, "c": BASE["c"].replace("'no'", "'never'")})


def test_missing_modules_names_and_broken_code_are_named(tmp_path: Path):
    with pytest.raises(LleError, match=r"there is no module pack\.zz"):
        digest(tmp_path, "pack.zz")
    with pytest.raises(LleError, match="defines no nothing"):
        digest(tmp_path, "pack.a:nothing")
    with pytest.raises(LleError, match=r"c\.py, line 1"):
        digest(tmp_path, c="x = (\n")


def test_what_settings_rule_out_is_not_followed(tmp_path: Path):
    digest(tmp_path)
    graph = Graph(Source({"pack": tmp_path / "pack"}), ["pack"])
    assert ("pack.c", "g") in graph.reached(["pack.a:start"])
    assert ("pack.c", "g") not in graph.reached(["pack.a:start"], ["pack.b:f"])
