"""Energy that the processor has used, by its own counters (Linux, powercap), where the system lets them be read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lle.measure.callers import Run

POWERCAP = Path("/sys/class/powercap")
"""Folder of the counters; `intel-rapl:0` is the first processor, also of AMD. Virtual machines mostly have none, and most systems
let the administrator alone read them."""
SECONDS = 0.5
"""For which a backend is called while its energy is measured: the counter moves once a millisecond."""


def read(folder: Path = POWERCAP) -> dict[str, int] | None:
    """Returns the counters of all processors in microjoules, None where there are none that can be read."""
    found = {}
    for zone in sorted(folder.glob("intel-rapl:[0-9]")):
        try:
            found[zone.name] = int((zone / "energy_uj").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
    return found or None


def spent(before: Mapping[str, int], after: Mapping[str, int] | None, folder: Path = POWERCAP) -> float | None:
    """Returns the joules between two readings; a counter that began anew in between is taken on.

    Args:
        before: of `read`.
        after: of `read`, later.
        folder: of the counters.
    """
    if after is None or set(after) != set(before):
        return None
    total = 0
    for name, value in after.items():
        used = value - before[name]
        if used < 0:
            try:
                used += int((folder / name / "max_energy_range_uj").read_text(encoding="ascii"))
            except (OSError, ValueError):
                return None
        total += used
    return total / 1e6


def joules(calls: Mapping[int, Run], picture: NDArray[np.uint8]) -> dict[int, float]:
    """Returns joules a picture by runner, empty where the processor's counter cannot be read."""
    found = {}
    for key, run in calls.items():
        before = read()
        if before is None:
            return {}
        count, begin = 0, time.perf_counter()
        while count < 3 or time.perf_counter() - begin < SECONDS:
            run(picture)
            count += 1
        used = spent(before, read())
        if used is not None:
            found[key] = float(f"{used / count:.3g}")
    return found
