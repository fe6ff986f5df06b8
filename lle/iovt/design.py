"""What a designer asks: how many cameras a box carries, where the ring saturates, when the cloud wins."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lle.config.iovt import FailureConfig, IovtConfig, ScenarioConfig
from lle.iovt.mine import Run, Simulation, simulate
from lle.iovt.plan import Plan, Work, plan
from lle.iovt.stations import Line, root, short, wire_bits
from lle.results.base import Fact
from lle.results.cost import Profile
from lle.results.simulation import Capacity, Crossing, Crowd, Design, RingLoad

LATE = 0.01
"""Share of frames that may be late or lost where a box is said to carry its cameras."""
FRAMES = 3000
"""Frames of one simulation of a crowd."""
LONG, SHORT = 240.0, 60.0
"""Simulated seconds in a search, near the bound and far from it, where no queue lasts."""
MOST = 128
"""Cameras a box beyond which no more are tried."""
RING_SHARES = (0.3, 0.45, 0.6, 0.8, 0.95, 1.1)
"""Numbers of cameras that are simulated on the ring, over that at which one of its links is always busy."""
RING_SECONDS = 5.0
CROWD = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""Numbers of cameras that are simulated in both places, over those of the scenario."""
FAST = Work(1e-5, 0.0, 1)
"""A computer that takes no time."""


def idle_age(mine: Plan, place: str, uplink: float) -> float:
    """Returns the age in the control room of an enhanced frame of mean size and time, from a camera there, in an idle mine, in seconds.

    Args:
        mine: what it is like.
        place: `edge` or `cloud`.
        uplink: rate of the link to the cloud, bits per second.
    """
    scenario = mine.scenario
    bits = wire_bits(mine.payload)
    access = Line(scenario.access.mbit_per_s * 1e6, scenario.access.delay_ms / 1000)
    access.share(mine.video)
    passage = access.send(0.0, 0.0, bits)
    assert passage is not None  # an idle link drops nothing
    if place == "edge":
        return passage.tail + mine.edge.mean
    up, back = (Line(uplink, scenario.uplink.delay_ms / 1000) for _ in range(2))
    there = up.send(*passage, bits)
    assert there is not None
    done = there.tail + mine.cloud.mean
    shown = back.send(done, done, wire_bits(mine.payload * mine.growth))
    assert shown is not None
    return shown.tail


def late_share(run: Run, limit: float) -> float:
    """Returns the share of the frames made that came later than `limit` seconds after, or never."""
    late = sum(1 for ages in (run.dark, run.lit) for age in ages if age > limit)
    return (run.made - run.shown + late) / run.made if run.made else 0.0


