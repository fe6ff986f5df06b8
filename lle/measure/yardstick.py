"""A fixed piece of work whose duration says how fast the machine is right now.

A latency divided by it can be compared between machines of one kind, and between a quiet and a busy hour, which a latency
in milliseconds cannot: the regression gate does so.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch.nn import functional as F

RUNS = 9


def measure(threads: int | None = None, runs: int = RUNS) -> float:
    """Times two convolutions, a matrix product and element-wise work, the mixture that enhancement networks are made of.

    Call it in the process and with the threads of the latencies it is to be compared with.

    Args:
        threads: CPU threads; None leaves them as they are.
        runs: timed runs; the fastest half counts, because other programs can only slow a run down.

    Returns:
        Milliseconds.
    """
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 200, 300, generator=generator)
    first = torch.rand(16, 3, 3, 3, generator=generator) - 0.5
    second = torch.rand(16, 16, 3, 3, generator=generator) - 0.5
    matrix = torch.rand(384, 384, generator=generator)
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        seconds = []
        with torch.inference_mode():
            for run in range(runs + 2):
                start = time.perf_counter()
                features = F.conv2d(F.relu(F.conv2d(picture, first, padding=1)), second, padding=1)
                torch.sigmoid(features).mul_(features).sum()
                torch.mm(matrix, matrix)
                if run >= 2:  # the first ones pay for memory and kernels
                    seconds.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
    return 1000 * statistics.mean(sorted(seconds)[: (runs + 1) // 2])
