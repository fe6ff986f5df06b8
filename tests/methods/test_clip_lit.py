"""CLIP-LIT: the network against the authors' weights, then the training phases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import check_shapes, train
from safetensors.torch import load_file

from lle import registry
from lle.clip import backbone
from lle.engine.method import load_strict
from lle.errors import DataError
from lle.methods.clip_lit.network import LightNet


def test_network_reproduces_the_authors_outputs(shared):
    folder = shared / "parity" / "clip_lit"
    network = LightNet()
    load_strict(network, load_file(folder / "model.safetensors"))
    vectors = np.load(folder / "vectors.npz")
    low = torch.from_numpy(vectors["input"])
    with torch.no_grad():
        light, output = network.light_map(low).numpy(), network(low).numpy()
    assert np.abs(light - vectors["light_map"]).max() <= 1e-5
    assert np.abs(output - vectors["output"]).max() <= 1e-5
    values = output[0].transpose(1, 2, 0) * 255
    levels = np.abs(np.round(values) - vectors["saved8bit"])
    certain = np.abs(values % 1 - 0.5) > 2 * 255 * 1e-5
    assert (levels[certain] == 0).all()
    assert levels.max() <= 1  # a value that lies between two levels is rounded to either, by the processor
    assert levels.mean() < 2e-4


def test_network_has_the_published_size():
    assert sum(p.numel() for p in LightNet().parameters()) == 278_790


@pytest.mark.parametrize("size", [(16, 16), (37, 53)])
def test_identity_start_returns_the_input(size):
    torch.manual_seed(0)
    low = torch.rand(2, 3, *size)
    assert (LightNet(identity=True)(low) - low).abs().max() < 0.05


def test_black_picture_under_no_light_stays_finite():
    network = LightNet()
    with torch.no_grad():
        network.cond_add1.weight.zero_()
        network.cond_add1.bias.fill_(-1)
        output = network(torch.zeros(1, 3, 16, 16))
    assert torch.equal(output, torch.zeros_like(output))


@pytest.fixture
def method(tiny_clip, monkeypatch):
    """Builds the method with a tiny CLIP in place of the demo one."""
    monkeypatch.setattr(backbone, "DEMO", tiny_clip)
    small = {"crop": 32, "prompt_crop": 32, "batch_size": 2, "prompt_batch_size": 2}
    return lambda **settings: registry.create("clip_lit", small | settings)


def test_reconstruction_stands_between_prompts_and_enhancement(method):
    names = [phase.name for phase in method(rounds=1, start="authors", reconstruct_iterations=5).phases()]
    assert names == ["prompts", "reconstruct", "enhance_0", "refine_1", "enhance_1"]


class Photographs:
    """Low- and normal-light pictures of one grey value each."""

    def __init__(self, low, normal):
        self.values = {"low": low, "normal": normal}

    def lows(self, limit=None):
        return iter([np.full((40, 40, 3), self.values["low"], np.uint8)] * 2)

    def normals(self, limit=None):
        return iter([np.full((40, 40, 3), self.values["normal"], np.uint8)] * 2)


def test_the_light_starts_where_low_light_is_as_bright_as_normal_light(method):
    torch.manual_seed(0)
    built = method()
    built.prepare(Photographs(30, 120))
    dark = torch.full((1, 3, 32, 32), 30 / 255)
    with torch.no_grad():
        assert built.network.light_map(dark).mean().item() == pytest.approx(0.25, abs=0.02)
        assert built(dark).mean().item() == pytest.approx(120 / 255, rel=0.1)
        as_it_was = method(start="identity")
        as_it_was.prepare(Photographs(30, 120))
        assert as_it_was.network.light_map(dark).mean().item() == pytest.approx(1, abs=0.02)


def test_low_light_that_is_no_darker_is_an_error(method):
    with pytest.raises(DataError, match=r"as bright as its normal-light ones.*start=identity"):
        method().prepare(Photographs(120, 120))


def test_resize_replaces_the_crops_of_the_enhancement_alone(method):
    for phase in method(rounds=1, resize=48).phases():
        stream = phase.streams["train"]
        assert stream.resize == (48 if phase.name.startswith("enhance") else None)


def test_one_round_reaches_every_trainable_parameter(method):
    torch.manual_seed(0)
    run = train(method(rounds=1, reconstruct_iterations=1), iterations=2, crop=32)
    assert run.untouched == set()


def test_reconstruction_leads_back_to_the_input(method):
    torch.manual_seed(0)
    built = method(start="authors", width=32, reconstruct_iterations=1, betas=(0.9, 0.999))
    run = train(built, iterations=25, crop=32, only="reconstruct", lr=3e-3)
    assert run.fell("reconstruct", "reconstruct", 0.3)


def test_margins_are_the_authors(method):
    built = method()
    r = torch.tensor
    assert built.margins(r([0.1]), [r([0.6])], r([0.7]))["margins"].item() == pytest.approx(0.3 + 0.4 + 0.1)
    assert built.margins(r([0.1]), [r([0.3]), r([0.5])], r([0.95]))["margins"].item() == pytest.approx(0.05 + 0.7, abs=1e-6)
    assert built.margins(r([0.0]), [r([0.5]), r([0.5])], r([1.0]))["margins"].item() == pytest.approx(0 + 0.4 + 0.1)


@pytest.mark.parametrize("form", ["probability", "log"])
def test_guidance_follows_the_low_light_probability(method, form):
    built = method(guidance_form=form)
    picture = torch.rand(2, 3, 32, 32)
    normal = built.normality(picture)
    expected = (1 - normal).mean() if form == "probability" else -normal.log().mean()
    assert built.guidance(built.clip().image_features(picture)).item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-6)


def test_any_size_works(method):
    check_shapes(method())


def test_paper_preset_takes_the_authors_weights():
    config = registry.config_class("clip_lit")(preset="paper")
    assert config.content_backbone.model == "RN101"
    assert (config.lambda_clip, config.lambda_id, config.resize) == (320.0, 22.5, 512)
    assert (config.lr, config.betas, config.schedule, config.start) == (2e-5, (0.9, 0.999), "constant", "authors")
    own = (config.lambda_look, config.lambda_text, config.lambda_lit, config.lambda_smooth, config.lambda_floor, config.lambda_over)
    assert own == (0.0,) * 6
