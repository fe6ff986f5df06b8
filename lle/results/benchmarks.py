"""What the benchmarks found: damaged inputs, memory over many pictures, killed pipelines, the service under load, habits of judging."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from lle.results.base import Number, Part, ResultFile
from lle.results.provenance import Provenance


class Fault(Part):
    """One damaged input that was not handled as it should be."""

    kind: str
    """Kind of the input."""
    case: int
    """Number of the input: the same seed and number give the same bytes."""
    fault: str
    """`traceback`, `hang`, `crash`, `lost` (a neighbour or an older result is gone) or `silent` (an error without a message)."""
    message: str


class Handled(Part):
    """What became of the damaged inputs of one kind."""

    cases: int
    refused: int
    """Ended with exit status 1 and a message."""
    faults: int


class Mutations(ResultFile):
    """`reports/benchmarks/mutations.json`, and `mutations_<kind>.json` of a kind that was run by itself."""

    FILES: ClassVar[str] = "benchmarks/mutations*.json"

    seed: int
    seconds: Number
    kinds: dict[str, Handled]
    faults: list[Fault]
    provenance: Provenance

    @staticmethod
    def path(reports: Path, kinds: Sequence[str] = ()) -> Path:
        """Returns where the file lies; of the usual kinds together where none is named."""
        return Path(reports) / "benchmarks" / f"{'_'.join(('mutations', *kinds))}.json"


class Growth(Part):
    """Resident memory of a command, in MB, measured at every picture."""

    early_mb: Number
    """Median over the second tenth of the pictures: libraries are loaded by then."""
    late_mb: Number
    """Median over the last tenth."""
    growth_mb: Number
    """The difference of both."""
    peak_mb: Number


class MemoryGrowth(ResultFile):
    """`reports/benchmarks/memory.json`."""

    FILES: ClassVar[str] = "benchmarks/memory.json"

    pictures: int
    sides: list[int]
    """Shortest and longest side of the pictures, pixels."""
    method: str
    commands: dict[str, Growth]
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "memory.json"


class LargePicture(Part):
    """One model and one very large picture, from file to file."""

    peak_mb: Number | None
    """Most memory that the process held, in MB, its imports included; None where there is no result."""
    seconds: Number | None
    """From the start of the process to its end."""
    missing: str | None = None
    """Why there is no result."""


class Large(ResultFile):
    """`reports/benchmarks/large.json`."""

    FILES: ClassVar[str] = "benchmarks/large.json"

    size: str
    """Height x width of the picture."""
    methods: dict[str, LargePicture]
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "large.json"


class Kill(Part):
    """One kill of a pipeline."""

    signal: str
    moment_s: Number
    """After its start."""
    running: str
    """The command of `lle` that ran, as far as it could be told; empty between two."""
    exit_code: int
    """With which the killed pipeline ended; negative: the signal."""


class KilledRun(Part):
    """A pipeline that was killed, once or several times, and then run to its end."""

    kills: list[Kill]
    exit_code: int
    """Exit status of the last run."""
    different: list[str]
    """Files whose bytes are not those of the uninterrupted run."""
    left: list[str]
    """Files that the uninterrupted run does not have, and `lock` where DVC is locked, or has stages to run."""


class Kills(ResultFile):
    """`reports/benchmarks/kills.json`."""

    FILES: ClassVar[str] = "benchmarks/kills.json"

    seed: int
    seconds: Number
    """Of the uninterrupted run."""
    compared: int
    """Files whose bytes are compared."""
    runs: list[KilledRun]
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "kills.json"


class Habit(Part):
    """What one habit of other test scripts changes, as the habit's score minus the protocol's."""

    what: str
    """What is done otherwise."""
    psnr: Number
    """dB; change of the mean over the pictures."""
    least: Number
    """dB; of the picture with the lowest change."""
    most: Number
    """dB; of the picture with the highest change."""
    ssim: Number
    """Change of the mean."""


class JudgedWeights(Part):
    """Weights of the package, and what the habits make of their scores."""

    psnr: Number
    """dB, by the protocol."""
    ssim: Number
    habits: dict[str, Habit]


class Choice(Part):
    """Test PSNR in dB of the checkpoints of one training, by how one is chosen."""

    seed: int
    checkpoints: int
    by_validation: Number
    by_test: Number
    last: Number


class Selection(Part):
    """What choosing a checkpoint on test pictures gives."""

    method: str
    every: int
    """Iterations between two checkpoints."""
    trainings: list[Choice]


class Habits(ResultFile):
    """`reports/benchmarks/habits.json`: what the habits of other test scripts change in the scores of the same weights."""

    FILES: ClassVar[str] = "benchmarks/habits.json"

    dataset: str
    images: int
    weights: dict[str, JudgedWeights]
    selection: Selection
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "habits.json"


class ServiceLoad(ResultFile):
    """`reports/benchmarks/serve.json`: the service at more than it can do."""

    FILES: ClassVar[str] = "benchmarks/serve.json"

    model: str
    seconds: Number
    threads: int
    """Of the model, in the service and in the loop."""
    batch: int
    """Pictures of several requests in one call of the model, at most."""
    load: Number
    """Good pictures that came, as a multiple of those that the model can do in a loop."""
    answers: dict[str, int]
    """Answers by status."""
    kinds: dict[str, dict[str, int]]
    """Answers by kind of request and status; clients that go away have none."""
    different: int
    """Results whose bytes are not those of `lle enhance`."""
    median_s: Number
    """From the request to the end of the answer 200."""
    p99_s: Number
    refusal_median_s: Number | None
    """From the request to the end of the answer 429; None where there was none."""
    loop: Number
    """Megapixels a second of the model in a loop over the decoded pictures, before and after the load."""
    throughput: Number
    """Megapixels a second in answers 200, without the first tenth of the time."""
    share: Number
    """Of the throughput in that of the loop."""
    busy: Number
    """Share of the time in which the model was at work."""
    memory: Growth
    faults: list[str]
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "serve.json"


class RealPicture(Part):
    """What a model did to a real picture."""

    blown_out: Number
    """Share of the result's pixels whose channels are all at 250 of 255 or above."""
    blown_more: Number
    """The same, minus that of the input."""
    chroma_shift: Number | None
    """Distance in CIELAB's a* b* plane between the mean colour of grey areas and that of the input at the result's brightness; None where
    less than a hundredth of the picture is grey."""
    grey: Number
    """Share of the picture that is grey."""


class OverPictures(Part):
    """What a model did to the pictures of a folder."""

    blown_more: Number
    """Of the picture where it is the largest."""
    shift_mean: Number | None
    """Over the pictures with grey areas; None without any."""
    shift_most: Number | None
    shifts: int
    """How many have grey areas."""


class RealPictures(ResultFile):
    """`reports/benchmarks/real_<folder>.json`."""

    FILES: ClassVar[str] = "benchmarks/real_*.json"

    pictures: int
    models: dict[str, dict[str, RealPicture]]
    """By model and picture."""
    provenance: Provenance

    @staticmethod
    def path(reports: Path, folder: str) -> Path:
        """Returns where the file of a folder of pictures lies."""
        return Path(reports) / "benchmarks" / f"real_{folder}.json"

    def over_pictures(self, model: str) -> OverPictures:
        """Returns what a model did, over all pictures."""
        pictures = self.models[model].values()
        shifts = [one.chroma_shift for one in pictures if one.chroma_shift is not None]
        return OverPictures(
            blown_more=max(one.blown_more for one in pictures),
            shift_mean=sum(shifts) / len(shifts) if shifts else None,
            shift_most=max(shifts, default=None),
            shifts=len(shifts),
        )
