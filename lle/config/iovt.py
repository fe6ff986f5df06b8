"""Settings of the simulated mine network. The source of every default stands in docs/simulation.md."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from lle.config.base import Strict
from lle.config.ranges import Unit

Place = Literal["edge", "cloud"]


class LinkConfig(Strict):
    """A link, full duplex; frames wait for it in the order in which they come."""

    mbit_per_s: float = Field(gt=0)
    """Rate in 10^6 bit/s."""
    delay_ms: float = Field(0.0, ge=0)
    """Time from one end to the other, beside that of sending, in milliseconds."""
    loss: float = Field(0.0, ge=0, lt=1)
    """Share of packets that are lost; a frame that misses one is lost."""
    buffer_ms: float = Field(200.0, gt=0)
    """A frame that would wait longer for the link is dropped."""


class CodecConfig(Strict):
    """How large pictures are."""

    bits_per_pixel: float = Field(gt=0)
    """Mean over the frames of a dark picture."""
    spread: float = Field(0.2, ge=0)
    """Standard deviation of a frame's size over its mean."""
    growth: float = Field(1.0, gt=0)
    """Size of a frame after it was enhanced over its size before: enhancement makes noise visible, which costs bits."""


class ComputerConfig(Strict):
    """A computer that enhances."""

    speed: float | None = Field(None, gt=0)
    """How many times as fast it is as the machine of reports/profile; null takes what makes the paper's frame rates."""
    places: int = Field(1, ge=1)
    """Frames that it enhances at once, each at that speed."""
    spread: float = Field(0.1, ge=0)
    """Standard deviation of a frame's time over its mean; profiles have no more than a median."""
    buffer_ms: float = Field(2000.0, gt=0)
    """A frame that would wait longer is dropped."""


class FailureConfig(Strict):
    """A link of the ring, or a box, that fails for a while."""

    at_s: float = Field(ge=0)
    """Second at which it fails."""
    until_s: float
    """Second at which it works again."""
    link: int | None = Field(None, ge=0)
    """Link `i` is between switch `i` and the next one."""
    box: int | None = Field(None, ge=0)
    """The box at this switch."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.link is None) == (self.box is None):
            raise ValueError("a failure names either `link` or `box`")
        if self.until_s <= self.at_s:
            raise ValueError("`until_s` must be after `at_s`")
        return self


class ScenarioConfig(Strict):
    """A mine: cameras at edge boxes, a box at every switch of a ring, the control room at switch 0, and the cloud behind it."""

    title: str = "A mine"
    """Heading in the report."""
    place: Place = "edge"
    """Where dark frames are enhanced."""
    method: str = "clip_isp"
    """Method that enhances them; it must have been profiled."""
    cameras: int = Field(48, ge=1)
    """Cameras; they are dealt out to the boxes one by one."""
    switches: int = Field(8, ge=1)
    """Switches of the ring, each with its box."""
    size: tuple[int, int] = (720, 1280)
    """Height and width of the frames, in pixels."""
    fps: float = Field(1.0, gt=0)
    """Frames that a camera hands to the gate each second; each of them is an event."""
    arrivals: Literal["regular", "poisson"] = "regular"
    """Regular in time, each camera with an offset of its own, or at random, as where motion triggers them."""
    codec: str = "jpeg"
    """How these frames are coded."""
    video: str | None = "h264"
    """How the video is coded that runs to the control room all the time; null sends none."""
    video_fps: float = Field(25.0, gt=0)
    """Frames of that video each second."""
    duty: Unit = 0.4
    """Share of frames that the gate finds dark; the others are not enhanced."""
    dark_s: float = Field(20.0, gt=0)
    """Mean length of a dark period of a camera, in seconds."""
    access: LinkConfig = LinkConfig(mbit_per_s=100.0, delay_ms=0.01)
    """Link from a camera to its box."""
    ring: LinkConfig = LinkConfig(mbit_per_s=1000.0, delay_ms=0.02)
    """Links between switches."""
    uplink: LinkConfig = LinkConfig(mbit_per_s=100.0, delay_ms=20.0)
    """Link from the control room to the cloud and, the other way, back."""
    edge: str = "edge"
    """Computer of every box."""
    cloud: str = "cloud"
    """Computer in the cloud."""
    reroute_ms: float = Field(50.0, ge=0)
    """Time after which the ring sends frames the other way round a failed link."""
    limit_ms: float = Field(1000.0, gt=0)
    """Age above which a frame in the control room is late."""
    seconds: float = Field(60.0, gt=0)
    """Simulated time."""
    failures: tuple[FailureConfig, ...] = ()
    """What fails."""

    @model_validator(mode="after")
    def _in_the_ring(self) -> Self:
        for one in self.failures:
            number = one.link if one.link is not None else one.box
            if number is not None and number >= self.switches:
                raise ValueError(f"failures: there is no number {number} in a ring of {self.switches} switches; they begin at 0")
        return self


class PaperConfig(Strict):
    """What is assumed where CLIP-ISP's simulation is fitted; the paper states none of it."""

    method: str = "clip_isp"
    """Method whose frame rates are fitted."""
    size: tuple[int, int] = (400, 600)
    """Height and width of the pictures, in pixels."""
    edge_mbit_per_s: float = Field(1000.0, gt=0)
    """Rate of the network that leads to the edge, in 10^6 bit/s."""
    cloud_delay_ms: float = Field(20.0, ge=0, le=230)
    """Constant part of the delay to the cloud, in milliseconds."""


