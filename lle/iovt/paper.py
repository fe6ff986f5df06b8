"""CLIP-ISP's simulation (its section IV-D) made again: four figures are printed, and the network behind them is not.

The four are fitted under the one reading found that needs no cloud slower than the edge: the pictures of 40 cameras are sent at once, the
`delay` is the time until the last of them is there, and each camera sends its next picture when its last one is enhanced, so that
frames per second = 1 / (delay + time of a picture on the computer). `readings` gives the others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import numpy as np

from lle.config.iovt import IovtConfig
from lle.iovt.mine import lognormal
from lle.iovt.plan import profile_of, seconds_of
from lle.iovt.stations import OVERHEAD, PAYLOAD, Line, packets, root, short, wire_bits
from lle.results.cost import Profile
from lle.results.simulation import Family, Fitted, PaperRun, Placed, Reading, Sensitivity, Timing

EDGE_FPS, CLOUD_FPS = 15.16, 3.63
"""Frames per second, as printed."""
EDGE_DELAY, CLOUD_DELAY = 9.7e-3, 248.4e-3
"""Seconds for 40 pictures, as printed."""
PICTURES = 40
VOLUMES = (1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60)
OTHER_DELAYS_MS = (0.0, 100.0, 200.0)
"""Further constant parts of the delay to the cloud, each with the rate that fits."""
ROUNDS = 200
SIZE_SPREAD = 0.2
"""Standard deviation of a picture's bytes over their mean, in simulated rounds."""
COMPUTE_SPREAD = 0.1


@dataclasses.dataclass(frozen=True)
class Network:
    """The paper's two ways.

    Attributes:
        payload: bytes of a picture.
        edge_rate: bits per second of the way to the edge, over which pictures for the cloud go too.
        cloud_rate: of the way from there to the cloud.
        cloud_delay: its constant part, in seconds.
        edge: mean seconds of a picture on the edge's computer.
        cloud: on the cloud's.
        pictures: sent at once.
    """

    payload: float
    edge_rate: float
    cloud_rate: float
    cloud_delay: float
    edge: float
    cloud: float
    pictures: int = PICTURES

    def delays(self, random: Random | None = None) -> tuple[float, float]:
        """Returns the seconds until the last picture is at the edge, and in the cloud.

        Args:
            random: draws the pictures' sizes; None gives all the mean.
        """
        near, far = Line(self.edge_rate), Line(self.cloud_rate, self.cloud_delay)
        edge = cloud = 0.0
        for _ in range(self.pictures):
            bits = wire_bits(self.payload * (1.0 if random is None else lognormal(random, SIZE_SPREAD)))
            passage = near.send(0.0, 0.0, bits)
            assert passage is not None  # these lines drop nothing
            edge = passage.tail
            onward = far.send(*passage, bits)
            assert onward is not None
            cloud = onward.tail
        return edge, cloud

    def rates(self) -> tuple[float, float]:
        """Returns the frames per second of a camera at the edge, and in the cloud."""
        edge, cloud = self.delays()
        return 1 / (edge + self.edge), 1 / (cloud + self.cloud)


def picture_bytes(bits: float) -> float:
    """Returns the bytes of a picture that takes this many bits on the wire, the inverse of `wire_bits`."""
    number = packets(bits / 8 * PAYLOAD / (PAYLOAD + OVERHEAD))
    return bits / 8 - OVERHEAD * number


def fit(edge_rate: float, cloud_delay: float) -> Network:
    """Returns the network that comes to the printed figures.

    Args:
        edge_rate: bits per second of the way to the edge.
        cloud_delay: constant part of the delay to the cloud, in seconds; below the printed delay.
    """
    payload = picture_bytes(EDGE_DELAY * edge_rate / PICTURES)

    def network(rate: float) -> Network:
        return Network(payload, edge_rate, rate, cloud_delay, 1 / EDGE_FPS - EDGE_DELAY, 1 / CLOUD_FPS - CLOUD_DELAY)

    rate = root(lambda rate: CLOUD_DELAY - network(rate).delays()[1], 1e5, 1e11)
    assert rate is not None  # between 0.1 Mbit/s and 100 Gbit/s lies one for any constant delay that leaves time for the pictures
    return network(rate)


def readings() -> list[Reading]:
    """Returns what the printed figures say of the computers, read in three ways; the first is that of the fit."""
    found = {
        "a picture waits until all 40 are there (the fit)": (EDGE_DELAY, CLOUD_DELAY),
        "the frame rates are those of the computers alone": (0.0, 0.0),
        "pictures are sent one by one, each for a fortieth of the delay": (EDGE_DELAY / PICTURES, CLOUD_DELAY / PICTURES),
    }
    return [
        Reading(
            title=title,
            edge_ms=_ms(edge := 1 / EDGE_FPS - near),
            cloud_ms=_ms(cloud := 1 / CLOUD_FPS - far),
            cloud_speed=round(edge / cloud, 3),
        )
        for title, (near, far) in found.items()
    ]


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)


