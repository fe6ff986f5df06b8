"""Where frames wait: links and computers, first come first served.

Both say when a frame will be through at the moment at which it comes: of a queue in order of arrival that follows from what is in it
already. So a frame costs one event a station, and packets cost none.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import NamedTuple

PAYLOAD = 1460
"""Bytes of a frame in one packet: an MTU of 1500 less the headers of IPv4 (20), UDP (8) and RTP (12)."""
OVERHEAD = 78
"""Further bytes a packet takes on the wire: these headers (40), preamble (8), Ethernet's header (14), its check (4) and the gap (12)."""
PACKET_BITS = 8 * (PAYLOAD + OVERHEAD)
"""Bits of a full packet on the wire."""


def packets(payload: float) -> int:
    """Returns the packets of a frame.

    Args:
        payload: its bytes.
    """
    return max(1, math.ceil(payload / PAYLOAD))


def short(value: float) -> float:
    """Returns a value with four significant digits."""
    return float(f"{value:.4g}")


def wire_bits(payload: float) -> float:
    """Returns the bits that a frame takes on an Ethernet wire, gaps between packets included.

    Args:
        payload: its bytes.
    """
    return 8 * (payload + OVERHEAD * packets(payload))


def root(function: Callable[[float], float], low: float, high: float) -> float | None:
    """Returns where a monotone function is 0, by bisection of the logarithm; None where its sign does not change."""
    if function(low) * function(high) > 0:
        return None
    rising = function(high) > 0
    for _ in range(80):
        middle = (low * high) ** 0.5
        if (function(middle) > 0) == rising:
            high = middle
        else:
            low = middle
    return (low * high) ** 0.5


class Passage(NamedTuple):
    """When a frame comes out of a link, in seconds: its first packet, and its last."""

    head: float
    tail: float


class Line:
    """One direction of a link.

    A switch sends a packet on as soon as it has it, so a frame of many packets crosses several links at once. Here a frame is a flow
    between the arrival of its first packet and that of its last: on a link that is faster than the one before, it is sent at the
    link's own rate, as late as lets it end one packet after it has come. Packets of different frames are not interleaved.

    Args:
        rate: bits per second.
        delay: seconds from end to end.
        buffer: longest wait, in seconds.
    """

    def __init__(self, rate: float, delay: float = 0.0, buffer: float = math.inf) -> None:
        self.rate = rate
        self.free_rate = rate
        self.delay = delay
        self.buffer = buffer
        self.free = 0.0
        self.busy = 0.0
        self.up = True
        self.failures = 0

    def share(self, background: float) -> None:
        """Leaves to the frames what a constant flow does not take, at least a hundredth of the rate.

        Args:
            background: bits per second of that flow.
        """
        self.free_rate = max(self.rate - background, self.rate / 100)

    def send(self, head: float, tail: float, bits: float) -> Passage | None:
        """Sends a frame.

        Args:
            head: when its first packet has come to the link's beginning, in seconds.
            tail: when its last one has.
            bits: on the wire.

        Returns:
            When it comes out, or None where it is dropped.
        """
        # Conditions instead of `min` and `max`: this is where a simulation spends its time.
        length = bits / self.free_rate
        first = PACKET_BITS / self.free_rate if bits > PACKET_BITS else length
        last = tail + first - length
        ready = last if last > head else head
        start = self.free if self.free > ready else ready
        if start - ready > self.buffer:
            return None
        end = self.free = start + length
        self.busy += length
        return Passage(start + first + self.delay, end + self.delay)

    def fail(self) -> None:
        """Takes it down; what is on it is lost."""
        self.up = False
        self.failures += 1

    def repair(self, now: float) -> None:
        """Brings it up again, empty."""
        self.up = True
        self.free = now


class Computer:
    """Places that work on frames, each on one at a time.

    Args:
        places: how many.
        buffer: longest wait, in seconds.
    """

    def __init__(self, places: int = 1, buffer: float = math.inf) -> None:
        self.places = [0.0] * places
        self.buffer = buffer
        self.busy = 0.0
        self.up = True
        self.failures = 0

    def work(self, now: float, seconds: float) -> float | None:
        """Takes a frame.

        Args:
            now: when it comes, in seconds.
            seconds: that it takes.

        Returns:
            When it is done, or None where it is dropped.
        """
        free = self.places[0]
        start = free if free > now else now
        if start - now > self.buffer:
            return None
        heapq.heapreplace(self.places, start + seconds)
        self.busy += seconds
        return start + seconds

    def fail(self) -> None:
        """Stops it; what is in it is lost."""
        self.up = False
        self.failures += 1

    def repair(self, now: float) -> None:
        """Starts it again, empty."""
        self.up = True
        self.places = [now] * len(self.places)