class IovtConfig(Strict):
    """The simulated mine network: `lle simulate`."""

    codecs: dict[str, CodecConfig] = Field(
        {
            "raw": CodecConfig(bits_per_pixel=24.0, spread=0.0),
            "png": CodecConfig(bits_per_pixel=7.3, growth=2.3),
            "jpeg": CodecConfig(bits_per_pixel=1.0, growth=2.8),
            "h264": CodecConfig(bits_per_pixel=0.064),
            "h265": CodecConfig(bits_per_pixel=0.045),
        }
    )
    """How large pictures are, by codec; sections that are written here replace all of the default ones."""
    computers: dict[str, ComputerConfig] = Field(
        {
            "cpu": ComputerConfig(speed=1.0),
            "edge": ComputerConfig(),
            "cloud": ComputerConfig(places=8),
            "gpu": ComputerConfig(speed=200.0),
        }
    )
    """Computers by name; `edge` and `cloud` are those whose speed is fitted."""
    paper: PaperConfig = PaperConfig()
    """What is assumed where CLIP-ISP's simulation is fitted."""
    capacity_methods: tuple[str, ...] = ("sci", "unet", "zero_dce", "clip_isp")
    """Methods whose number of cameras a box is sought."""
    capacity_sizes: tuple[tuple[int, int], ...] = ((400, 600), (720, 1280), (1080, 1920))
    """Heights and widths at which it is."""
    scenarios: dict[str, ScenarioConfig] = Field(default_factory=dict)
    """Mines that are simulated; the first one is also the mine about which the designer's questions are asked."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, scenario in self.scenarios.items():
            for key, wanted, known in (
                ("codec", scenario.codec, self.codecs),
                ("video", scenario.video, self.codecs),
                ("edge", scenario.edge, self.computers),
                ("cloud", scenario.cloud, self.computers),
            ):
                if wanted is not None and wanted not in known:
                    raise ValueError(f"scenarios.{name}.{key}: '{wanted}' is unknown; known: {', '.join(known)}")
        for name in ("edge", "cloud"):
            if name not in self.computers:
                raise ValueError(f"computers: '{name}' is missing: its speed is fitted to the paper")
        for name, computer in self.computers.items():
            if computer.speed is None and name not in ("edge", "cloud"):
                raise ValueError(f"computers.{name}.speed: only the speeds of `edge` and `cloud` can be fitted; give a number")
        return self
