"""Queues against what queueing theory says of them: Poisson arrivals, so that Pollaczek and Khinchine's formula holds."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from scenes import median, mine

from lle.iovt.mine import simulate
from lle.iovt.plan import Work
from lle.iovt.stations import Computer, Line

RATE = 50.0
"""Frames a second."""
LOAD = 0.7


def within(values: np.ndarray, expected: float, batches: int = 40) -> bool:
    """Whether the expectation lies in the 99.7 % interval of the mean, from means of batches, which hardly depend on each other."""
    means = values[: len(values) // batches * batches].reshape(batches, -1).mean(axis=1)
    return abs(means.mean() - expected) < 3 * means.std(ddof=1) / math.sqrt(batches)


@pytest.mark.parametrize("spread", [0.0, 0.7], ids=["M/D/1", "M/G/1"])
def test_a_box_waits_as_pollaczek_and_khinchine_say(spread: float):
    service = LOAD / RATE
    box = Work(median(service, spread), spread)
    run = simulate(mine(box, fps=RATE, arrivals="poisson", seconds=1500.0), seed=2)
    assert run.shown == run.made > 70_000
    wait = LOAD * service * (1 + spread**2) / (2 * (1 - LOAD))
    ages = np.asarray(run.ready)
    assert within(ages, wait + service)
    assert not within(ages, 1.2 * wait + service), "the test is too weak to see an error of a fifth"


def test_a_computer_is_an_mm1_queue():
    random, computer = Random(3), Computer()
    now, ages = 0.0, []
    for _ in range(200_000):
        now += random.expovariate(RATE)
        done = computer.work(now, random.expovariate(RATE / LOAD))
        assert done is not None
        ages.append(done - now)
    assert within(np.array(ages), 1 / (RATE / LOAD - RATE))


def test_a_computer_with_places_is_an_mmc_queue():
    places, offered = 4, 3.0  # load 0.75
    random, computer = Random(4), Computer(places)
    now, ages = 0.0, []
    for _ in range(200_000):
        now += random.expovariate(RATE)
        done = computer.work(now, random.expovariate(RATE / offered))
        assert done is not None
        ages.append(done - now)
    below = sum(offered**k / math.factorial(k) for k in range(places))
    full = offered**places / math.factorial(places) / (1 - offered / places)
    erlang_c = full / (below + full)
    assert within(np.array(ages), erlang_c / (places * RATE / offered - RATE) + offered / RATE)


def test_a_link_is_an_md1_queue_of_frames():
    bits, random = 1e6, Random(5)
    line = Line(RATE * bits / LOAD)
    now, ages = 0.0, []
    for _ in range(200_000):
        now += random.expovariate(RATE)
        passage = line.send(now, now, bits)
        assert passage is not None
        ages.append(passage.tail - now)
    service = LOAD / RATE
    assert within(np.array(ages), service + LOAD * service / (2 * (1 - LOAD)))


def test_a_full_buffer_drops():
    line = Line(1e6, buffer=1.5)
    assert [line.send(0, 0, 1e6) is None for _ in range(4)] == [False, False, True, True]
    computer = Computer(1, buffer=1.5)
    assert [computer.work(0, 1) is None for _ in range(4)] == [False, False, True, True]


def test_packets_of_a_frame_cross_links_together():
    """Over links of one rate, a frame takes its length once and one packet for each further link."""
    bits, rate = 100 * 12304, 1e8
    first, second = Line(rate), Line(rate)
    one = first.send(0, 0, bits)
    assert one is not None
    two = second.send(*one, bits)
    assert two is not None
    assert two.tail == pytest.approx(bits / rate + 12304 / rate)
    # A faster link does not end before its last packet has come, and is not held longer than it sends.
    fast = Line(10 * rate)
    three = fast.send(*one, bits)
    assert three is not None
    assert three.tail == pytest.approx(bits / rate + 12304 / (10 * rate))
    assert fast.busy == pytest.approx(bits / (10 * rate))
    # A slower one takes its own time from the first packet on.
    slow = Line(rate / 10)
    four = slow.send(*one, bits)
    assert four is not None
    assert four.tail == pytest.approx(12304 / rate + 10 * bits / rate)
