"""Small mines for tests."""

from __future__ import annotations

import math
from typing import Any

from lle.config.iovt import LinkConfig, ScenarioConfig
from lle.iovt.plan import Plan, Work

FAST = LinkConfig(mbit_per_s=1e9)


def mine(edge: Work | None = None, cloud: Work | None = None, payload: float = 20_000.0, spread: float = 0.0, **settings: Any) -> Plan:
    """Returns a mine with one camera a switch, links of no length, and computers of 10 ms a frame, unless told otherwise."""
    ideal = {"access": FAST, "ring": FAST, "uplink": FAST, "switches": 1, "cameras": 1, "duty": 1.0, "seconds": 60.0}
    scenario = ScenarioConfig(**{**ideal, **settings})
    work = Work(0.01, 0.0)
    return Plan(scenario, payload, spread, 1.0, 0.0, edge or work, cloud or work)


def median(mean: float, spread: float) -> float:
    """Returns the median of a lognormal distribution with this mean and ratio of standard deviation to mean."""
    return mean / math.sqrt(1 + spread**2)
