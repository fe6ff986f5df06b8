"""A pair of learned prompts, 'low light' and 'normal light', and what they say about a picture."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lle.clip.backbone import LOGIT_SCALE, Clip
from lle.config.clip import Backbone

LENGTH = 16
"""Placeholder words `X` of a prompt; the transformer's answer is read where they end [CLIP-LIT, length_prompt]."""

TEXTS = ("low-light image", "normal-light image")


class PromptPair(nn.Module):
    """Two learnable sequences of token embeddings, T_F (low light) and T_T (normal light).

    Source: CLIP-LIT's `Prompts` (train.py): the whole sequence learns, and features are read at the end of sixteen words `X`.
    Theirs starts both prompts at the same point; here they start apart, at random or at a text.

    Args:
        settings: gives the width and length of a prompt; CLIP itself is not loaded here.
        logit_scale: factor on cosines.
    """

    def __init__(self, settings: Backbone, logit_scale: float = LOGIT_SCALE) -> None:
        super().__init__()
        self.logit_scale = logit_scale
        # The scale at which open_clip initialises token embeddings.
        self.embedding = nn.Parameter(0.02 * torch.randn(2, settings.context, settings.text_width))
        self._cached: tuple[tuple[int, torch.device], Tensor] | None = None

    @torch.no_grad()
    def start(self, clip: Clip, source: Literal["random", "text"]) -> None:
        """Sets the first embeddings from CLIP's own.

        Args:
            clip: the model that will read them.
            source: `random` draws sixteen of its words for each prompt; `text` writes `low-light image` and `normal-light image`.
        """
        texts = TEXTS
        embedding = clip.embeddings(texts)
        if source == "random":
            # The frame (start, end, padding) is that of sixteen words; the words are drawn from the vocabulary.
            embedding = clip.embeddings([" ".join("X" * LENGTH)] * 2)
            words = torch.randint(clip.token_embedding.num_embeddings - 2, (2, LENGTH))
            embedding[:, 1 : LENGTH + 1] = clip.token_embedding(words.to(embedding.device))
        else:
            embedding = self._stretch(clip, embedding)
        self.embedding.copy_(embedding)

    @staticmethod
    def _stretch(clip: Clip, embedding: Tensor) -> Tensor:
        """Repeats the words of `TEXTS` until the prompt ends where sixteen words end."""
        framed = clip.embeddings([" ".join("X" * LENGTH)] * 2)
        for row, text in enumerate(TEXTS):
            tokens = clip.tokens([text])[0]
            words = int(tokens.argmax()) - 1
            for place in range(LENGTH):
                framed[row, 1 + place] = embedding[row, 1 + place % words]
        return framed

    def features(self, clip: Clip) -> Tensor:
        """Returns both prompts' features, 2 x D, of length 1, with gradients to the prompts where they are trained.

        Frozen prompts are read once and kept until they change.
        """
        tokens = clip.tokens([" ".join("X" * LENGTH)] * 2)
        if self.embedding.requires_grad and torch.is_grad_enabled():
            return clip.prompt_features(self.embedding, tokens)
        # Every in-place write (an optimiser step, a loaded checkpoint) raises the parameter's version.
        key = (self.embedding._version, self.embedding.device)
        if self._cached is None or self._cached[0] != key:
            with torch.no_grad():
                self._cached = (key, clip.prompt_features(self.embedding, tokens))
        return self._cached[1]

    def logits(self, clip: Clip, image_features: Tensor) -> Tensor:
        """Maps picture features, B x D of length 1, to scaled cosines with T_F and T_T, B x 2."""
        return self.logit_scale * image_features @ self.features(clip).T

    def normality(self, clip: Clip, image_features: Tensor) -> Tensor:
        """Maps picture features, B x D, to r = P(normal light), B: eq. 1's g and eq. 5's r."""
        return F.softmax(self.logits(clip, image_features), dim=1)[:, 1]
