"""The `paper` presets of the methods guided by CLIP start offline from a hub cache; what a step costs."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import batch_of, train
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode

from lle import registry
from lle.clip import backbone
from lle.clip.backbone import Clip
from lle.clip.cost import measure
from lle.engine.method import Stream
from lle.errors import LleError, WeightsError
from lle.files import read_json

TOWERS = {
    "ViT-B-32": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "RN101": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
}
REPOSITORIES = {"ViT-B-32": "timm/vit_base_patch32_clip_224.openai", "RN101": "timm/resnet101_clip.openai"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A hub cache as a download of OpenAI's weights leaves it, with tiny networks of random weights in their place, and no way out."""
    import huggingface_hub
    import open_clip

    hub = tmp_path_factory.mktemp("hub")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(hub))
        patch.setenv("HF_HUB_OFFLINE", "1")
        for name, tower in TOWERS.items():
            # The text tower keeps the width and context of OpenAI's models, with one layer.
            text = {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 1}
            config = {"embed_dim": 64, "vision_cfg": tower, "text_cfg": text}
            patch.setitem(open_clip.factory._MODEL_CONFIGS, name, config)
            with torch.random.fork_rng():
                torch.manual_seed(0)
                state = open_clip.CLIP(**copy.deepcopy(config), quick_gelu=True).state_dict()
            folder = hub / f"models--{REPOSITORIES[name].replace('/', '--')}"
            snapshot = folder / "snapshots" / ("a" * 40)
            snapshot.mkdir(parents=True)
            (folder / "refs").mkdir()
            (folder / "refs" / "main").write_text("a" * 40)
            save_file({key: value.half().contiguous() for key, value in state.items()}, snapshot / "open_clip_model.safetensors")
        yield hub


@pytest.mark.parametrize("name", ["clip_isp", "clip_lit"])
def test_the_paper_preset_starts_from_the_hub_cache(name, cache):
    torch.manual_seed(0)
    built = registry.create(name, {"preset": "paper", "rounds": 1})
    assert (built.settings.backbone.model, built.settings.backbone.pretrained) == ("ViT-B-32", "openai")
    run = train(built, iterations=1, crop=32)
    phases = [phase.name for phase in built.phases()]
    assert [phase for phase, _ in run.losses] == phases
    assert {"prompts", "enhance_0", "refine_1", "enhance_1"} <= set(phases)
    # The normalisation is the one that belongs to OpenAI's weights.
    assert built.clip().mean.flatten().tolist() == pytest.approx([0.48145466, 0.4578275, 0.40821073])
    assert built.tags() == {"clip_backbone": "ViT-B-32/openai"}


def test_the_content_term_reads_the_second_backbone(cache):
    built = registry.create("clip_lit", {"preset": "paper", "rounds": 0})
    low = torch.rand(1, 3, 64, 64)
    assert len(built._content.on(low.device).image_maps(low)) == 5
    assert built.content((low * 1.5).clamp(0, 1), low, (1.0,) * 5) > 0


def test_without_the_cache_the_error_says_what_to_do(cache, monkeypatch, tmp_path):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    built = registry.create("clip_isp", {"preset": "paper"})
    with pytest.raises(WeightsError, match=r"weights 'openai' of ViT-B-32 are not in the hub's cache"):
        train(built, iterations=1, crop=32, only="prompts")


def cost(run) -> int:
    """Counts the operations of a forward and backward pass."""
    with FlopCounterMode(display=False) as counter:
        run().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("name", ["clip_isp", "clip_lit"])
def test_a_step_costs_clip_and_the_network_and_no_more(name, tiny_clip, monkeypatch):
    monkeypatch.setattr(backbone, "DEMO", tiny_clip)
    # What both papers compute in a step; the terms of `recommended` are texts read once and the network on normal light.
    built = registry.create(name, {"lambda_lit": 0.0, "lambda_text": 1.0, "rounds": 0})
    batch = batch_of(built, Stream("unpaired"), crop=64)
    built.prompts.requires_grad_(False)
    reads = []
    for attribute in ("prompt_features", "text_features"):
        original = getattr(Clip, attribute)
        monkeypatch.setattr(Clip, attribute, lambda *arguments, original=original: reads.append(1) or original(*arguments))

    def step():
        return torch.stack(list(built.enhance_loss(batch).values())).sum()

    cost(step)
    assert len(reads) == 2  # the prompts and the texts, once
    whole = cost(step)
    assert len(reads) == 2
    picture = batch["low"].clone().requires_grad_()
    clip = cost(lambda: built.clip().image_features(picture).sum())
    network = cost(lambda: built.network(batch["low"]).sum())
    assert 0.99 < whole / (clip + network) < 1.02


def test_the_time_of_a_step_is_measured(cache, tmp_path):
    found = measure("clip_isp", tmp_path, runs=1).plain()
    parts = found["seconds"]["clip"] + found["seconds"]["network"]
    assert found["ratio"] == pytest.approx(found["seconds"]["step"] / parts, rel=0.02)
    assert read_json(tmp_path / "clip/cost/clip_isp.json")["ratio"] == found["ratio"]
    with pytest.raises(LleError, match="CLIP does not guide zero_dce"):
        measure("zero_dce", tmp_path)
