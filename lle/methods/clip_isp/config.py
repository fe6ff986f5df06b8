"""Settings of CLIP-ISP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.clip import GuidedConfig

# Prompts that are trained until they tell low from normal light, and a scale that leaves r a slope between the two.
_RECOMMENDED: Mapping[str, Any] = {
    "prompt_iterations": 30,
    "prompt_lr": 5e-3,
    "prompt_crop": 128,
    "logit_scale": 10.0,
    "rounds": 3,
    "refine_iterations": 8,
    "lambda_text": 0.0,
    "colour_blind": True,
    "ema": 0.9,
}


class Config(GuidedConfig):
    """CLIP-ISP. The paper prints no training schedule: `paper` takes CLIP-LIT's, from which it comes."""

    tiny: ClassVar[Mapping[str, Any]] = {"view": 32}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "recommended": _RECOMMENDED,
        # A quarter of the detail network's work, for processors at the edge.
        "edge": {**_RECOMMENDED, "detail_scale": 2},
        "paper": {
            "backbone": {"model": "ViT-B-32", "pretrained": "openai", "text_width": 512, "context": 77},
            "view": None,
            "crop": 224,
            "prompt_crop": 224,
            "iterations": 2100,
            "batch_size": 8,
            "lr": 1e-4,
            "betas": (0.9, 0.999),
            "weight_decay": 1e-3,
            "clip": 0.1,
            "prompt_iterations": 8000,
            "prompt_batch_size": 16,
            "prompt_lr": 5e-6,
            "refine_iterations": 1000,
            "rounds": 20,
            "prompt_init": "random",
            "logit_scale": 100.0,
            "lambda_text": 0.0,
            "lambda_map": 0.0,
            "detail_lr_factor": 1.0,
            "gain_range": 0.5,
            "detail_range": 1.0,
            "lambda_filters": 0.0,
            "lambda_lit": 0.0,
            "lambda_look": 0.0,
            "gamma_range": 5.0,
            "schedule": "constant",
            "p2": 0.3,
        },
    }

    iterations: int = Field(25, ge=0)
    """Steps of each enhancement phase."""
    batch_size: int = Field(4, ge=1)
    """Low-light pictures a step."""
    crop: int = Field(64, ge=16)
    """Side of the square training crops, in pixels."""
    lr: float = Field(2e-3, gt=0)
    """Learning rate of the enhancement network."""
    schedule: Literal["constant", "cosine", "linear", "step"] = "cosine"
    """How the learning rate falls over a phase; cosine ends at `lr_min`, where the last steps no longer move the result."""
    detail_lr_factor: float = Field(0.1, ge=0)
    """Learning rate of the detail network against the encoder's; CLIP alone would paint with it."""
    gamma_range: float = Field(3.0, gt=1)
    """R: the gamma filter's exponent lies in (1/R, R). Dark photographs need about 0.4; exponents near 0.2 wash them out."""
    gain_range: float = Field(0.03, gt=0)
    """Largest logarithm of a white balance gain: 0.5 in the source of the filters, 0.03 where nothing but CLIP guards the colours."""
    detail_range: float = Field(0.03, gt=0, le=1)
    """Largest value of the detail map: 1 in the paper; less keeps CLIP from painting with it."""
    detail_scale: int = Field(1, ge=1, le=8)
    """Side of the blocks of pixels that the detail network takes as channels of one place: 1 in the paper; 2 is a quarter of the work."""
    view: int | None = Field(256, ge=16)
    """Side to which the encoder's view is resized; null shows it the whole picture."""
    labels: Literal["unpaired", "paired"] = "unpaired"
    """Normal-light photographs, the labels, beside the low-light ones of a batch: of any scenes, or of the same scenes."""
    label_stops: float = Field(0.0, ge=0)
    """Exposures in photographic stops, from minus this to plus this, at which labels are seen; 0 leaves them as they are. Above 0 it
    is the paper's ablation "labels with different exposures"."""
    refine_source: Literal["rounds", "filters"] = "rounds"
    """I_en0 to I_en3: results of the four `rounds` before, or the outputs of the four `filters`, which also stand for rounds that
    do not exist yet."""
    lambda_map: float = Field(5.0, ge=0)
    """Weight of mean|M|, which keeps the detail map small; the paper has no such term."""
    lambda_filters: float = Field(1.0, ge=0)
    """Weight of the squares of contrast, of the gains' logarithms and of the change of sharpening, which leaves most of the work
    to gamma; not in the paper."""
    lambda_look: float = Field(10.0, ge=0)
    """Weight of keeping brightness, contrast and colourfulness of the results like those of normal-light photographs, which
    need not show the same scenes; not in the paper. CLIP alone brightens until everything is pale."""
    look_tolerance: float = Field(0.25, ge=0)
    """Distance from the normal-light mean that this term lets pass, in standard deviations over normal-light crops."""
    lambda_lit: float = Field(5.0, ge=0)
    """Weight of leaving normal-light pictures as they are (mean absolute difference); not in the paper."""
    p0: float = Field(0.9, ge=0, le=1)
    """Margin between normal light and the input (eq. 5)."""
    p1: float = Field(0.2, ge=0, le=1)
    """Margin between normal light and the latest result."""
    p2: float = Field(0.3, ge=0, le=1)
    """Margin between successive results; four of 0.3 cannot all be met at once, see the card."""
