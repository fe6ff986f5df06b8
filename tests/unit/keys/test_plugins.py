"""A method of an installed distribution: found by its entry point, and its code counts like that of our own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lle import registry
from lle.config.load import load_params
from lle.config.schema import params_model
from lle.errors import LleError
from lle.keys import code
from lle.keys.source import Source
from lle.keys.stages import Keys
from tests.conftest import ROOT

METHOD = '''"""Brightens."""

from torch import Tensor

from foo.shared import FACTOR
from foo.bright.config import Config
from lle.engine.method import Method


class Bright(Method):
    """Multiplies."""

    scope = "local"
    config: Config

    def forward(self, low: Tensor) -> Tensor:
        """Enhances."""
        return (low * FACTOR * self.config.gain).clamp(0, 1)

    def phases(self):
        """Nothing is trained."""
        return ()
'''
CONFIG = '''"""Settings."""

from lle.config.base import MethodConfig


class Config(MethodConfig):
    """Settings of a plug-in."""

    gain: float = 2.0
    """Factor."""
'''
CARD = "---\ntitle: Bright\npaper: none\nsupervision: classical\n---\nText.\n"


def _forget() -> None:
    for cached in (registry.packages, params_model, code.installed):
        cached.cache_clear()
    for name in [name for name in sys.modules if name == "foo" or name.startswith("foo.")]:
        del sys.modules[name]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path with a distribution as an installer leaves it."""
    site = tmp_path / "site"
    files = {
        "foo/__init__.py": "",
        "foo/shared.py": "FACTOR = 1.0\nOTHER = 1.0\n",
        "foo/bright/__init__.py": "",
        "foo/bright/method.py": METHOD,
        "foo/bright/config.py": CONFIG,
        "foo/bright/card.md": CARD,
        "foo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n",
        "foo-1.0.dist-info/entry_points.txt": "[lle.methods]\nbright = foo.bright\n",
    }
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    _forget()
    yield site / "foo"
    monkeypatch.undo()
    _forget()


def test_a_plugin_is_listed_made_and_has_a_key(plugin: Path):
    assert registry.packages()["bright"] == "foo.bright"
    made = registry.create("bright", {"gain": 3.0})
    assert made.config.gain == 3.0  # type: ignore[attr-defined]
    params = load_params(ROOT / "params.yaml", ["suite.methods=[bright]", "suite.guided=[]", "suite.attention=[]", "suite.mechanisms=[]"])
    key = Keys(params).key("train/bright")
    assert key.settings["methods.bright"]["gain"] == 2.0
    assert ("foo.shared", "FACTOR") in Keys(params).graph.reached(["foo.bright.method"])


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("shared.py", "FACTOR = 1.0", "FACTOR = 2.0", True),
        ("shared.py", "OTHER = 1.0", "OTHER = 2.0", False),
        ("bright/method.py", "low * FACTOR", "low / FACTOR", True),
        ("bright/method.py", "Brightens.", "Makes brighter.", False),
    ],
)
def test_the_key_follows_the_code_of_the_plugin(plugin: Path, file: str, old: str, new: str, stale: bool):
    params = load_params(ROOT / "params.yaml")
    text = (plugin / file).read_text(encoding="utf-8")
    before, after = Keys(params, Source()), Keys(params, Source(overlay={plugin / file: text.replace(old, new)}))
    assert (before.key("evaluate/bright").code != after.key("evaluate/bright").code) is stale
    assert before.key("evaluate/sci").code == after.key("evaluate/sci").code


def test_a_registration_without_a_package_says_so(plugin: Path):
    (plugin.parent / "foo-1.0.dist-info/entry_points.txt").write_text("[lle.methods]\ngone = foo.gone\n", encoding="utf-8")
    _forget()
    with pytest.raises(LleError, match=r"'gone' is registered as the package 'foo\.gone', but there is no module foo\.gone"):
        registry.config_class("gone")
