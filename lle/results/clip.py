"""Results about CLIP: the small one, what it knows of darkness, what a step costs, and what prompts learned. Shares are in [0, 1]."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, Field

from lle.results.base import Number, Part, ResultFile
from lle.results.provenance import Provenance


class ClipModel(ResultFile):
    """`reports/clip/model.json`: the training of the small CLIP, and its right answers on photographs it was not trained on."""

    FILES: ClassVar[str] = "clip/model.json"

    images: int
    iterations: int
    loss_first: Number
    loss_last: Number
    logit_scale: Number
    seed: int
    held_out_images: int
    held_out_scenes: list[str]
    retrieval_chance: Number
    """Share of right answers that guessing gives."""
    retrieval_top1: Number
    retrieval_top1_by_light: dict[str, Number]
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "clip" / "model.json"


class ClipDarkness(ResultFile):
    """`reports/clip/darkness/<data set>.json`: whether a CLIP tells dark pictures from lit ones by texts alone."""

    FILES: ClassVar[str] = "clip/darkness/*.json"

    dataset: str
    split: str
    clip_backbone: str
    images: int
    accuracy: Number
    accuracy_dark: Number
    accuracy_lit: Number
    texts_dark: list[str]
    texts_lit: list[str]
    provenance: Provenance

    @staticmethod
    def path(reports: Path, dataset: str) -> Path:
        """Returns where the file of a data set lies."""
        return Path(reports) / "clip" / "darkness" / f"{dataset}.json"


class StepSeconds(Part):
    """Median seconds, forward and backward."""

    step: Number
    clip: Number
    network: Number


class ClipCost(ResultFile):
    """`reports/clip/cost/<method>.json`: a step of enhancement against the image tower and the network alone."""

    FILES: ClassVar[str] = "clip/cost/*.json"

    method: str
    clip_backbone: str
    side: int
    """Pixels."""
    runs: int
    seconds: StepSeconds
    ratio: Number
    """The step divided by the sum of the other two."""
    provenance: Provenance

    @staticmethod
    def path(reports: Path, method: str) -> Path:
        """Returns where the file of a method lies."""
        return Path(reports) / "clip" / "cost" / f"{method}.json"


class PromptMap(Part):
    """The network's map of one photograph, before and after refinement."""

    scene: str
    scale: Number
    """Absolute value at which the drawn map is white."""
    signed: bool
    mean_absolute: dict[str, Number]
    files: list[str]


class ClipPrompts(ResultFile):
    """`reports/clip/prompts/<method>.json`: r, the probability of "normal", against exposure, by scene and `before` or `after`.

    The method's own tags, such as its perceptual loss, are keys of the file.
    """

    model_config = ConfigDict(extra="allow")
    FILES: ClassVar[str] = "clip/prompts/*.json"

    method: str
    clip_backbone: str
    rounds: int
    stops: list[Number]
    """Exposures against normal light, in photographic stops."""
    log_odds: dict[str, dict[str, list[Number]]]
    normality: dict[str, dict[str, list[Number]]]
    """r at every exposure."""
    largest_fall: dict[str, dict[str, Number]]
    """In log-odds, from one exposure to the next."""
    monotone: dict[str, bool]
    map: PromptMap
    provenance: Provenance = Field(default_factory=Provenance)

    @staticmethod
    def path(reports: Path, method: str) -> Path:
        """Returns where the file of a method lies; the pictures are in the folder of the same name."""
        return Path(reports) / "clip" / "prompts" / f"{method}.json"