def _rounds(network: Network, seed: int) -> dict[str, Timing]:
    """Simulates rounds whose pictures differ in size and whose computers differ in time."""
    random = Random(f"{seed}/paper")
    delays = np.array([network.delays(random) for _ in range(ROUNDS)])
    work = np.array(
        [[network.edge * lognormal(random, COMPUTE_SPREAD), network.cloud * lognormal(random, COMPUTE_SPREAD)] for _ in range(ROUNDS)]
    )
    found = {}
    for column, (place, fps, delay) in enumerate((("edge", EDGE_FPS, EDGE_DELAY), ("cloud", CLOUD_FPS, CLOUD_DELAY))):
        spent = delays[:, column] + work[:, column]
        found[f"{place} fps"] = _timing(fps, ROUNDS / float(spent.sum()), 1 / spent)
        found[f"{place} delay"] = _timing(1000 * delay, 1000 * float(delays[:, column].mean()), 1000 * delays[:, column])
    return found


def _timing(claimed: float, simulated: float, values: np.ndarray) -> Timing:
    low, high = np.quantile(values, [0.025, 0.975])
    return Timing(claimed=round(claimed, 4), simulated=round(simulated, 3), low=round(float(low), 3), high=round(float(high), 3))


PARAMETERS: dict[str, tuple[str, float]] = {
    "bytes of a picture": ("payload", 1.0),
    "rate to the edge, Mbit/s": ("edge_rate", 1e-6),
    "rate to the cloud, Mbit/s": ("cloud_rate", 1e-6),
    "constant delay to the cloud, ms": ("cloud_delay", 1e3),
    "time on the edge's computer, ms": ("edge", 1e3),
    "time on the cloud's computer, ms": ("cloud", 1e3),
    "pictures sent at once": ("pictures", 1.0),
}
"""What is varied: name, attribute of `Network`, and factor to the unit that is shown."""


def sensitivities(network: Network) -> list[Sensitivity]:
    """Returns how the frame rates move with every parameter, and where the cloud would be as fast as the edge."""
    found = []
    for name, (attribute, unit) in PARAMETERS.items():
        value = getattr(network, attribute)

        def changed(to: float, attribute: str = attribute) -> Network:
            whole: Any = max(1, round(to)) if attribute == "pictures" else to
            return dataclasses.replace(network, **{attribute: whole})

        def lead(to: float, changed: Callable[[float], Network] = changed) -> float:
            edge, cloud = changed(to).rates()
            return edge - cloud

        turns = root(lead, value / 1000, value * (25 if attribute == "pictures" else 1000))
        found.append(
            Sensitivity(
                parameter=name,
                value=short(value * unit),
                halved=(short((half := changed(value / 2).rates())[0]), short(half[1])),
                doubled=(short((twice := changed(value * 2).rates())[0]), short(twice[1])),
                turns=None if turns is None else short(turns * unit),
            )
        )
    return found


def _family(network: Network) -> Family:
    delays = [dataclasses.replace(network, pictures=number).delays() for number in VOLUMES]
    return Family(
        delay_ms=_ms(network.cloud_delay),
        mbit_per_s=short(network.cloud_rate / 1e6),
        edge_ms=[_ms(edge) for edge, _ in delays],
        cloud_ms=[_ms(cloud) for _, cloud in delays],
    )


def paper_run(config: IovtConfig, profiles: Mapping[str, Profile], seed: int) -> PaperRun:
    """Fits the paper's figures, simulates them, and says how much they hang on what was assumed.

    Args:
        config: all settings of the simulation.
        profiles: by method.
        seed: from which everything random follows.

    Raises:
        ConfigError: the method whose frame rates are fitted was not profiled.
    """
    paper = config.paper
    network = fit(paper.edge_mbit_per_s * 1e6, paper.cloud_delay_ms / 1000)
    here = seconds_of(profile_of(profiles, paper.method, "iovt.paper.method"), paper.size)
    placed = []
    for method, profile in sorted(profiles.items()):
        alone = seconds_of(profile, paper.size) / here
        own = dataclasses.replace(network, edge=network.edge * alone, cloud=network.cloud * alone)
        edge, cloud = own.rates()
        placed.append(Placed(method=method, edge_fps=short(edge), cloud_fps=short(cloud), edge_ms=_ms(own.edge), cloud_ms=_ms(own.cloud)))
    others = [fit(network.edge_rate, delay / 1000) for delay in OTHER_DELAYS_MS if delay != paper.cloud_delay_ms]
    return PaperRun(
        fitted=Fitted(
            picture_bytes=round(network.payload),
            bits_per_pixel=short(8 * network.payload / (paper.size[0] * paper.size[1])),
            cloud_mbit_per_s=short(network.cloud_rate / 1e6),
            edge_ms=_ms(network.edge),
            cloud_ms=_ms(network.cloud),
            edge_speed=short(here / network.edge),
            cloud_speed=short(here / network.cloud),
            assumed={"rate to the edge, Mbit/s": paper.edge_mbit_per_s, "constant delay to the cloud, ms": paper.cloud_delay_ms},
        ),
        timings=_rounds(network, seed),
        readings=readings(),
        volumes=list(VOLUMES),
        families=[_family(one) for one in (network, *others)],
        sensitivities=sensitivities(network),
        placed=placed,
    )
