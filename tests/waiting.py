"""Waiting for what other threads do."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait(until: Callable[[], bool], seconds: float = 20.0) -> None:
    """Returns when a condition holds; an AssertionError says that it did not in that time."""
    begun = time.monotonic()
    while not until():
        assert time.monotonic() - begun < seconds, "it took too long"
        time.sleep(0.02)
