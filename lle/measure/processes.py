"""Processes of their own for benchmarks that start several, of which some hang or die."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext, SpawnContext

PRELOAD = ("lle.infer.enhancer", "lle.infer.files", "lle.measure.quality", "lle.data.prepare", "lle.measure.mutation_cases")
"""What the benchmarks import."""


def context() -> ForkServerContext | SpawnContext:
    """Returns a way to start processes that hold nothing of this one's memory, and whose libraries are imported once for all of them.

    Processes are copies of a server that has imported them, where the system can fork; elsewhere each imports them anew.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(list(PRELOAD))
    return found
