"""What holds for every method of the registry, without an exceptions list."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
import torch
import yaml

from lle import registry
from lle.config.load import load_params
from lle.config.schema import BaseParams
from lle.data.prepare import prepare
from lle.engine.model_io import load_model, save_model
from lle.engine.train import train as train_with_engine
from lle.files import read_json
from tests.conftest import ROOT
from tests.methods import zoo

NAMES = list(registry.packages())
TRAINED = [name for name in NAMES if registry.card(name).supervision != "classical"]


@pytest.fixture(scope="session")
def project(tmp_path_factory, tiny_clip) -> Path:
    """A folder that holds what some methods read when they are trained: a small CLIP and a teacher."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "build").mkdir()
    (folder / "build" / "clip").symlink_to(tiny_clip)
    torch.manual_seed(0)
    save_model(registry.create("net_t"), "net_t", folder / "build" / "models" / "net_t")
    return folder


@pytest.fixture(autouse=True)
def _inside(project, monkeypatch):
    monkeypatch.chdir(project)


@pytest.fixture(scope="module")
def untrained():
    """Builds each method once, and with its defaults; a test that changes it must build its own."""
    return functools.cache(zoo.built)


@pytest.mark.parametrize("name", NAMES)
def test_odd_and_small_pictures_and_batches(name, untrained):
    zoo.keeps_odd_and_small_pictures_and_batches(untrained(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_enhanced_the_same_alone_and_in_a_batch(name, untrained):
    zoo.enhances_the_same_alone_and_in_a_batch(untrained(name))


@pytest.mark.parametrize("name", NAMES)
def test_cards_say_what_the_code_has(name, untrained):
    zoo.has_a_card_that_says_what_the_code_has(name, untrained(name))


@pytest.mark.parametrize("name", NAMES)
def test_cards_have_the_figures_that_are_counted(name):
    zoo.has_a_card_with_the_figures_that_are_counted(name)


@pytest.mark.parametrize("name", TRAINED)
def test_every_trainable_parameter_is_reached_and_the_losses_fall(name):
    zoo.reaches_every_trainable_parameter_and_lowers_its_losses(name)


@pytest.mark.parametrize("name", TRAINED)
def test_black_white_and_flat_pictures_have_finite_gradients(name):
    zoo.learns_from_black_white_and_flat_pictures(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_gives_the_same_pictures(name, untrained, tmp_path):
    zoo.comes_back_from_disk_as_it_was(name, untrained(name), tmp_path / name)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_of_the_whole_picture_give_the_whole_result(name, untrained):
    if untrained(name).can_estimate:
        zoo.shares_its_work_between_estimating_and_enhancing(untrained(name))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_exported_does_what_enhance_does(name, untrained):
    zoo.exports_what_enhance_gives(untrained(name))


@pytest.fixture(scope="session")
def params(project) -> BaseParams:
    """The project's settings with four pairs to train on, prepared."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    # Some learn from a second, labelled set.
    tiny = {
        "demo": {"kind": "demo", "lighting": "room", "train": 4, "val": 1, "test_full": 0, "test_crops": 1},
        "demo_seg": {"kind": "demo_seg", "train": 2, "val": 1, "test": 1},
    }
    values["suite"] = {"methods": ["gamma"], "datasets": ["demo"], "prepare": ["demo"]}
    values["data"] |= tiny
    values["studies"] = {}
    values["train"] |= {"data": "demo", "threads": 1, "validate_images": 1}
    (project / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    read = load_params(project / "params.yaml")
    for name in tiny:
        prepare(name, read.data[name], project / "build" / "data")
    return read


@pytest.mark.parametrize("name", TRAINED)
def test_the_engine_trains_every_phase_on_pictures_from_disk(name, project, params, tmp_path):
    config = registry.config_class(name)
    lengths = {key for key, field in config.model_fields.items() if key.endswith("iterations")}
    settings = {**zoo.tiny(name), **dict.fromkeys(lengths, 1), "batch_size": 2, "crop": 32, "warmup": 0}
    overrides = [f"methods.{name}.{key}={json.dumps(value)}" for key, value in settings.items()]
    chosen = load_params(project / "params.yaml", overrides)
    out = train_with_engine(name, chosen, models=tmp_path, reports=None, scratch=tmp_path / "scratch")
    record = read_json(out / "train.json")
    assert record["iterations"] >= len(record["phases"]) > 0
    assert load_model(out).enhance(torch.rand(1, 3, 32, 32)).isfinite().all()
