"""The mine as discrete events (SimPy): a frame is an event at every station, a packet is none."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from random import Random
from typing import cast

import simpy

from lle.config.iovt import FailureConfig, LinkConfig
from lle.iovt.plan import Plan, Work
from lle.iovt.stations import Computer, Line, packets, wire_bits

BINS = 60
"""Parts of the simulated time of which `Run.bins` keeps what became of their frames."""


class _Frame:
    """A frame on its way. `head` and `tail` are when its first and last packet came to where it is, in seconds."""

    __slots__ = ("bin", "bits", "camera", "dark", "enhanced", "failures", "head", "made", "payload", "ready", "station", "switch", "tail",
                 "work")  # fmt: skip

    def __init__(self, camera: _Camera, made: float, dark: bool, payload: float, work: float) -> None:
        self.camera = camera
        self.made = made
        self.dark = dark
        self.enhanced = False
        self.payload = payload
        self.bits = wire_bits(payload)
        self.bin: list[float] = []
        self.work = work
        self.ready = self.head = self.tail = made
        self.switch = camera.switch
        self.station: Line | Computer | None = None
        self.failures = 0


class _Camera:
    """A camera, its link and its light."""

    def __init__(self, number: int, plan: Plan, seed: int) -> None:
        scenario = plan.scenario
        self.plan = plan
        # A stream of its own: its frames are the same whatever becomes of those of other cameras.
        self.random = Random(f"{seed}/camera/{number}")
        self.switch = number % scenario.switches
        self.line = _line(scenario.access)
        self.line.share(plan.video)
        self.period = 1 / scenario.fps
        self.next = self.random.random() * self.period
        self.dark = self.random.random() < scenario.duty
        self.turn = self._period()

    def _period(self) -> float:
        """Returns how long the light stays as it is: at random, so that `duty` of the time is dark."""
        scenario = self.plan.scenario
        if scenario.duty in (0.0, 1.0):
            return math.inf
        mean = scenario.dark_s if self.dark else scenario.dark_s * (1 - scenario.duty) / scenario.duty
        return self.random.expovariate(1 / mean)

    def frame(self) -> _Frame:
        """Makes the next frame."""
        now = self.next
        while now >= self.turn:
            self.dark = not self.dark
            self.turn += self._period()
        gap = self.random.expovariate(1 / self.period) if self.plan.scenario.arrivals == "poisson" else self.period
        self.next = now + gap
        payload = self.plan.payload * lognormal(self.random, self.plan.payload_spread)
        return _Frame(self, now, self.dark, payload, self.random.gauss(0, 1))


def lognormal(random: Random, spread: float) -> float:
    """Draws from a lognormal distribution of mean 1.

    Args:
        random: where from.
        spread: its standard deviation.
    """
    if spread == 0:
        return 1.0
    variance = math.log1p(spread**2)
    return math.exp(random.gauss(0, math.sqrt(variance)) - variance / 2)


def _line(link: LinkConfig) -> Line:
    return Line(link.mbit_per_s * 1e6, link.delay_ms / 1000, link.buffer_ms / 1000)


@dataclass
class Run:
    """What came out of a simulation.

    Attributes:
        made: frames that cameras made.
        shown: frames that came to the control room.
        enhanced: of these, those that had been enhanced.
        lost: frames by what they were lost to.
        moving: frames of which neither is known; 0 after a whole run.
        dark: age in the control room of every frame that was enhanced, in seconds.
        lit: the same of frames that the gate let through as they were.
        ready: age of every enhanced frame when it was enhanced, in seconds.
        work: seconds in which places of boxes, by switch, and of the cloud under -1, were at work.
        lines: share of the time in which each link was busy, both directions of a link of the ring as `ring 0 down` and `ring 0 up`.
        bins: for each part of the time, frames made, shown and lost, and the sum of the ages of those shown, by when they were made.
        paths: switches to the control room from each switch, at the end; -1 where there is no way.
    """

    made: int = 0
    shown: int = 0
    enhanced: int = 0
    moving: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    dark: array[float] = field(default_factory=lambda: array("d"))
    lit: array[float] = field(default_factory=lambda: array("d"))
    ready: array[float] = field(default_factory=lambda: array("d"))
    work: dict[int, float] = field(default_factory=dict)
    lines: dict[str, float] = field(default_factory=dict)
    bins: list[list[float]] = field(default_factory=lambda: [[0, 0, 0, 0.0] for _ in range(BINS)])
    paths: list[int] = field(default_factory=list)


class Simulation:
    """One mine.

    Args:
        plan: what it is like.
        seed: from which everything random follows.
    """

    def __init__(self, plan: Plan, seed: int = 0) -> None:
        self.plan = plan
        scenario = plan.scenario
        self.env = simpy.Environment()
        self.out = Run()
        self.random = Random(f"{seed}/packets")
        self.cameras = [_Camera(number, plan, seed) for number in range(scenario.cameras)]
        self.boxes = [Computer(plan.edge.places, plan.edge.buffer) for _ in range(scenario.switches)]
        self.cloud = Computer(plan.cloud.places, plan.cloud.buffer)
        # Of link i, between switch i and the next: towards lower and towards higher numbers.
        self.down = [_line(scenario.ring) for _ in range(scenario.switches)]
        self.upward = [_line(scenario.ring) for _ in range(scenario.switches)]
        self.to_cloud, self.from_cloud = _line(scenario.uplink), _line(scenario.uplink)
        self.next: list[tuple[Line, int] | None] = []
        self.edge_sigma, self.cloud_sigma = (math.sqrt(math.log1p(work.spread**2)) for work in (plan.edge, plan.cloud))
        self.route()

    def run(self) -> Run:
        """Simulates until every frame that was made in the scenario's time has arrived or is lost."""
        for camera in self.cameras:
            self._emit(camera)
        for failure in self.plan.scenario.failures:
            self.env.process(self._failure(failure))
        self.env.run()
        return self._finish()

    def route(self) -> None:
        """Finds the way to switch 0 with the fewest links that work, and gives each link the video that takes it."""
        scenario, links = self.plan.scenario, range(self.plan.scenario.switches)
        count = scenario.switches
        self.next, self.out.paths = [None], [0]
        for switch in range(1, count):
            low = all(self.down[link].up for link in range(switch))
            high = all(self.upward[link].up for link in range(switch, count))
            if low and (switch <= count - switch or not high):
                self.next.append((self.down[switch - 1], switch - 1))
                self.out.paths.append(switch)
            elif high:
                self.next.append((self.upward[switch], (switch + 1) % count))
                self.out.paths.append(count - switch)
            else:
                self.next.append(None)
                self.out.paths.append(-1)
        load = {id(line): 0.0 for link in links for line in (self.down[link], self.upward[link])}
        for camera in self.cameras:
            switch = camera.switch
            while (hop := self.next[switch]) is not None:
                load[id(hop[0])] += self.plan.video
                switch = hop[1]
        for link in links:
            for line in (self.down[link], self.upward[link]):
                line.share(load[id(line)])

    def _failure(self, failure: FailureConfig) -> Generator[simpy.Event, None, None]:
        yield self.env.timeout(failure.at_s)
        if failure.box is not None:
            box = self.boxes[failure.box]
            box.fail()
            yield self.env.timeout(failure.until_s - failure.at_s)
            box.repair(self.env.now)
            return
        assert failure.link is not None  # the settings see to that
        pair = (self.down[failure.link], self.upward[failure.link])
        for line in pair:
            line.fail()
        reroute = self.plan.scenario.reroute_ms / 1000
        yield self.env.timeout(min(reroute, failure.until_s - failure.at_s))
        self.route()
        yield self.env.timeout(max(failure.until_s - self.env.now, 0))
        for line in pair:
            line.repair(self.env.now)
        yield self.env.timeout(reroute)
        self.route()

    def _at(self, when: float, handler: simpy.events.EventCallback, frame: _Frame) -> None:
        wait = when - self.env.now
        simpy.events.Timeout(self.env, wait if wait > 0 else 0.0, frame).callbacks.append(handler)

    def _emit(self, camera: _Camera) -> None:
        """Sends the camera's next frame to its box; its link is its own, so that one event is enough."""
        loss = self.plan.scenario.access.loss
        while camera.next < self.plan.scenario.seconds:
            frame = camera.frame()
            self.out.made += 1
            self.out.moving += 1
            frame.bin = self.out.bins[min(int(frame.made / self.plan.scenario.seconds * BINS), BINS - 1)]
            frame.bin[0] += 1
            passage = camera.line.send(frame.made, frame.made, frame.bits)
            if passage is None:
                self._lose(frame, "access link full")
            elif loss and self._missing(loss, frame):
                self._lose(frame, "packets")
            else:
                frame.head, frame.tail = passage
                self._at(frame.tail, self._arrive, frame)
                return

    def _arrive(self, event: simpy.Event) -> None:
        """A frame has come to the switch of its camera."""
        frame = cast(_Frame, event.value)
        self._emit(frame.camera)
        box = self.boxes[frame.switch]
        if frame.dark and self.plan.scenario.place == "edge" and box.up:
            self._work(box, self.plan.edge, self.edge_sigma, frame, self._at_box, "box full")
        else:
            # The gate sits here. Where a box is down, its dark frames go on to the cloud.
            self._forward(frame)

    def _work(self, computer: Computer, work: Work, sigma: float, frame: _Frame, handler: simpy.events.EventCallback, reason: str) -> None:
        done = computer.work(self.env.now, work.seconds * math.exp(sigma * frame.work))
        if done is None:
            self._lose(frame, reason)
            return
        frame.station, frame.failures = computer, computer.failures
        self._at(done, handler, frame)

    def _enhanced(self, frame: _Frame) -> None:
        frame.enhanced = True
        frame.payload *= self.plan.growth
        frame.bits = wire_bits(frame.payload)
        frame.head = frame.tail = frame.ready = self.env.now

    def _survived(self, frame: _Frame, reason: str) -> bool:
        station = frame.station
        if station is not None and station.failures != frame.failures:
            self._lose(frame, reason)
            return False
        return True

    def _at_box(self, event: simpy.Event) -> None:
        frame = cast(_Frame, event.value)
        if self._survived(frame, "box down"):
            self._enhanced(frame)
            self._forward(frame)

    def _forward(self, frame: _Frame) -> None:
        """Sends a frame on from its switch."""
        if frame.switch == 0:
            self._surface(frame)
            return
        hop = self.next[frame.switch]
        if hop is None:
            self._lose(frame, "no way")
            return
        line, switch = hop
        if self._send(line, self.plan.scenario.ring.loss, frame, "ring full"):
            frame.switch = switch
            self._at(frame.tail, self._hop, frame)

    def _send(self, line: Line, loss: float, frame: _Frame, full: str) -> bool:
        if not line.up:
            self._lose(frame, "link down")
            return False
        passage = line.send(frame.head, frame.tail, frame.bits)
        if passage is None:
            self._lose(frame, full)
            return False
        if loss and self._missing(loss, frame):
            self._lose(frame, "packets")
            return False
        frame.head, frame.tail = passage
        frame.station, frame.failures = line, line.failures
        return True

    def _hop(self, event: simpy.Event) -> None:
        frame = cast(_Frame, event.value)
        if self._survived(frame, "link down"):
            self._forward(frame)

    def _surface(self, frame: _Frame) -> None:
        """A frame has come to the control room's switch; what still is dark goes on to the cloud and back."""
        if not frame.dark or frame.enhanced:
            self._show(frame, frame.tail)
        elif self._send(self.to_cloud, self.plan.scenario.uplink.loss, frame, "uplink full"):
            self._at(frame.tail, self._in_cloud, frame)

    def _in_cloud(self, event: simpy.Event) -> None:
        self._work(self.cloud, self.plan.cloud, self.cloud_sigma, cast(_Frame, event.value), self._back, "cloud full")

    def _back(self, event: simpy.Event) -> None:
        frame = cast(_Frame, event.value)
        self._enhanced(frame)
        if self._send(self.from_cloud, self.plan.scenario.uplink.loss, frame, "uplink full"):
            self._show(frame, frame.tail)

    def _missing(self, loss: float, frame: _Frame) -> bool:
        """Draws whether at least one packet of a frame is lost."""
        return self.random.random() > (1 - loss) ** packets(frame.payload)

    def _show(self, frame: _Frame, when: float) -> None:
        out, age = self.out, when - frame.made
        out.moving -= 1
        out.shown += 1
        frame.bin[1] += 1
        frame.bin[3] += age
        if frame.enhanced:
            out.enhanced += 1
            out.dark.append(age)
            out.ready.append(frame.ready - frame.made)
        else:
            out.lit.append(age)

    def _lose(self, frame: _Frame, reason: str) -> None:
        self.out.moving -= 1
        self.out.lost[reason] += 1
        frame.bin[2] += 1

    def _finish(self) -> Run:
        out, seconds = self.out, self.plan.scenario.seconds
        out.work = {switch: box.busy for switch, box in enumerate(self.boxes)} | {-1: self.cloud.busy}
        for name, lines in (("down", self.down), ("up", self.upward)):
            for link, line in enumerate(lines):
                # What video takes of a link counts as busy too; a queue that outlasts the scenario makes it no busier than always.
                left = line.free_rate / line.rate
                out.lines[f"ring {link} {name}"] = 1 - left + left * min(line.busy / seconds, 1.0)
        out.lines["uplink"] = self.to_cloud.busy / seconds
        out.lines["downlink"] = self.from_cloud.busy / seconds
        return out


def simulate(plan: Plan, seed: int = 0) -> Run:
    """Simulates a mine.

    Args:
        plan: what it is like.
        seed: from which everything random follows; equal seeds give equal runs, and the frames of a camera are the same wherever they
            are enhanced.
    """
    return Simulation(plan, seed).run()
