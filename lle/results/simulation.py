"""The simulated mine network: what its scenarios came to, CLIP-ISP's simulation made again, and a designer's answers.

Ages and delays are in milliseconds, rates in 10^6 bit/s.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from lle.results.base import Fact, Number, Part, ResultFile
from lle.results.provenance import Provenance


class Ages(Part):
    """Ages of frames, in milliseconds; none where there was no frame."""

    n: int
    """Frames."""
    mean: Number | None = None
    p50: Number | None = None
    p95: Number | None = None
    p99: Number | None = None


class Moment(Part):
    """Frames that cameras made in one part of the simulated time."""

    at_s: Number
    """Its middle, in seconds."""
    shown: Number
    """Share that came to the control room, 0 to 1."""
    age: Number | None
    """Mean age there."""


class Mine(Part):
    """What a simulated mine came to."""

    title: str
    place: str
    """`edge` or `cloud`."""
    method: str
    cameras: int
    switches: int
    seconds: Number
    """Simulated."""
    made: int
    """Frames that cameras made."""
    shown: int
    """Frames that came to the control room."""
    enhanced: int
    """Of these, those that had been enhanced."""
    late: Number
    """Share of the frames made that came late or never, 0 to 1."""
    lost: dict[str, int]
    """Frames by what they were lost to."""
    dark: Ages
    """Enhanced frames in the control room."""
    lit: Ages
    """Frames in the control room that the gate had let through."""
    ready: Ages
    """Enhanced frames when they were enhanced."""
    box_load: Number
    """Share of the time in which the busiest box worked, of all its places."""
    cloud_load: Number
    """The same of the cloud."""
    ring_load: Number
    """Share of the time in which the busiest link of the ring was busy at the end, video included."""
    uplink_load: Number
    """The same of the busier direction of the link to the cloud."""
    failures: list[str]
    """What failed, and when."""
    moments: list[Moment]
    """What became of the frames over time."""


class Timing(Part):
    """A simulated frame rate or delay beside the one that the paper prints."""

    claimed: Number
    simulated: Number
    low: Number
    """Of the middle 95 % of the rounds."""
    high: Number


class Reading(Part):
    """What the paper's frame rates say of the two computers if its delays are read in one way."""

    title: str
    edge_ms: Number
    cloud_ms: Number
    cloud_speed: Number
    """How many times as fast the cloud's computer then is as the edge's."""


class Fitted(Part):
    """What was assumed, and what was fitted to the four figures of the paper."""

    picture_bytes: Number
    """Bytes of a picture, from the delay at the edge."""
    bits_per_pixel: Number
    cloud_mbit_per_s: Number
    """Rate of the way to the cloud, from the delay there."""
    edge_ms: Number
    """Mean time of a picture on the edge's computer."""
    cloud_ms: Number
    edge_speed: Number
    """As multiples of the machine of reports/profile."""
    cloud_speed: Number
    assumed: dict[str, Number]
    """What the paper does not state, by name and unit."""


class Sensitivity(Part):
    """How the paper's frame rates move with one parameter."""

    parameter: str
    value: Number
    halved: tuple[Number, Number] = Field(strict=False)
    """Frames per second at the edge and in the cloud with half of it."""
    doubled: tuple[Number, Number] = Field(strict=False)
    """The same with twice as much."""
    turns: Number | None
    """Value at which the cloud is as fast as the edge, all others fixed; None where there is none within a factor of 1000."""


class Family(Part):
    """A way to the cloud that fits the paper as well."""

    delay_ms: Number
    """Its constant part."""
    mbit_per_s: Number
    """Its rate, which follows."""
    edge_ms: list[Number]
    """Delay at the edge, at the volumes of `PaperRun.volumes`."""
    cloud_ms: list[Number]
    """The same in the cloud."""


class Placed(Part):
    """A method in the paper's two places."""

    method: str
    edge_fps: Number
    cloud_fps: Number
    edge_ms: Number
    """Time of a picture on the edge's computer."""
    cloud_ms: Number


class PaperRun(Part):
    """CLIP-ISP's simulation."""

    fitted: Fitted
    timings: dict[str, Timing]
    """`edge fps`, `cloud fps`, `edge delay`, `cloud delay`."""
    readings: list[Reading]
    """The first one is that of the fit."""
    volumes: list[int]
    """Pictures sent at once."""
    families: list[Family]
    """The first one is the fit."""
    sensitivities: list[Sensitivity]
    placed: list[Placed]
    """Every profiled method, with the fitted computers."""


class Capacity(Part):
    """Cameras that a box carries."""

    method: str
    size: str
    """Height x width in pixels."""
    frame_ms: Number
    """Mean time of a frame on the box."""
    bound: Number
    """Cameras at which the box is at work all the time."""
    cameras: int
    """Most cameras found with no more than one frame in a hundred late or lost."""
    more: bool
    """Whether more were not tried."""


class RingLoad(Part):
    """A ring with a number of cameras; boxes and cloud are so fast that only links count."""

    cameras: int
    whole: Number
    """Share of frames late or lost, 0 to 1."""
    cut: Number
    """The same with one link cut."""
    whole_load: Number
    """Share of the time in which the busiest link is busy."""
    cut_load: Number


class Crossing(Part):
    """When the cloud wins for one method: an idle network, one frame."""

    method: str
    size: str
    edge_ms: Number
    """Age when enhanced and in the control room, enhanced at the edge."""
    cloud_ms: Number
    """The same in the cloud, over the scenario's uplink."""
    rate: Number | None
    """Rate of the uplink at which both are equal; None where the cloud loses at any rate."""


class Crowd(Part):
    """Both places with a number of cameras."""

    cameras: int
    edge_p95: Number | None
    """95th percentile of the age of enhanced frames in the control room."""
    cloud_p95: Number | None
    edge_late: Number
    """Share of frames late or lost, 0 to 1."""
    cloud_late: Number


class Design(Part):
    """A designer's answers, for the first scenario."""

    scenario: str
    settings: dict[str, Fact]
    """Of that mine, with rates in 10^6 bit/s; what the calculator of the report begins with."""
    capacity: list[Capacity]
    ring_bound: Number
    """Cameras at which a link of the whole ring is always busy."""
    cut_bound: Number
    """The same with one link cut."""
    camera_mbit_per_s: Number
    """What a camera sends through the ring on average, video and frames."""
    ring: list[RingLoad]
    crossings: list[Crossing]
    crowd: list[Crowd]


class MethodTime(Part):
    """What the calculator of the report needs of a method."""

    small: tuple[int, Number] = Field(strict=False)
    """Pixels and milliseconds at the smallest profiled size."""
    large: tuple[int, Number] = Field(strict=False)
    """The same at the largest."""


class SimulationResult(ResultFile):
    """`reports/simulation.json`."""

    FILES: ClassVar[str] = "simulation.json"

    mines: dict[str, Mine]
    """By scenario."""
    paper: PaperRun
    design: Design | None = None
    """None where no scenario is set."""
    times: dict[str, MethodTime]
    """By profiled method, on the profiled machine."""
    speeds: dict[str, Number]
    """Of every computer, as multiples of the profiled machine."""
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "simulation.json"
