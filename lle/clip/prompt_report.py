"""Looks at what a method guided by CLIP has learned: its prompts against exposure, its network's map, before and after refinement."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lle.clip.guided import ClipGuided
from lle.clip.prompts import PromptPair
from lle.config.light import Camera, Mine
from lle.data import degrade
from lle.data.demo import photographs
from lle.data.images import write_webp
from lle.engine.model_io import load_model
from lle.errors import LleError
from lle.files import read_json
from lle.provenance import provenance
from lle.results.clip import ClipPrompts

STOPS = tuple(step / 2 for step in range(-12, 1))
"""Exposures of a bracketed scene against its normal light, in photographic stops."""

SIDE = 320
QUALITY = 80
"""Longer side in pixels and WebP quality of the pictures kept for the report."""


def look(name: str, models: Path = Path("build/models"), reports: Path = Path("reports")) -> ClipPrompts:
    """Measures r(i) on bracketed photographs that no training saw, and draws the network's map of one of them.

    Args:
        name: a method guided by CLIP, with a trained model.
        models: trained models.
        reports: receives `clip/prompts/<name>.json` and pictures in `clip/prompts/<name>/`.

    Returns:
        What was written as JSON. `monotone` says whether r never falls with exposure, in all scenes; `largest_fall` is in log-odds.

    Raises:
        LleError: the method is not guided by CLIP, or not trained.
    """
    method = load_model(models / name)
    if not isinstance(method, ClipGuided):
        raise LleError(f"{name} has no prompts: CLIP does not guide it. Leave it out of suite.guided.")
    trained = read_json(models / name / "train.json")["provenance"]
    scenes = {photograph.scene: views[0] for photograph, views in photographs("test")}
    pairs = {"before": method.unrefined()[0], "after": method.prompts}
    odds = {
        scene: {when: log_odds(method, prompts, bracket(picture)) for when, prompts in pairs.items()} for scene, picture in scenes.items()
    }
    falls = {scene: {when: fall(values) for when, values in found.items()} for scene, found in odds.items()}
    scene, picture = next(iter(scenes.items()))
    report = {
        "schema": ClipPrompts.SCHEMA,
        "method": name,
        **method.tags(),
        "rounds": method.settings.rounds,
        "stops": STOPS,
        "log_odds": odds,
        "normality": {scene: {when: [_sigmoid(v) for v in values] for when, values in found.items()} for scene, found in odds.items()},
        "largest_fall": falls,
        "monotone": {when: all(found[when] == 0 for found in falls.values()) for when in pairs},
        "map": {"scene": scene, **_draw(method, picture, reports / "clip" / "prompts" / name)},
        "provenance": provenance(
            **{key: trained[key] for key in ("config_hash", "fingerprint", "seed", "data_digest")}, command=f"lle clip prompts {name}"
        ),
    }
    return ClipPrompts.written(report, ClipPrompts.path(reports, name))


def bracket(picture: np.ndarray) -> Tensor:
    """Exposes a picture, H x W x 3 uint8, as `STOPS` say: linear light times a factor, stored in 8 bits; N x 3 x H x W in [0, 1]."""
    linear = degrade.srgb_to_linear(picture.astype(np.float32) / 255)
    shots = np.stack([degrade.to_bytes(degrade.linear_to_srgb(linear * np.float32(2**stop))) for stop in STOPS])
    return torch.from_numpy(shots).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def log_odds(method: ClipGuided, prompts: PromptPair, pictures: Tensor) -> list[float]:
    """Returns ln(r / (1 - r)) of pictures, N x 3 x H x W in [0, 1], by the given prompts.

    r itself is so near 0 or 1 for most pictures that its digits no longer tell whether it rises.
    """
    clip = method.clip()
    logits = prompts.logits(clip, clip.image_features(pictures))
    return [float(f"{value:.5g}") for value in (logits[:, 1] - logits[:, 0]).tolist()]


def fall(values: list[float]) -> float:
    """Returns by how much a curve falls at most from one value to the next; 0 for one that rises monotonically."""
    return float(f"{max((max(0.0, before - after) for before, after in pairwise(values)), default=0.0):.4g}")


def _sigmoid(value: float) -> float:
    return round(1 / (1 + math.exp(-value)), 5)


@torch.no_grad()
def _draw(method: ClipGuided, picture: np.ndarray, folder: Path) -> dict[str, Any]:
    """Writes a photograph under mining light, the results and the maps of both networks, the maps on one scale."""
    dark = degrade.mine(picture, Mine(), Camera(), np.random.default_rng(0))[0]
    low = torch.from_numpy(dark).permute(2, 0, 1)[None].float() / 255
    networks: dict[str, nn.Module] = {"before": method.unrefined()[1], "after": method.network}
    for network in networks.values():
        network.eval()
    maps = {when: method.shown_map(network, low)[0] for when, network in networks.items()}
    signed = any(bool((values < 0).any()) for values in maps.values())
    scale = max(float(values.abs().max()) for values in maps.values())
    files = {"low": low[0]}
    files |= {f"result_{when}": network(low)[0].clamp(0, 1) for when, network in networks.items()}
    files |= {f"map_{when}": values / (scale or 1) * (0.5 if signed else 1) + (0.5 if signed else 0) for when, values in maps.items()}
    for file, image in files.items():
        pixels = image.expand(3, -1, -1).permute(1, 2, 0).mul(255).round().byte().numpy()
        write_webp(folder / f"{file}.webp", pixels, SIDE, QUALITY)
    return {
        "scale": round(scale, 5),
        "signed": signed,
        "mean_absolute": {when: round(float(values.abs().mean()), 5) for when, values in maps.items()},
        "files": sorted(files),
    }
