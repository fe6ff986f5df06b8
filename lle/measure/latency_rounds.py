"""How far the latency of one model varies on one machine: the suite is timed in rounds, with pauses between them.

A shared machine is quick in one hour and slow in another, and not with every kind of work alike. The regression gate takes the
spread from here, so that it calls slower only what is slower than that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lle.config.schema import BaseParams
from lle.measure.callers import torch_threads
from lle.measure.cost import timings
from lle.measure.method import open_method
from lle.provenance import provenance
from lle.results.cost import LatencyRounds, TimedRound

LOG = logging.getLogger(__name__)


def measure(
    methods: Sequence[str],
    params: BaseParams,
    models: Path = Path("build/models"),
    reports: Path = Path("reports"),
    rounds: int = 5,
    pause: float = 60.0,
) -> LatencyRounds:
    """Times every method once a round, as `lle profile` does, and writes `benchmarks/latency.json` after each.

    Rounds that the file has of the same methods on the same hardware stay, so more of them can be added in another hour. What share of the
    cores other programs took stands beside each timing.

    Args:
        methods: their ids; none means the suite's.
        params: all settings.
        models: trained models.
        reports: receives the file.
        rounds: how many to time, at least one.
        pause: seconds between two rounds.

    Raises:
        LleError: a method is not trained.
    """
    names = list(methods or params.suite.methods)
    opened = {name: open_method(name, params, models)[0].method for name in names}
    origin = provenance(seed=None, data_digest=None, command="lle benchmark latency")
    path = LatencyRounds.path(reports)
    kept = _kept(path, names, origin)
    with torch_threads(params.profile.threads):
        for number in range(rounds):
            if number:
                time.sleep(pause)
            found: dict[str, Any] = {}
            for name, method in opened.items():
                latencies, yardstick_ms = timings(method.eval(), params.profile.sizes, params.profile.seconds)
                found[name] = TimedRound.model_validate({"latency_ms": latencies, "yardstick_ms": yardstick_ms})
            kept = {name: [*kept[name], found[name]] for name in names}
            _record(kept, origin).write(path)
            LOG.info("round %d of %d is written", number + 1, rounds)
    return _record(kept, origin)


def _kept(path: Path, names: list[str], origin: dict[str, Any]) -> dict[str, list[TimedRound]]:
    """Returns the rounds of a former run, where they are of the same methods on the same hardware."""
    if path.is_file():
        former = LatencyRounds.read(path)
        if set(former.methods) == set(names) and former.provenance.plain()["hardware"] == origin["hardware"]:
            return {name: list(former.methods[name]) for name in names}
    return {name: [] for name in names}


def _record(kept: dict[str, list[TimedRound]], origin: dict[str, Any]) -> LatencyRounds:
    methods = {name: [entry.plain() for entry in entries] for name, entries in kept.items()}
    return LatencyRounds.of({"rounds": len(next(iter(kept.values()))), "methods": methods, "provenance": origin})
