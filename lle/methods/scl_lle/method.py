"""SCL-LLE: semantically contrastive learning, the predecessor of PIE."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lle.engine.method import Batch, Losses, Phase, Stream, Update
from lle.losses.regions import PendingRegions
from lle.methods.pie.method import Pie
from lle.methods.scl_lle.config import Config


class SclLle(Pie):
    """Liang et al., AAAI 2022: PIE with other settings and, where there are masks, regions from labels."""

    config: Config
    labels = 35

    def phases(self) -> Sequence[Phase]:
        """PIE's phase; with label masks, the region term becomes an update of its own on them."""
        (phase,) = super().phases()
        if self.config.segmentation is None:
            return (phase,)
        assert phase.streams is not None
        streams = {**phase.streams, "masks": Stream("segmentation", data=self.config.segmentation)}
        regions = Update("regions", self.label_loss, moves=(self.network,), stream="masks")
        return (Phase(phase.name, (*phase.updates, regions), streams=streams),)

    def _find_regions(self, enhanced: Tensor) -> PendingRegions | None:
        # Labels, where there are any, have an update of their own.
        return super()._find_regions(enhanced) if self.config.segmentation is None else None

    def label_loss(self, batch: Batch) -> Losses:
        """Brightness consistency inside labelled regions of a `segmentation` batch; 255 marks pixels without a label."""
        labels = batch["mask"].masked_fill(batch["mask"] == 255, -1)
        return {"regions": self.config.w_regions * self._region_term(self.network(batch["image"]), labels)}