class Designer:
    """Asks about one mine.

    Args:
        config: all settings of the simulation.
        scenario: the mine.
        profiles: by method.
        speeds: of every computer, as multiples of the profiled machine.
        seed: from which everything random follows.
    """

    def __init__(
        self, config: IovtConfig, scenario: ScenarioConfig, profiles: Mapping[str, Profile], speeds: Mapping[str, float], seed: int
    ) -> None:
        self.config = config
        self.scenario = scenario.model_copy(update={"failures": ()})
        self.profiles = profiles
        self.speeds = speeds
        self.seed = seed

    def plan(self, **changes: Any) -> Plan:
        """Returns the mine with other settings."""
        return plan(self.config, self.scenario.model_copy(update=changes), self.profiles, self.speeds)

    def answer(self, name: str) -> Design:
        """Returns all answers.

        Args:
            name: of the scenario.
        """
        per_camera = self.camera_bits(self.plan(place="edge"))
        whole, cut = (self.ring_bound(per_camera, failed) for failed in (False, True))
        return Design(
            scenario=name,
            settings=self.settings(),
            capacity=[
                self.capacity(method, size)
                for method in self.config.capacity_methods
                if method in self.profiles
                for size in self.config.capacity_sizes
            ],
            ring_bound=short(whole),
            cut_bound=short(cut),
            camera_mbit_per_s=short(per_camera / 1e6),
            ring=[self.ring(max(1, round(share * whole))) for share in RING_SHARES],
            crossings=[
                self.crossing(method, size) for method in sorted(self.profiles) for size in dict.fromkeys(((400, 600), self.scenario.size))
            ],
            crowd=[self.crowd(max(1, round(share * self.scenario.cameras))) for share in CROWD],
        )

    def settings(self) -> dict[str, Fact]:
        """Returns what the report's calculator begins with."""
        one, config = self.scenario, self.config
        codec = config.codecs[one.codec]
        return {
            "method": one.method,
            "size": f"{one.size[0]}x{one.size[1]}",
            "cameras": one.cameras,
            "switches": one.switches,
            "fps": one.fps,
            "duty": one.duty,
            "bits_per_pixel": codec.bits_per_pixel,
            "growth": codec.growth,
            "video": short(self.plan().video / 1e6),
            "access": one.access.mbit_per_s,
            "ring": one.ring.mbit_per_s,
            "uplink": one.uplink.mbit_per_s,
            "uplink_ms": one.uplink.delay_ms,
            "edge_speed": short(self.speeds[one.edge]),
            "edge_places": config.computers[one.edge].places,
            "cloud_speed": short(self.speeds[one.cloud]),
            "cloud_places": config.computers[one.cloud].places,
            "spread": config.computers[one.edge].spread,
        }

    def capacity(self, method: str, size: tuple[int, int]) -> Capacity:
        """Finds how many cameras one box carries, alone at the control room's switch.

        The number at which it would always be at work is a bound; below it, simulations halve the range.
        """
        base = self.plan(method=method, size=size, switches=1, place="edge", cameras=1)
        per_camera = self.scenario.fps * self.scenario.duty * base.edge.mean
        bound = base.edge.places / per_camera if per_camera else math.inf

        def fits(cameras: int) -> bool:
            seconds = LONG if cameras > bound / 2 else SHORT
            settings = base.scenario.model_copy(update={"cameras": cameras, "seconds": seconds})
            run = simulate(dataclasses.replace(base, scenario=settings), self.seed)
            return late_share(run, self.scenario.limit_ms / 1000) <= LATE

        high = min(MOST, max(1, math.floor(bound)))
        found = high if fits(high) else _most(fits, high)
        return Capacity(
            method=method,
            size=f"{size[0]}x{size[1]}",
            frame_ms=short(1000 * base.edge.mean),
            bound=short(min(bound, 1e6)),
            cameras=found,
            more=found == MOST,
        )

    def camera_bits(self, mine: Plan) -> float:
        """Returns the bits per second that a camera sends through the ring: its video, and its frames, enhanced where they are dark."""
        duty = self.scenario.duty
        dark = wire_bits(mine.payload * mine.growth) if mine.scenario.place == "edge" else wire_bits(mine.payload)
        return mine.video + self.scenario.fps * (duty * dark + (1 - duty) * wire_bits(mine.payload))

    def _failures(self, failed: bool) -> tuple[FailureConfig, ...]:
        return (FailureConfig(at_s=0.0, until_s=1e9, link=0),) if failed and self.scenario.switches > 1 else ()

    def ring_bound(self, per_camera: float, failed: bool) -> float:
        """Returns the cameras at which the busiest link of the ring is always busy: the fuller of those that end at switch 0."""
        count = self.scenario.switches
        if count == 1:
            return math.inf
        share = (count - 1 if failed else count // 2) / count
        return self.scenario.ring.mbit_per_s * 1e6 / (per_camera * share)

    def ring(self, cameras: int) -> RingLoad:
        """Simulates the ring, whole and with its first link cut."""
        shares, loads = [], []
        for failed in (False, True):
            mine = self.plan(place="edge", cameras=cameras, seconds=RING_SECONDS, reroute_ms=0.0)
            mine = dataclasses.replace(mine, edge=FAST)
            simulation = Simulation(mine, self.seed)
            if failed:
                for line in (simulation.down[0], simulation.upward[0]):
                    line.fail()
                simulation.route()
            run = simulation.run()
            shares.append(late_share(run, self.scenario.limit_ms / 1000))
            loads.append(max(load for name, load in run.lines.items() if name.startswith("ring")))
        return RingLoad(cameras=cameras, whole=short(shares[0]), cut=short(shares[1]), whole_load=short(loads[0]), cut_load=short(loads[1]))

    def crossing(self, method: str, size: tuple[int, int]) -> Crossing:
        """Returns the age of a frame in an idle mine, enhanced in either place, and the uplink's rate at which both are equal."""
        mine = self.plan(method=method, size=size)
        uplink = self.scenario.uplink.mbit_per_s * 1e6
        edge, cloud = idle_age(mine, "edge", uplink), idle_age(mine, "cloud", uplink)
        rate = root(lambda rate: idle_age(mine, "cloud", rate) - edge, 1e5, 1e12)
        return Crossing(
            method=method,
            size=f"{size[0]}x{size[1]}",
            edge_ms=short(1000 * edge),
            cloud_ms=short(1000 * cloud),
            rate=None if rate is None else short(rate / 1e6),
        )

    def crowd(self, cameras: int) -> Crowd:
        """Simulates both places with a number of cameras."""
        runs = {}
        for place in ("edge", "cloud"):
            seconds = max(FRAMES / (cameras * self.scenario.fps), 20.0)
            runs[place] = simulate(self.plan(place=place, cameras=cameras, seconds=seconds), self.seed)
        limit = self.scenario.limit_ms / 1000
        return Crowd(
            cameras=cameras,
            edge_p95=_p95(runs["edge"]),
            cloud_p95=_p95(runs["cloud"]),
            edge_late=short(late_share(runs["edge"], limit)),
            cloud_late=short(late_share(runs["cloud"], limit)),
        )


def _most(fits: Callable[[int], bool], high: int) -> int:
    """Returns the greatest number below `high` that fits, by halving; to a twentieth of `high`."""
    low = 0
    while high - low > max(1, high // 20):
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def _p95(run: Run) -> float | None:
    return short(1000 * float(np.quantile(run.dark, 0.95))) if len(run.dark) else None
