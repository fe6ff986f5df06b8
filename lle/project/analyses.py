"""Measurements beside quality and cost: what a method attends to, whether its idea acts, segmentation, reading, the mine network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lle.project.datasets import Datasets

if TYPE_CHECKING:
    from lle.results.attention import Attention
    from lle.results.benchmarks import Habits, RealPictures
    from lle.results.composite import Composite
    from lle.results.gradients import GradientLevels
    from lle.results.mechanism import Mechanism
    from lle.results.reading import Reading
    from lle.results.segmentation import Judge, Segmentation
    from lle.results.simulation import SimulationResult


class Analyses(Datasets):
    """What a project measures beside quality and cost."""

    def benchmark_habits(self, dataset: str, weights: Sequence[str] = (), method: str = "unet", iterations: int = 300) -> Habits:
        """Measures what the habits of other test scripts change in the scores: rounding, resizing, choosing on test pictures.

        Args:
            dataset: a prepared set with pairs in its splits `val` and `test`; `method` learns from it.
            weights: names of weights of the package; none takes all.
            method: trained with three seeds to choose a checkpoint.
            iterations: of each training.
        """
        from lle import zoo
        from lle.measure.habits import measure

        self.require_prepared(dataset)
        changes = (f"train.data={dataset}", f"methods.{method}.iterations={iterations}", "train.validate_images=0")
        params = self.override(*changes).params
        return measure(self.reports, params, dataset, self.data, self.cache, weights or zoo.list_zoo(), method, (0, 1, 2))

    def benchmark_real(self, folder: Path, models: Sequence[str] = (), sheet: Path | None = None) -> RealPictures:
        """Measures what models do to lamps and grey areas of real pictures, and writes reports/benchmarks/real_<folder>.json.

        Args:
            folder: of pictures.
            models: ids of methods, model folders or exported files; none takes the weights of the package.
            sheet: WebP file that receives all pictures side by side; None writes none.
        """
        from lle import zoo
        from lle.infer.shipped import Enhancer
        from lle.measure.real_pictures import measure

        opened = {Path(model).name: Enhancer.load(model, self.settings_of(model), models=self.models) for model in models}
        opened |= {} if models else {name: Enhancer.load(zoo.folder(name)) for name in zoo.list_zoo()}
        command = self.command("benchmark", "real", str(folder), *models, *(("--sheet", str(sheet)) if sheet else ()))
        return measure({name: one.enhance for name, one in opened.items()}, folder, self.reports, command, sheet)

    def attention(self, method: str, dataset: str) -> Attention:
        """Draws the attention maps by block of a trained student and its teacher on a picture of a prepared data set."""
        from lle.measure.attention import attention

        return attention(method, dataset, self.params, self.models, self.reports, self.data)

    def mechanism(self, method: str) -> Mechanism:
        """Measures whether the idea of a method acts in the model that was trained, by the numbers that it declares itself."""
        from lle.measure.mechanism import mechanism

        return mechanism(method, self.params, self.models, self.reports, self.data, self.cache)

    def composite(self) -> Composite:
        """Measures the composite index of the distillation paper, as defined here, for the methods of the section `composite`."""
        from lle.measure.composite import composite

        return composite(self.params, self.models, self.reports, self.data)

    def gradients(self, dataset: str) -> GradientLevels:
        """Measures the mean gradients of a data set's training pictures, which set the level E_g of SLLEN's loss."""
        from lle.measure.gradients import measure

        self.require_prepared(dataset)
        return measure(dataset, self.params, self.reports, self.data)

    def simulate(self) -> SimulationResult:
        """Simulates the mine networks of the section `iovt`, with the times of `reports/profile`."""
        from lle.iovt.run import simulate_all

        return simulate_all(self.params, self.reports)

    def train_judge(self, dataset: str) -> Judge:
        """Trains the judge of a segmentation set on its clean pictures, or takes its given weights, and measures it."""
        from lle.segmentation.judge import train_judge

        return train_judge(dataset, self.params, self.judges, self.reports, self.data, self.cache, self.scratch)

    def segment(self, method: str, dataset: str) -> Segmentation:
        """Lets a judge segment darkened pictures that a method has enhanced.

        Args:
            method: its id, `dark` for the darkened pictures as they are, or `clean` for the pictures before.
            dataset: a segmentation set with a trained judge.
        """
        from lle.segmentation.in_the_dark import segment_method

        return segment_method(method, dataset, self.params, self.models, self.reports, self.data, self.judges)

    def segmented(self) -> tuple[str, ...]:
        """Returns what the pipeline segments: `dark`, `clean` and every method of the suite."""
        from lle.segmentation.in_the_dark import CLEAN, DARK

        return (DARK, CLEAN, *self.params.suite.methods)

    def read(self, method: str, dataset: str) -> Reading:
        """Reads the signs in test pictures that a method has enhanced.

        Args:
            method: its id, `input` for the pictures as they are, or `normal` for their references.
            dataset: a prepared set whose pictures name signs, such as rendered scenes.
        """
        from lle.measure.reading import read_method

        self.require_prepared(dataset)
        return read_method(method, dataset, self.params, self.models, self.reports, self.data)

    def readings(self) -> tuple[str, ...]:
        """Returns what is read: `input`, `normal` and every method of the suite."""
        from lle.results.quality import INPUT, NORMAL

        return (INPUT, NORMAL, *self.params.suite.methods)
