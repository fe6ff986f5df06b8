"""The CLIP of the methods that are guided by language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lle.project.folders import Folders

if TYPE_CHECKING:
    from lle.results.clip import ClipCost, ClipDarkness, ClipModel, ClipPrompts


class Guidance(Folders):
    """What a project does with CLIP."""

    def train_clip(self) -> ClipModel:
        """Trains the small CLIP that needs no download into build/clip and returns its report."""
        from lle.clip.small_clip import train
        from lle.keys import stage_key
        from lle.results.clip import ClipModel

        code = stage_key("clip", self.params).code
        train(self.params.clip, self.root / "build/clip", self.reports, code, self.params.command("clip"))
        return ClipModel.read(ClipModel.path(self.reports))

    def clip_darkness(self, dataset: str) -> ClipDarkness | None:
        """Measures how well the CLIP of clip_isp tells dark from lit pictures of a prepared data set; None where that is not on disk."""
        from lle.clip.zero_shot import measure
        from lle.config.data import settings_for
        from lle.config.schema import method_settings

        settings_for(dataset, self.params.data)  # raises where there is no such data set
        return measure(dataset, method_settings(self.params, "clip_isp").backbone, self.reports, self.data)  # type: ignore[attr-defined]

    def clip_cost(self, method: str) -> ClipCost:
        """Times an enhancement step of a method guided by CLIP against the CLIP image tower and the network alone."""
        from lle.clip.cost import measure

        return measure(method, self.reports)

    def clip_prompts(self, method: str) -> ClipPrompts:
        """Looks at what the prompts and the network of a trained method guided by CLIP have learned."""
        from lle.clip.prompt_report import look

        return look(method, self.models, self.reports)
