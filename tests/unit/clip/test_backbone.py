"""CLIP backbones: preprocessing, features, prompts, and where weights come from."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from lle.clip import backbone
from lle.clip.prompts import PromptPair
from lle.config.clip import Backbone
from lle.errors import ConfigError, WeightsError


@pytest.fixture(scope="module")
def settings(tiny_clip):
    return Backbone(model=f"local-dir:{tiny_clip}")


@pytest.fixture(scope="module")
def clip(settings):
    return backbone.load(settings)


def smooth(height, width):
    """A picture without pixel noise, whose 8-bit rounding is all that separates Pillow's resizing from ours."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / 9 + k) * np.cos(columns / (7 + k)) for k in range(3)]
    return np.rint((np.stack(waves, -1) * 0.5 + 0.5) * 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (97, 61), (40, 130), (20, 24)])
def test_preprocessing_is_open_clips_own(clip, size):
    from open_clip.transform import PreprocessCfg, image_transform_v2

    image = smooth(*size)
    theirs = image_transform_v2(PreprocessCfg(**clip.model.visual.preprocess_cfg), is_train=False)(Image.fromarray(image))
    ours = clip.preprocess(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255)[0]
    assert ours.shape == theirs.shape
    assert ((ours - theirs) * clip.std[0]).abs().max() < 1.5 / 255


def test_gradient_reaches_the_picture_and_nothing_else(clip):
    picture = torch.rand(2, 3, 48, 40, requires_grad=True)
    features = clip.image_features(picture)
    assert torch.allclose(features.norm(dim=1), torch.ones(2))
    features[:, 0].sum().backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0
    assert all(p.grad is None and not p.requires_grad for p in clip.parameters())


def test_a_texts_own_embeddings_give_the_texts_features(clip):
    texts = ["a dark photo", "a normal-light photo of a cat"]
    with torch.no_grad():
        assert torch.allclose(clip.prompt_features(clip.embeddings(texts), clip.tokens(texts)), clip.text_features(texts), atol=1e-6)


def test_tokens_behind_the_end_of_a_prompt_say_nothing(clip, settings):
    pair = PromptPair(settings)
    pair.features(clip).sum().backward()
    learned = pair.embedding.grad.abs().sum((0, 2)) > 0
    assert learned[:18].all()  # start, sixteen words, end
    assert not learned[18:].any()


@pytest.mark.parametrize("source", ["random", "text"])
def test_prompts_start_apart(clip, settings, source):
    pair = PromptPair(settings)
    pair.start(clip, source)
    assert not torch.allclose(pair.embedding[0], pair.embedding[1])
    words = clip.embeddings(["X"])[0]
    assert torch.equal(pair.embedding[0, 0], words[0])  # the frame is kept: start of text


def test_frozen_prompts_are_read_once_until_they_change(clip, settings, monkeypatch):
    pair = PromptPair(settings).requires_grad_(False)
    reads = []
    original = type(clip).prompt_features
    monkeypatch.setattr(type(clip), "prompt_features", lambda *arguments: reads.append(1) or original(*arguments))
    first = pair.features(clip)
    for _ in range(5):
        assert torch.equal(pair.features(clip), first)
    assert len(reads) == 1
    with torch.no_grad():
        pair.embedding.add_(0.5 * torch.randn_like(pair.embedding))
    assert not torch.equal(pair.features(clip), first)
    pair.load_state_dict(PromptPair(settings).state_dict())
    pair.features(clip)
    assert len(reads) == 3


def test_missing_demo_says_which_stage_makes_it(tmp_path):
    with pytest.raises(WeightsError, match="lle clip"):
        backbone.load(Backbone(weights=tmp_path))


def test_wrong_text_width_names_the_right_one(tiny_clip):
    with pytest.raises(ConfigError, match=r"text_width is 512.*Set it to 128"):
        backbone.load(Backbone(model=f"local-dir:{tiny_clip}", text_width=512, context=24))


def test_unknown_model_names_the_nearest():
    with pytest.raises(ConfigError, match=r"Did you mean 'ViT-B-32"):
        backbone.load(Backbone(model="ViT-B-23", pretrained="openai"))


@pytest.fixture
def hub(tiny_clip, tmp_path, monkeypatch):
    """open_clip with one more model whose weights are on the hub, an empty hub cache, and no way out."""
    import huggingface_hub
    import open_clip
    from open_clip import pretrained

    configs = tmp_path / "configs"
    configs.mkdir()
    (configs / "tiny-test.json").write_text(json.dumps(json.loads((tiny_clip / "open_clip_config.json").read_text())["model_cfg"]))
    open_clip.add_model_config(configs)
    monkeypatch.setitem(
        pretrained._PRETRAINED, "tiny-test", {"random": {"hf_hub": "lle-test/tiny/", "mean": (0.5,) * 3, "std": (0.5,) * 3}}
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "hub"


def test_weights_come_from_the_hub_cache_offline(hub, tiny_clip):
    snapshot = hub / "models--lle-test--tiny" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (hub / "models--lle-test--tiny" / "refs").mkdir()
    (hub / "models--lle-test--tiny" / "refs" / "main").write_text("a" * 40)
    shutil.copy(tiny_clip / "open_clip_model.safetensors", snapshot / "open_clip_model.safetensors")
    clip = backbone.load(Backbone(model="tiny-test", pretrained="random"))
    assert clip.image_features(torch.rand(1, 3, 32, 32)).shape == (1, 16)
    assert clip.mean.flatten().tolist() == [0.5] * 3


def test_missing_download_says_what_to_do(hub):
    with pytest.raises(WeightsError, match=r"HF_HUB_OFFLINE.*name it as `weights`.*model: demo"):
        backbone.load(Backbone(model="tiny-test", pretrained="random"))


def test_weights_from_a_file_need_no_hub(hub, tiny_clip):
    file = tiny_clip / "open_clip_model.safetensors"
    clip = backbone.load(Backbone(model="tiny-test", pretrained="random", weights=file))
    assert clip.mean.flatten().tolist() == [0.5] * 3  # the tag still names the normalisation


def test_a_file_that_is_not_there_is_named(hub, tmp_path):
    with pytest.raises(WeightsError, match=r"gone\.pt does not exist"):
        backbone.load(Backbone(model="tiny-test", pretrained="random", weights=tmp_path / "gone.pt"))
