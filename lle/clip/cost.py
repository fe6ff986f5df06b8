"""What an enhancement step costs against what it cannot do without: the CLIP image tower and the network, forward and backward."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from lle import registry
from lle.clip.backbone import Clip
from lle.clip.guided import ClipGuided
from lle.config.clip import GuidedConfig
from lle.engine.method import Frozen
from lle.errors import LleError
from lle.provenance import provenance
from lle.results.clip import ClipCost

MODEL = "ViT-B-32"
"""The papers' backbone; time does not depend on its weights, so random ones do."""
SIDE = 224


def measure(name: str, reports: Path = Path("reports"), runs: int = 9) -> ClipCost:
    """Times the step of the preset `paper` without its content term, one picture of 224 x 224 pixels.

    The three things are timed in turn, and medians compared, so that what else the machine does hits all alike.

    Args:
        name: a method guided by CLIP.
        reports: receives `clip/cost/<name>.json`.
        runs: of each.

    Returns:
        What was written: median seconds, and the ratio of the step to the sum of its two parts.

    Raises:
        LleError: CLIP does not guide the method.
    """
    if not issubclass(registry.config_class(name), GuidedConfig):
        raise LleError(f"CLIP does not guide {name}, so there is no such step. Name clip_isp or clip_lit.")
    torch.manual_seed(0)
    method = registry.create(name, {"preset": "paper", "content": "none"})
    assert isinstance(method, ClipGuided)
    clip = _untrained()
    method._clip = Frozen(lambda: clip)
    method.prompts.requires_grad_(False)
    batch = {side: torch.rand(1, 3, SIDE, SIDE) for side in ("low", "normal")}
    picture = batch["low"].clone().requires_grad_()
    timed: dict[str, Callable[[], torch.Tensor]] = {
        "step": lambda: torch.stack(list(method.enhance_loss(batch).values())).sum(),
        "clip": lambda: clip.image_features(picture).sum(),
        "network": lambda: method.network(batch["low"]).sum(),
    }
    seconds: dict[str, list[float]] = {key: [] for key in timed}
    for turn in range(runs + 1):
        for key, run in timed.items():
            started = time.perf_counter()
            run().backward()
            if turn:  # the first turn reads the prompts and warms up
                seconds[key].append(time.perf_counter() - started)
    medians = {key: statistics.median(values) for key, values in seconds.items()}
    report = {
        "schema": ClipCost.SCHEMA,
        "method": name,
        "clip_backbone": f"{MODEL}, random weights",
        "side": SIDE,
        "runs": runs,
        "seconds": {key: round(value, 4) for key, value in medians.items()},
        "ratio": round(medians["step"] / (medians["clip"] + medians["network"]), 3),
        "provenance": provenance(command=f"lle clip cost {name}"),
    }
    return ClipCost.written(report, ClipCost.path(reports, name))


def _untrained() -> Clip:
    import open_clip

    model = open_clip.create_model(MODEL)
    return Clip(model, open_clip.get_tokenizer(MODEL), dict(model.visual.preprocess_cfg)).eval().requires_grad_(False)
