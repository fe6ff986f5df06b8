"""What methods cost: measured profiles, counted operations, and the throughput of training and loader.

Sizes such as `400x600` are height x width in pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from lle.results.base import Number, Part, ResultFile
from lle.results.provenance import Provenance


class Latency(Part):
    """Time of one picture."""

    median: Number
    """Milliseconds."""
    runs: int | None = None
    threads: int | None = None
    others: Number | None = None
    """Share of the machine's cores that other programs took meanwhile, 0 to 1."""


class TrainingSpeed(Part):
    """How fast a training was."""

    iterations: int | None = None
    seconds: Number | None = None
    images_per_s: Number | None = None
    data_wait_share: Number | None = None
    """Share of the time in which the training waited for its data, 0 to 1."""
    wait_shares: dict[str, Number] = Field(default_factory=dict)
    """The same by stream."""


class Profile(ResultFile):
    """`reports/profile/<method>.json`."""

    FILES: ClassVar[str] = "profile/*.json"

    method: str
    parameters: int | None = None
    """Number of parameters used at test time."""
    macs: dict[str, Number | None] | None = None
    """Multiply-accumulates of one picture by size."""
    macs_missing: str | None = None
    latency_ms: dict[str, Latency | None] | None = None
    """Milliseconds of one picture by size."""
    peak_memory_mb: dict[str, Number | None] | None = None
    """Memory above that of the process, 10^6 bytes, by size."""
    train: TrainingSpeed | None = None
    yardstick_ms: Number | None = None
    """Milliseconds of a fixed piece of work on the same machine, beside the latencies."""
    provenance: Provenance = Field(default_factory=Provenance)

    @staticmethod
    def path(reports: Path, method: str) -> Path:
        """Returns where the file of a method lies."""
        return Path(reports) / "profile" / f"{method}.json"

    def gmacs(self, size: str) -> float | None:
        """Returns 10^9 multiply-accumulates at a size, or None where they were not counted."""
        macs = (self.macs or {}).get(size)
        return None if macs is None else macs / 1e9

    def latency(self, size: str) -> float | None:
        """Returns the median milliseconds a picture at a size, or None where it was not measured."""
        timing = self.timing(size)
        return None if timing is None else timing.median

    def timing(self, size: str) -> Latency | None:
        """Returns the timing at a size, or None where it was not measured."""
        return (self.latency_ms or {}).get(size)

    def memory(self, size: str) -> float | None:
        """Returns the peak memory in MB at a size, or None where it was not measured."""
        return (self.peak_memory_mb or {}).get(size)


class TimedRound(Part):
    """Latencies of a method in one round."""

    latency_ms: dict[str, Latency]
    """Milliseconds of one picture by size."""
    yardstick_ms: Number | None
    """Milliseconds of a fixed piece of work beside them; None on a GPU."""
    parameters: int | None = None
    """Of the network that was timed: rounds of another one do not count. None in files of before."""


class LatencyRounds(ResultFile):
    """`reports/benchmarks/latency.json`: latencies of the same models, timed again and again, from which their spread follows."""

    FILES: ClassVar[str] = "benchmarks/latency.json"

    methods: dict[str, list[TimedRound]]
    """By method, one entry a round."""
    provenance: Provenance

    @property
    def rounds(self) -> int:
        """In how many every method was timed."""
        return min(len(entries) for entries in self.methods.values())

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "latency.json"


class Counted(Part):
    """Parameters and multiply-accumulates of a network."""

    parameters: int
    macs: Number | None
    macs_missing: str | None = None


class MethodCosts(Counted):
    """The same of a method: with its settings, and in `paper` with the preset of that name."""

    paper: Counted | None = None


class Costs(ResultFile):
    """`reports/costs.json`: what can be counted without weights."""

    FILES: ClassVar[str] = "costs.json"

    size: str
    """Size of the picture."""
    methods: dict[str, MethodCosts]

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "costs.json"


class StartSeconds(Part):
    """How long a command takes to start."""

    seconds: Number
    """Median."""
    ratio: Number
    """As a multiple of the time that `python -c pass` takes."""


class Startup(ResultFile):
    """`reports/benchmarks/startup.json`."""

    FILES: ClassVar[str] = "benchmarks/startup.json"

    python_s: Number
    """Median seconds of `python -c pass`."""
    commands: dict[str, StartSeconds]
    runs: int
    """Of each; the median counts."""
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "startup.json"


class Spent(Part):
    """Time of one command of the pipeline, or of all of one kind."""

    seconds: Number
    cpu_seconds: Number
    """Of all threads."""


class SpentBy(Spent):
    """Time of one command."""

    command: str


class PipelineTimes(ResultFile):
    """`reports/benchmarks/pipeline.json`."""

    FILES: ClassVar[str] = "benchmarks/pipeline.json"

    seconds: Number
    """Of the whole pipeline."""
    idle_seconds: Number
    """What of it passed while no command ran: libraries are imported, and DVC is at work."""
    kinds: dict[str, Spent]
    """By the first word of the commands, the longest first."""
    commands: list[SpentBy]
    """In the order in which they ran."""
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "pipeline.json"


class CropThroughput(Part):
    """Images per second at one size of crop."""

    training_images_per_s: Number | None = None
    loader_images_per_s: Number | None = None
    loader_per_training: Number | None = None
    """The loader's speed divided by the training's."""


class Throughput(ResultFile):
    """`reports/throughput.json`."""

    FILES: ClassVar[str] = "throughput.json"

    method: str
    batch_size: int
    workers: int | None = None
    """Processes of the loader."""
    crops: dict[str, CropThroughput]
    """By size of the crop."""
    provenance: Provenance = Field(default_factory=Provenance)

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "throughput.json"
