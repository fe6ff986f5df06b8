"""How long `lle` takes to start, as a multiple of what Python itself takes: a ratio can be compared between machines, seconds cannot."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from lle.provenance import provenance
from lle.results.cost import Startup

COMMANDS = {
    "import lle": ("-c", "import lle"),
    "lle --help": ("-m", "lle.cli", "--help"),
    "lle methods": ("-m", "lle.cli", "methods"),
}
RUNS = 9


def measure(reports: Path = Path("reports"), runs: int = RUNS) -> Startup:
    """Times each command in turn with `python -c pass` and writes `benchmarks/startup.json`.

    Args:
        reports: receives the file.
        runs: of each; the median counts.

    Returns:
        What was written: by command the median seconds, and how many times as long as `python -c pass` that is.
    """
    python: list[float] = []
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    # The first round pays for files that are not in memory yet. In turn, so that what else the machine does hits all alike.
    for turn in range(runs + 1):
        found = {name: _seconds(arguments) for name, arguments in COMMANDS.items()}
        empty = _seconds(("-c", "pass"))
        if turn:
            python.append(empty)
            for name, value in found.items():
                seconds[name].append(value)
    base = statistics.median(python)
    record = Startup.of(
        {
            "python_s": float(f"{base:.3g}"),
            "commands": {
                name: {"seconds": float(f"{statistics.median(values):.3g}"), "ratio": float(f"{statistics.median(values) / base:.3g}")}
                for name, values in seconds.items()
            },
            "runs": runs,
            "provenance": provenance(seed=None, data_digest=None, command="lle benchmark startup"),
        }
    )
    record.write(Startup.path(reports))
    return record


def _seconds(arguments: tuple[str, ...]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
