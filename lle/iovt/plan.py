"""A scenario with everything looked up: sizes in bytes, times in seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lle.config.iovt import IovtConfig, ScenarioConfig
from lle.errors import ConfigError, LleError
from lle.results.cost import Profile


def seconds_of(profile: Profile, size: tuple[int, int]) -> float:
    """Returns how long the profiled machine takes for a picture.

    Between profiled sizes it is interpolated, logarithms of time over logarithms of pixels; outside of them it is proportional to the
    pixels.

    Args:
        profile: of the method.
        size: height and width in pixels.

    Raises:
        LleError: the profile holds no latency.
    """
    known = sorted(
        (int(height) * int(width), timing.median / 1000)
        for text, timing in (profile.latency_ms or {}).items()
        if timing is not None and timing.median > 0
        for height, width in [text.split("x")]
    )
    if not known:
        raise LleError(f"the profile of {profile.method} has no latency, which the simulation draws from: lle profile {profile.method}")
    pixels = size[0] * size[1]
    below = [one for one in known if one[0] <= pixels]
    above = [one for one in known if one[0] >= pixels]
    if not below or not above:
        at, seconds = (below or above)[-1 if below else 0]
        return seconds * pixels / at
    (p0, t0), (p1, t1) = below[-1], above[0]
    if p0 == p1:
        return t0
    share = math.log(pixels / p0) / math.log(p1 / p0)
    return math.exp((1 - share) * math.log(t0) + share * math.log(t1))


def profile_of(profiles: Mapping[str, Profile], method: str, key: str) -> Profile:
    """Returns the profile of a method.

    Args:
        profiles: by method.
        method: its id.
        key: the setting that names it, for the message.

    Raises:
        ConfigError: it was not profiled.
    """
    if method not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise ConfigError(f"{key}: '{method}' is not profiled (profiled: {known}). Run `lle profile {method}`, or name another method.")
    return profiles[method]


@dataclass(frozen=True)
class Work:
    """A computer at work on one method.

    Attributes:
        seconds: median time of a frame.
        spread: standard deviation over mean.
        places: frames at once.
        buffer: longest wait in seconds.
    """

    seconds: float
    spread: float = 0.1
    places: int = 1
    buffer: float = math.inf

    @property
    def mean(self) -> float:
        """Mean time of a frame: above the median, for times are drawn from a lognormal distribution."""
        return self.seconds * math.sqrt(1 + self.spread**2)


@dataclass(frozen=True)
class Plan:
    """What a simulation needs.

    Attributes:
        scenario: as it is set.
        payload: mean bytes of a frame before it is enhanced.
        payload_spread: standard deviation over mean.
        growth: bytes of an enhanced frame over those before.
        video: bits per second on the wire of a camera's video to the control room.
        edge: the computer of a box.
        cloud: the computer in the cloud.
    """

    scenario: ScenarioConfig
    payload: float
    payload_spread: float
    growth: float
    video: float
    edge: Work
    cloud: Work


def plan(config: IovtConfig, scenario: ScenarioConfig, profiles: Mapping[str, Profile], speeds: Mapping[str, float]) -> Plan:
    """Looks up what a scenario names.

    Args:
        config: all settings of the simulation.
        scenario: one of its scenarios, or one like them.
        profiles: by method.
        speeds: of every computer, as multiples of the profiled machine.

    Raises:
        ConfigError: the method was not profiled.
    """
    from lle.iovt.stations import wire_bits

    codec = config.codecs[scenario.codec]
    pixels = scenario.size[0] * scenario.size[1]
    alone = seconds_of(profile_of(profiles, scenario.method, "iovt.scenarios: method"), scenario.size)
    video = 0.0
    if scenario.video is not None:
        video = wire_bits(config.codecs[scenario.video].bits_per_pixel * pixels / 8) * scenario.video_fps

    def work(name: str) -> Work:
        computer = config.computers[name]
        return Work(alone / speeds[name], computer.spread, computer.places, computer.buffer_ms / 1000)

    return Plan(
        scenario=scenario,
        payload=codec.bits_per_pixel * pixels / 8,
        payload_spread=codec.spread,
        growth=codec.growth,
        video=video,
        edge=work(scenario.edge),
        cloud=work(scenario.cloud),
    )
