"""Frozen CLIP models behind one small interface, whoever made them.

A model comes from open_clip by name and tag, from a file of weights, or from the folder that `lle clip` writes, which
has open_clip's own layout. Nothing here trains.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle.config.clip import DEMO, Backbone
from lle.errors import ConfigError, WeightsError

LOGIT_SCALE = 100.0
"""Factor on cosines before softmax or exp: what OpenAI's models ended their training with, and CLIP-LIT's constant."""


class Clip(nn.Module):
    """A CLIP as the methods use it. Gradients flow to pictures and prompts; its own weights never move.

    Args:
        model: an open_clip model (`CLIP` or `CustomTextCLIP` with a text transformer of its own).
        tokenizer: from texts to B x L token numbers.
        preprocess: open_clip's preprocessing settings (`size`, `mean`, `std`, `interpolation`, `resize_mode`).

    Raises:
        WeightsError: the model's text tower or preprocessing is of a kind that is not supported.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, tokenizer: Any, preprocess: dict[str, Any]) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        size = preprocess["size"]
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        self.resize_mode, self.interpolation = preprocess["resize_mode"], preprocess["interpolation"]
        if self.resize_mode not in ("shortest", "squash") or self.interpolation not in ("bicubic", "bilinear"):
            raise WeightsError(
                f"this CLIP resizes by '{self.resize_mode}' with '{self.interpolation}'; "
                "shortest or squash, with bicubic or bilinear, work here."
            )
        tower: Any = getattr(model, "text", model)
        if not isinstance(getattr(tower, "token_embedding", None), nn.Embedding):
            raise WeightsError("this CLIP's text tower has no token embedding in which a prompt could be learned. Choose another model.")
        self.token_embedding: nn.Embedding = tower.token_embedding
        self.context = int(tower.context_length)
        self.text_width = int(self.token_embedding.embedding_dim)
        self.register_buffer("mean", torch.tensor(preprocess["mean"]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(preprocess["std"]).view(1, 3, 1, 1))

    def preprocess(self, images: Tensor) -> Tensor:
        """Does what open_clip's transform does, differentiably.

        Args:
            images: B x 3 x H x W, RGB in [0, 1].

        Returns:
            Normalised, at the model's size.
        """
        height, width = images.shape[-2:]
        if self.resize_mode == "squash":
            target = self.size
        else:
            short = min(height, width)
            target = (self.size[0] * height // short, self.size[1] * width // short)
        if (height, width) != tuple(target):
            images = F.interpolate(images, target, mode=self.interpolation, align_corners=False, antialias=True).clamp(0, 1)
        top, left = round((target[0] - self.size[0]) / 2), round((target[1] - self.size[1]) / 2)
        images = images[..., top : top + self.size[0], left : left + self.size[1]]
        return (images - self.mean) / self.std

    def image_features(self, images: Tensor) -> Tensor:
        """Maps pictures, B x 3 x H x W in [0, 1], to features of length 1, B x D."""
        return F.normalize(self.model.encode_image(self.preprocess(images)), dim=-1)  # type: ignore[operator]

    def image_maps(self, images: Tensor) -> list[Tensor]:
        """Maps pictures, B x 3 x H x W in [0, 1], to the image tower's maps from its early to its late stages, B x C x h x w each."""
        visual: Any = self.model.visual
        maps: list[Tensor] = visual.forward_intermediates(self.preprocess(images), intermediates_only=True)["image_intermediates"]
        return maps

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Maps texts to token numbers, B x L int64."""
        tokens: Tensor = self.tokenizer(list(texts), context_length=self.context)
        return tokens.to(self.mean.device)

    def embeddings(self, texts: Sequence[str]) -> Tensor:
        """Maps texts to the embeddings of their tokens, B x L x W: a start for learned prompts."""
        embedded: Tensor = self.token_embedding(self.tokens(texts))
        return embedded

    def text_features(self, texts: Sequence[str]) -> Tensor:
        """Maps texts to features of length 1, B x D."""
        return F.normalize(self.model.encode_text(self.tokens(texts)), dim=-1)  # type: ignore[operator]

    def prompt_features(self, embeddings: Tensor, tokens: Tensor) -> Tensor:
        """Runs the text transformer on learned embeddings in place of a text's own.

        The embedding layer's output is replaced while open_clip's own code runs, so that every text transformer it has works
        as it is, with its masks, pooling and projection.

        Args:
            embeddings: P x L x W.
            tokens: P x L, a text of the same length; where it ends is where the features are read.

        Returns:
            Features of length 1, P x D.
        """
        handle = self.token_embedding.register_forward_hook(lambda *_: embeddings)
        try:
            return F.normalize(self.model.encode_text(tokens), dim=-1)  # type: ignore[operator]
        finally:
            handle.remove()


def load(settings: Backbone) -> Clip:
    """Loads a frozen CLIP.

    Args:
        settings: which one.

    Raises:
        WeightsError: its weights are not here and cannot be downloaded, or do not fit.
        ConfigError: it is unknown, or of another text width or context than the settings say.
    """
    if settings.model == "demo":
        clip = _folder(settings.weights or DEMO, "Train it: lle clip.")
    elif settings.model.startswith("local-dir:"):
        clip = _folder(Path(settings.model.removeprefix("local-dir:")), "It needs open_clip_config.json and the weights.")
    else:
        clip = _named(settings)
    for key, value in (("text_width", clip.text_width), ("context", clip.context)):
        if getattr(settings, key) != value:
            raise ConfigError(f"backbone.{key} is {getattr(settings, key)}, but {settings.model} has {value}. Set it to {value}.")
    return clip


def _folder(folder: Path, advice: str) -> Clip:
    import open_clip

    if not (folder / "open_clip_config.json").is_file():
        raise WeightsError(f"there is no CLIP in {folder}. {advice}")
    try:
        model = open_clip.create_model(f"local-dir:{folder}", require_pretrained=True)
        tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"the CLIP in {folder} cannot be read: {error}. {advice}") from error
    return _frozen(model, tokenizer)


def _named(settings: Backbone) -> Clip:
    import open_clip

    from lle.errors import did_you_mean

    name, tag = settings.model, settings.pretrained
    if name not in open_clip.list_models():
        raise ConfigError(f"open_clip has no model '{name}'.{did_you_mean(name, open_clip.list_models())}")
    tags = open_clip.list_pretrained_tags_by_model(name)
    if tag is not None and tag not in tags:
        raise ConfigError(f"open_clip has no weights '{tag}' for {name}.{did_you_mean(tag, tags)} Known: {', '.join(tags)}.")
    known = open_clip.get_pretrained_cfg(name, tag) if tag is not None else {}
    if settings.weights is not None and not settings.weights.is_file():
        raise WeightsError(f"backbone.weights: {settings.weights} does not exist. Correct the path, or set it to null to use the download.")
    try:
        model = open_clip.create_model(
            name,
            pretrained=str(settings.weights) if settings.weights is not None else tag,
            # The tag says how its weights were trained; the plain model name does not.
            force_quick_gelu=bool(known.get("quick_gelu")),
            force_preprocess_cfg={key: known[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in known},
            require_pretrained=True,
        )
    except RuntimeError as error:
        if settings.weights is not None:
            raise WeightsError(f"{settings.weights} does not hold weights of {name}: {error}") from error
        source = known.get("hf_hub", "").rstrip("/") or known.get("url", "")
        forbidden = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
        why = "downloading is switched off (HF_HUB_OFFLINE)" if forbidden else "could not be downloaded"
        raise WeightsError(
            f"the weights '{tag}' of {name} are not in the hub's cache and {why}. On a machine with internet run "
            f"`python -c \"import open_clip; open_clip.create_model('{name}', '{tag}')\"` and bring its cache (HF_HOME) here, "
            f"or bring the file of {source} and name it as `weights`, or set `model: demo`, which needs no download."
        ) from error
    return _frozen(model, open_clip.get_tokenizer(name))


def _frozen(model: nn.Module, tokenizer: Any) -> Clip:
    clip = Clip(model, tokenizer, dict(model.visual.preprocess_cfg))  # type: ignore[union-attr, arg-type]
    return clip.eval().requires_grad_(False)
