"""How far the latency of one model varies on one machine: the suite is timed in rounds, with pauses between them.

A shared machine is quick in one hour and slow in another, and not with every kind of work alike. The regression gate takes the
spread from here, so that it calls slower only what is slower than that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from lle.config.schema import BaseParams
from lle.measure.callers import torch_threads
from lle.measure.cost import parameters, timings
from lle.measure.method import open_method
from lle.provenance import provenance
from lle.results.cost import LatencyRounds

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

    What the file has from the same hardware stays, that of other methods too, so more rounds can be added in another hour; a method whose
    number of parameters has changed since begins anew. What share of the cores other programs took stands beside each timing.

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
    opened = {name: open_method(name, params, models)[0].method for name in methods or params.suite.methods}
    path = LatencyRounds.path(reports)
    with torch_threads(params.profile.threads):
        origin = provenance(seed=None, data_digest=None, command="lle benchmark latency")
        former = LatencyRounds.read(path).plain() if path.is_file() else None
        timed = former["methods"] if former is not None and former["provenance"]["hardware"] == origin["hardware"] else {}
        counts = {name: parameters(method) for name, method in opened.items()}
        for name, count in counts.items():
            timed[name] = [entry for entry in timed.get(name, ()) if entry.get("parameters", count) == count]
        for number in range(rounds):
            if number:
                time.sleep(pause)
            for name, method in opened.items():
                latencies, yardstick_ms = timings(method.eval(), params.profile.sizes, params.profile.seconds)
                timed[name].append({"latency_ms": latencies, "yardstick_ms": yardstick_ms, "parameters": counts[name]})
            found = LatencyRounds.written({"methods": timed, "provenance": origin}, path)
            LOG.info("round %d of %d is written", number + 1, rounds)
    return found
