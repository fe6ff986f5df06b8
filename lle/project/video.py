"""Measurements of video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lle.project.folders import Folders

if TYPE_CHECKING:
    from lle.infer.enhancer import Enhancer
    from lle.results.video import Darkness, Flicker, Live, Videos


class Moving(Folders):
    """What a project measures on video."""

    def flicker(self, method: str, dataset: str, smooth: float = 0.5) -> Flicker:
        """Measures how much a method flickers on clips made from test pictures, and writes reports/flicker/<method>.json.

        Args:
            method: its id, `input`, a model folder or an exported file; the last two are called by their last name.
            dataset: a prepared set of pairs.
            smooth: time constant in seconds for methods that estimate parameters.
        """
        from lle.data.pairs import open_prepared
        from lle.measure.flicker import measure
        from lle.results.quality import INPUT

        load = None if method == INPUT else self._loader(method)
        return measure(Path(method).stem, load, open_prepared(dataset, self.data), self.reports, smooth=smooth, model=method)

    def flickers(self) -> tuple[str, ...]:
        """Returns what `suite` stands for: `input` and every method of the suite."""
        from lle.results.quality import INPUT

        return (INPUT, *self.params.suite.methods)

    def benchmark_darkness(self, dataset: str, frames: Path | None = None) -> Darkness:
        """Measures how often the darkness gate errs on pairs, and writes reports/benchmarks/darkness.json.

        Args:
            dataset: a prepared set of pairs.
            frames: folder of real frames that are judged, too.
        """
        from lle.data.pairs import open_prepared
        from lle.measure.darkness import measure

        return measure(open_prepared(dataset, self.data), self.reports, frames)

    def benchmark_video(self, models: Sequence[str], frames: int = 150, seconds: float = 15.0) -> Videos:
        """Measures models on a synthetic clip and camera, and writes reports/benchmarks/video.json.

        Args:
            models: ids of methods, model folders or exported files.
            frames: of the clip.
            seconds: for which a camera is watched.
        """
        from lle.measure.video_speed import measure

        return measure({Path(model).stem: self._loader(model) for model in models}, self.reports, frames, seconds)

    def benchmark_live(self, model: str, minutes: float = 30.0, on_line: Callable[[str], None] | None = None) -> Live:
        """Streams a camera with every trouble for a long time, and writes reports/benchmarks/live.json.

        Args:
            model: id of a method, model folder or exported file.
            minutes: for how long.
            on_line: receives what `lle stream` would say every second.
        """
        from lle.measure.live import measure

        return measure(Path(model).stem, self._loader(model)(), self.reports, minutes, on_line=on_line)

    def _loader(self, model: str) -> Callable[[], Enhancer]:
        from lle.errors import LleError
        from lle.infer.shipped import Enhancer

        if (begun := self.newer_training(model)) is not None:
            raise LleError(
                f"the model of '{model}' is older than a training that was begun after it and has not ended, so it is not measured. Finish "
                f"that one with the same `lle train {model}`, or give it up: rm -r {begun}."
            )
        settings = self.settings_of(model)
        return lambda: Enhancer.load(model, settings, models=self.models)
