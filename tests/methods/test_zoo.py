"""What holds for every method of the registry, without an exceptions list."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from lle import registry
from lle.config.load import load_params
from lle.config.schema import BaseParams
from lle.data.prepare import prepare
from lle.engine.method import Method
from lle.engine.model_io import load_model, save_model
from lle.engine.train import train as train_with_engine
from lle.files import read_json
from lle.measure.cost import macs, parameters
from tests.conftest import ROOT
from tests.methods.helpers import parameter_count, train

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


def built(name: str, **settings: object) -> Method:
    torch.manual_seed(0)
    return registry.create(name, settings)


@pytest.mark.parametrize("name", NAMES)
def test_odd_and_small_pictures_and_batches(name):
    method = built(name)
    torch.manual_seed(1)
    for shape in ((1, 3, 37, 53), (2, 3, 32, 48)):
        output = method.enhance(torch.rand(shape))
        assert output.shape == shape
        assert output.isfinite().all()
        assert output.min() >= 0
        assert output.max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_enhanced_the_same_alone_and_in_a_batch(name):
    method = built(name)
    pictures = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    together = method.enhance(pictures)
    alone = torch.cat([method.enhance(picture[None]) for picture in pictures])
    torch.testing.assert_close(together, alone, atol=2e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_cards_say_what_the_code_has(name):
    card = registry.card(name)
    method = built(name)
    assert (card.supervision == "classical") == (method.phases() == ())
    assert len(card.text) > 200, "a card says what the method is and how ours differs"
    assert "recommended" in method.config.presets


@pytest.mark.parametrize("name", NAMES)
def test_known_parameters_and_operations_are_those_of_a_preset(name):
    card = registry.card(name)
    assert card.parameters is not None
    assert (card.gmacs is None) == (card.supervision == "classical")
    found = []
    for preset in registry.config_class(name).presets:
        method = built(name, preset=preset)
        counted = macs(copy.deepcopy(method).to("meta").eval(), 400, 600, device="meta") / 1e9 if card.gmacs is not None else None
        found.append((parameters(method), counted))
    expected = (card.parameters, None if card.gmacs is None else pytest.approx(card.gmacs, rel=0.01, abs=0.001))
    assert expected in found


@pytest.mark.parametrize("name", TRAINED)
def test_every_trainable_parameter_is_reached_and_the_losses_fall(name):
    tiny = registry.config_class(name).tiny
    method = built(name, **tiny)
    # All ten pictures at once, so that one step can be compared with the next.
    run = train(method, iterations=15, batch_size=10, crop=32)
    assert run.untouched == set()
    for phase in method.phases():
        fell = [run.fell(phase.name, update.name) for update in phase.updates]
        assert any(fell), f"no loss of phase {phase.name} falls on ten pictures"


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
    settings = {**config.tiny, **dict.fromkeys(lengths, 1), "batch_size": 2, "crop": 32, "warmup": 0}
    overrides = [f"methods.{name}.{key}={json.dumps(value)}" for key, value in settings.items()]
    chosen = load_params(project / "params.yaml", overrides)
    out = train_with_engine(name, chosen, models=tmp_path, reports=None, scratch=tmp_path / "scratch")
    record = read_json(out / "train.json")
    assert record["iterations"] >= len(record["phases"]) > 0
    assert load_model(out).enhance(torch.rand(1, 3, 32, 32)).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_gives_the_same_pictures(name, tmp_path):
    method = built(name)
    picture = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(2))
    expected = method.enhance(picture)
    save_model(method, name, tmp_path / name)
    assert torch.equal(load_model(tmp_path / name).enhance(picture), expected)
    if (tmp_path / name / "model.safetensors").exists():
        held = sum(value.numel() for value in load_file(tmp_path / name / "model.safetensors").values())
        buffers = sum(value.numel() for value in method.state_dict().values()) - parameter_count(method)
        assert held <= parameter_count(method) + max(buffers, 0), "helper networks do not belong into a model"
