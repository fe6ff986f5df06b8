"""What calls a backend: one caller or two at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

WARM_UPS = 3
"""Calls after which a backend has compiled what it compiles for pictures that keep their size."""
Run = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""From N x H x W x 3 bytes to the same."""


def two_streams(load: Callable[[int], Run], threads: int, picture: NDArray[np.uint8], seconds: float) -> float:
    """Returns the pictures a second of two callers at once, as for two cameras.

    Args:
        load: opens the backend for as many threads.
        threads: that both share.
        picture: 1 x H x W x 3.
        seconds: for which they are called, and at least twice.
    """
    with torch_threads(max(1, threads // 2)):
        runs = [load(max(1, threads // 2)) for _ in range(2)]
        for run in WARM_UPS * runs:
            run(picture)
        begin = time.perf_counter()

        def work(run: Run) -> int:
            done = 0
            while done < 2 or time.perf_counter() - begin < seconds:
                run(picture)
                done += 1
            return done

        with ThreadPoolExecutor(2) as pool:
            done = sum(pool.map(work, runs))
        return float(f"{done / (time.perf_counter() - begin):.3g}")


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Sets torch's threads for a block; threads of Python that are started in it take them over."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
