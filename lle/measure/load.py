"""How much of the machine other programs take while something is timed."""

from __future__ import annotations

import os
import time
from importlib.util import find_spec
from types import TracebackType

QUIET = 0.1
"""Share of the cores that others may take beside a timing that is judged: with two cores, a fifth of one."""


def is_quiet(others: float | None) -> bool:
    """Returns whether other programs left the cores alone, by the share that they took; not, where it is not known."""
    return others is not None and others <= QUIET


class Others:
    """Measures, over a block, the share of the machine's cores that other programs, or other guests of its host, took.

    Attributes:
        share: 0 to 1, set at the end of the block; None where psutil, which reads it, is not installed.
    """

    share: float | None = None

    def __enter__(self) -> Others:
        self._begun = self._read()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        busy, own, wall = (after - before for before, after in zip(self._begun, self._read(), strict=True))
        cores = os.cpu_count() or 1
        # The kernel counts in hundredths of a second, so a short block may give a little less than nothing.
        self.share = min(1.0, max(0.0, (busy - own) / (wall * cores))) if find_spec("psutil") else None

    @staticmethod
    def _read() -> tuple[float, float, float]:
        """Seconds since the start: of all cores at work, of this process and its ended children, and of the clock."""
        if find_spec("psutil") is None:
            return 0.0, 0.0, 0.0
        import psutil

        times, own = psutil.cpu_times(), psutil.Process().cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        # Time of virtual machines below this one is in `user` already.
        whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return whole - idle, sum((own.user, own.system, own.children_user, own.children_system)), time.perf_counter()
