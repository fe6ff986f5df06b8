"""A method made by `new_method` passes what every method passes."""

from __future__ import annotations

import importlib
import sys

import pytest
from click.testing import CliRunner

from lle import registry
from lle.cli import main
from lle.errors import LleError
from lle.scaffold import FILES, new_method
from tests.methods import zoo


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An empty package of methods that can be imported."""
    folder = tmp_path / "my_plugin" / "methods"
    folder.mkdir(parents=True)
    for part in (folder.parent, folder):
        (part / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_plugin"]:
        del sys.modules[name]


def test_a_new_method_passes_the_tests_of_the_zoo_at_once(package, tmp_path, monkeypatch):
    written = new_method("night_net", package)
    assert written == [package / "night_net" / file for file in FILES]
    known = {**registry.packages(), "night_net": "my_plugin.methods.night_net"}
    monkeypatch.setattr(registry, "packages", lambda: known)
    method = zoo.built("night_net")
    assert type(method).__name__ == "NightNet"
    zoo.keeps_odd_and_small_pictures_and_batches(method)
    zoo.enhances_the_same_alone_and_in_a_batch(method)
    zoo.has_a_card_that_says_what_the_code_has("night_net", method)
    zoo.has_a_card_with_the_figures_that_are_counted("night_net")
    zoo.reaches_every_trainable_parameter_and_lowers_its_losses("night_net")
    zoo.learns_from_black_white_and_flat_pictures("night_net")
    zoo.comes_back_from_disk_as_it_was("night_net", method, tmp_path / "saved")
    zoo.exports_what_enhance_gives(method)


def test_a_command_counts_the_figures_on_a_card(package, monkeypatch):
    new_method("wide_net", package)
    monkeypatch.setattr(registry, "packages", lambda: {"wide_net": "my_plugin.methods.wide_net"})
    card, config = package / "wide_net" / "card.md", package / "wide_net" / "config.py"
    head, counted = "---\ntitle: WideNet\n", "\nparameters: 3203\ngmacs: 0.7603\n"
    written = card.read_text(encoding="utf-8")
    assert written.startswith(head)
    assert counted in written
    config.write_text(config.read_text(encoding="utf-8").replace("Field(16,", "Field(2,"), encoding="utf-8")
    result = CliRunner().invoke(main, ["methods", "cards", "wide_net"])
    assert (result.exit_code, result.output) == (0, f"{card}\n")
    # 3 x 3 kernels from 3 to 2, 2 to 2 and 2 to 3 channels with a bias each; 144 products a pixel of a 400x600 picture.
    assert card.read_text(encoding="utf-8") == written.replace(counted, "\nparameters: 151\ngmacs: 0.03456\n")
    again = CliRunner().invoke(main, ["methods", "cards"])
    assert (again.exit_code, again.output) == (0, "")


@pytest.mark.parametrize(("name", "message"), [("Net", "cannot be"), ("class", "cannot be"), ("unet", "already"), ("a-b", "cannot be")])
def test_ids_that_cannot_be_are_refused(package, name, message):
    with pytest.raises(LleError, match=message):
        new_method(name, package)
    assert [path.name for path in package.iterdir()] == ["__init__.py"]


def test_what_is_there_is_not_written_over(package, tmp_path):
    new_method("night_net", package)
    with pytest.raises(LleError, match="already"):
        new_method("night_net", package)
    with pytest.raises(LleError, match=r"has no __init__\.py"):
        new_method("night_net", tmp_path)
