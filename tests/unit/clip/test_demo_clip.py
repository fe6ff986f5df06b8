"""The small CLIP: what its training writes, and what is measured on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lle.cli import main
from lle.clip import backbone
from lle.clip import prompt_report as look
from lle.clip import small_clip as demo
from lle.clip import zero_shot as darkness
from lle.clip.captions import LIGHTS
from lle.clip.zero_shot import DARK, LIT, accuracy, measure
from lle.config.clip import Backbone, ClipConfig
from lle.config.data import FolderData
from lle.data.images import write_png
from lle.data.prepare import prepare
from lle.files import read_json
from lle.keys.code import installed

TINY = ClipConfig(pictures=32, held_out=19, size=32, iterations=2, batch_size=4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    return folder, demo.train(TINY, folder / "clip", folder / "reports")


def test_training_writes_a_model_and_a_report_without_times(trained):
    folder, report = trained
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    model = {f"clip/{name}" for name in ("open_clip_config.json", "open_clip_model.safetensors", "report.json")}
    assert files == model | {"reports/clip/model.json"}
    written = read_json(folder / "reports/clip/model.json")
    assert set(report) - set(written) == {"seconds", "threads"}
    assert written["provenance"]["command"] == "lle clip"
    assert set(written["retrieval_top1_by_light"]) == set(LIGHTS)
    assert 0 <= written["retrieval_top1"] <= 1


def test_the_trained_model_is_one_that_methods_can_use(trained):
    folder, _ = trained
    clip = backbone.load(Backbone(weights=folder / "clip"))
    assert clip.size == (32, 32)
    assert clip.text_features(["a dark photo"]).shape == (1, 128)


def test_held_out_photographs_are_not_trained_on(trained):
    _, report = trained
    trained_on = {photograph.scene for photograph in demo.PHOTOGRAPHS if photograph.split == "train"}
    assert trained_on.isdisjoint(report["held_out_scenes"])


def test_only_its_own_code_trains_it_again():
    reached = {module for module, _ in installed().reached(["lle.clip.small_clip:train"])}
    assert "lle.clip.captions" in reached
    assert not {name for name in reached if name.startswith(("lle.methods", "lle.engine", "lle.report"))}


class Meter:
    """Stands for a CLIP that judges by mean brightness alone."""

    def __init__(self, threshold):
        self.threshold = threshold

    def image_features(self, images):
        return images.mean((1, 2, 3))[:, None] - self.threshold

    def text_features(self, texts):
        import torch

        return torch.tensor([[-1.0] if text in DARK else [1.0] for text in texts])


@pytest.mark.parametrize(("threshold", "dark", "lit"), [(0.5, 1.0, 1.0), (0.15, 0.5, 1.0), (0.9, 1.0, 0.0)])
def test_accuracy_counts_the_right_answers_of_each_side(threshold, dark, lit):
    shades = [np.full((1, 8, 8, 3), value, np.uint8) for value in (25, 51, 204)]
    found = accuracy(Meter(threshold), np.concatenate(shades[:2]), shades[2])
    assert (found["accuracy_dark"], found["accuracy_lit"]) == (dark, lit)
    assert found["accuracy"] == pytest.approx((2 * dark + lit) / 3, abs=1e-4)
    assert len({*DARK, *LIT}) == len(DARK) + len(LIT)


def test_darkness_is_measured_on_a_prepared_set(tmp_path, monkeypatch):
    for index in range(3):
        for side, value in (("low", 20), ("normal", 150)):
            write_png(tmp_path / "source" / side / f"{index}.png", np.full((20, 24, 3), value + index, np.uint8))
    prepare("pairs", FolderData(kind="folder", source=tmp_path / "source", split="test"), tmp_path / "data")
    monkeypatch.setattr(darkness, "load", lambda _: Meter(0.3))
    found = measure("pairs", Backbone(), tmp_path / "reports", tmp_path / "data")
    assert found is not None
    assert (found.images, found.accuracy, found.clip_backbone) == (6, 1.0, "demo")
    written = read_json(tmp_path / "reports/clip/darkness/pairs.json")
    assert written["provenance"]["data_digest"]


def test_darkness_without_data_says_how_to_get_it(tmp_path, monkeypatch):
    assert measure("nowhere", Backbone(), tmp_path, tmp_path) is None
    assert not list(tmp_path.iterdir())
    shutil.copy(Path(__file__).parents[3] / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["clip", "darkness", "sice"])
    assert result.exit_code == 0
    assert "skipped" in result.output
    assert "lle fetch sice" in result.output


def test_a_curve_that_rises_has_no_fall():
    assert look.fall([0.1, 0.1, 0.4, 0.9]) == 0
    assert look.fall([0.1, 0.5, 0.3, 0.9, 0.85]) == pytest.approx(0.2)


def test_a_bracket_is_the_scene_at_rising_exposure():
    grey = np.full((4, 6, 3), 128, np.uint8)
    shots = look.bracket(grey)
    assert shots.shape == (len(look.STOPS), 3, 4, 6)
    assert (shots[1:] > shots[:-1]).all()
    assert (shots[-1] * 255).round().unique().tolist() == [128]
    # One stop below, linear light is halved: 0.2159 / 2 in sRGB's curve is 0.3637.
    assert shots[look.STOPS.index(-1.0)].mean().item() == pytest.approx(0.3637, abs=2 / 255)


def test_content_is_varied_without_changing_its_shapes():
    from lle.clip.captions import MEANS, varied

    picture = np.random.default_rng(0).integers(20, 200, (32, 32, 3)).astype(np.uint8)
    made = [varied(picture, np.random.default_rng(seed)) for seed in range(20)]
    assert all(MEANS[0] - 0.01 < image.mean() / 255 < MEANS[1] + 0.01 for image in made)
    # An exposure keeps the order of values, so each channel tells which one it was.
    ranks = {
        tuple(int(np.corrcoef(image[..., c].ravel(), picture[..., k].ravel())[0, 1] > 0.9) for c in range(3) for k in range(3))
        for image in made
    }
    assert len(ranks) > 2
