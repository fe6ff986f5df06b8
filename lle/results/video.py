"""What was measured of video: the darkness gate, flicker, speed from file to file, delay, and long runs of live streams."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from lle.results.base import Number, Part, ResultFile
from lle.results.benchmarks import Growth
from lle.results.provenance import Provenance


class Told(Part):
    """How a threshold tells the pictures of one split apart."""

    dark: int
    lit: int
    dark_missed: int
    """Dark pictures that were taken for lit ones."""
    lit_touched: int
    """Lit pictures that were taken for dark ones."""
    darkest_lit: Number
    brightest_dark: Number


class Tried(Part):
    """A statistic with its best threshold."""

    threshold: Number
    balanced_error: Number
    """Mean of the shares of dark and of lit pictures that are judged wrongly."""


class Darkness(ResultFile):
    """`reports/benchmarks/darkness.json`."""

    FILES: ClassVar[str] = "benchmarks/darkness.json"

    dataset: str
    chosen_on: list[str]
    """Splits; never the test split."""
    tried: dict[str, Tried]
    """By statistic, on those splits."""
    statistic: str
    """The one with the smallest error; of equal ones, the one with the widest gap."""
    threshold: Number
    """In the middle of the thresholds with that error."""
    used: dict[str, str | Number]
    """What `lle.infer.darkness` uses."""
    splits: dict[str, Told]
    """By split, with the statistic and threshold in use."""
    frames: dict[str, Number]
    """Statistic in use by picture of the folder of real frames; empty where there is none."""
    frames_dark: int
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "darkness.json"


class Flickers(Part):
    """Change over time where nothing changed but the camera's place."""

    warping: Number
    """Root mean square difference between a frame and the one before, moved to where it must be, in levels of 255."""
    mean_sd: Number
    """Standard deviation over time of the mean of the part that all frames show, in levels of 255, averaged over the clips."""


class Flicker(ResultFile):
    """`reports/flicker/<method>.json`."""

    FILES: ClassVar[str] = "flicker/*.json"

    method: str
    """Its id, or `input` for the frames as they are."""
    dataset: str
    clips: int
    frames: int
    """Of each clip."""
    alone: Flickers
    """Each frame by itself."""
    smoothed: Flickers | None
    """With parameters averaged over time; None for methods that estimate none."""
    smooth_seconds: Number
    psnr_alone: Number
    """Against the normal picture moved alike, dB."""
    psnr_smoothed: Number | None
    provenance: Provenance

    @staticmethod
    def path(reports: Path, method: str) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "flicker" / f"{method}.json"


class Delay(Part):
    """Time from the sending of a frame by the camera until the viewer has decoded the enhanced one, in ms."""

    median_ms: Number
    p95_ms: Number
    frames: int
    dropped: int


class VideoSpeed(Part):
    """One method on one clip."""

    frames_per_s: Number
    """From file to file: decoding, enhancing, encoding."""
    delays: dict[str, Delay]
    """From an RTSP camera at 25 frames a second, on the loopback interface, by what the viewer takes. `rtsp`: with FFmpeg, which waits for
    the next frame to know where one ends, both here and at the viewer; `mpegts`: over TCP, where the viewer need not wait. Empty where it
    was not measured."""


class Videos(ResultFile):
    """`reports/benchmarks/video.json`."""

    FILES: ClassVar[str] = "benchmarks/video.json"

    size: str
    """Height x width."""
    frames: int
    threads: int
    methods: dict[str, VideoSpeed]
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "video.json"


class Live(ResultFile):
    """`reports/benchmarks/live.json`."""

    FILES: ClassVar[str] = "benchmarks/live.json"

    method: str
    minutes: Number
    steps: dict[str, Number]
    """Seconds of what the camera does in one round."""
    filmed: int
    """Frames that the camera sent."""
    counters: dict[str, int]
    """What became of the frames, see `lle.infer.stream.Counters`."""
    latency_median_ms: Number
    latency_p99_ms: Number
    """From the arrival of a frame at the process to its writing."""
    longest_gap_s: Number
    """Between two frames that were written, while the camera sent."""
    memory: Growth
    """Resident memory, once a second."""
    threads_early: int
    threads_late: int
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "live.json"
