"""Settings of CLIP-LIT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from lle.config.clip import GuidedConfig


class Config(GuidedConfig):
    """CLIP-LIT."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # On photographs the result hangs less on the seed than with a single refinement between longer phases.
        # With two pictures a step, or a wider tolerance, how bright results become hangs on the seed.
        "recommended": {"iterations": 50, "batch_size": 4, "look_tolerance": 0.1, "ema": 0.95, "rounds": 3},
        "paper": {
            "backbone": {"model": "ViT-B-32", "pretrained": "openai", "text_width": 512, "context": 77},
            "content_backbone": {"model": "RN101", "pretrained": "openai", "text_width": 512, "context": 77},
            "resize": 512,
            "prompt_crop": 256,
            "width": 32,
            "start": "authors",
            "iterations": 2100,
            "batch_size": 8,
            "lr": 2e-5,
            "betas": (0.9, 0.999),
            "weight_decay": 1e-3,
            "prompt_iterations": 8000,
            "prompt_batch_size": 16,
            "prompt_lr": 5e-6,
            "reconstruct_iterations": 1000,
            "refine_iterations": 1000,
            "rounds": 13,
            "prompt_init": "random",
            "logit_scale": 100.0,
            "lambda_text": 0.0,
            "guidance_form": "probability",
            "lambda_clip": 320.0,
            "content": "features",
            "lambda_id": 22.5,
            "lambda_lit": 0.0,
            "lambda_look": 0.0,
            "schedule": "constant",
            "lambda_smooth": 0.0,
            "lambda_floor": 0.0,
            "lambda_over": 0.0,
        },
    }

    width: int = Field(16, ge=8, multiple_of=4)
    """Channels of the outer blocks, twice as many inside; the released network has 32. With 16 a step and a picture take a quarter."""
    iterations: int = Field(80, ge=0)
    """Steps of each enhancement phase."""
    batch_size: int = Field(2, ge=1)
    """Low-light pictures a step."""
    crop: int = Field(64, ge=16)
    """Side of the square training crops, in pixels."""
    resize: int | None = Field(None, ge=16)
    """Side to which whole pictures are resized for the enhancement phases, as the authors do; null crops."""
    lr: float = Field(2e-4, gt=0)
    """Learning rate of the enhancement network. At 5e-4 the light of all pictures swings by a tenth a step."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam's decay rates."""
    schedule: Literal["constant", "cosine", "linear", "step"] = "cosine"
    """How the learning rate falls over a phase; cosine ends at `lr_min`, so that the result does not hang on the last step."""
    start: Literal["identity", "brightness", "authors"] = "brightness"
    """First weights: M near 1, which returns the input; M near the mean brightness of low-light photographs against that of
    normal-light ones, which need no partners; or the authors' N(0, 0.02), from which only a reconstruction phase finds the way."""
    reconstruct_iterations: int = Field(0, ge=0)
    """Steps in which the network first learns to return its input; 0 leaves that phase out."""
    guidance_form: Literal["probability", "log"] = "log"
    """How the low-light prompt is minimised: its probability, as the authors do, or the logarithm."""
    lambda_clip: float = Field(1.0, ge=0)
    """Weight of the probability of the low-light prompt; the authors' is 16 x 20."""
    lambda_smooth: float = Field(2.0, ge=0)
    """Weight of the light map's total variation; the authors have no such term."""
    floor: float = Field(0.12, gt=0, lt=1)
    """Light that training keeps from: 0.12 brightens up to eight times."""
    lambda_floor: float = Field(100.0, ge=0)
    """Weight of the light below that floor, and whether the next term counts; the authors have no such terms."""
    lambda_over: float = Field(20.0, ge=0)
    """Weight of pictures brighter than their light, which the division pushes beyond white."""
    lambda_look: float = Field(10.0, ge=0)
    """Weight of keeping brightness, contrast and colourfulness of the results like those of normal-light photographs, which
    need not show the same scenes; the authors have no such term."""
    look_tolerance: float = Field(0.25, ge=0)
    """Distance from the normal-light mean that this term lets pass, in standard deviations over normal-light crops."""
    lambda_lit: float = Field(0.0, ge=0)
    """Weight of leaving normal-light pictures as they are (mean absolute difference); the authors have no such term."""
    refine_scale: float = Field(1.0, gt=0)
    """Factor on the hinges of the refinement; the authors' 200 only serves their stopping rule."""
