"""Costs as the tables show them: numbers of a profile, and how they are written."""

from __future__ import annotations

from lle.report.columns import COSTS, Column
from lle.results.cost import Profile, TrainingSpeed
from lle.results.read import Results

SIZE = "400x600"
"""Height x width at which the cost columns are measured."""
COST_HEADS = (
    "Parameters",
    f"GMACs {SIZE}",
    "GMACs 256x256",
    f"Latency ms {SIZE}",
    "Latency ms 256x256",
    f"Peak memory MB {SIZE}",
    "Threads",
    "Training images/s",
    "Waiting for data",
)
"""Heads of the table of costs, without the method's and the hardware's."""


def count(value: float) -> str:
    """Writes a number of parameters: exact up to 9999, then in thousands or millions."""
    if value < 10_000:
        return f"{value:.0f}"
    return f"{value / 1e3:.1f} k" if value < 1e6 else f"{value / 1e6:.2f} M"


def cost_text(column: Column, value: float) -> str:
    """Formats a cell of a cost column: three significant digits, because the costs span six powers of ten."""
    if column.key == "parameters":
        return count(value)
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def cost_of(profile: Profile | None, key: str) -> float | None:
    """Returns what a cost column shows of a profile, or None where it was not measured."""
    if profile is None:
        return None
    return {
        "parameters": None if profile.parameters is None else float(profile.parameters),
        "gmacs": profile.gmacs(SIZE),
        "latency": profile.latency(SIZE),
        "memory": profile.memory(SIZE),
    }[key]


def cost_rows(results: Results) -> list[tuple[str, tuple[str, ...], str]]:
    """Returns method, cells under `COST_HEADS` and hardware of every profile; a dash where nothing was measured."""
    rows = []
    for method, profile in results.profiles.items():
        timing, train = profile.timing(SIZE), profile.train or TrainingSpeed()
        shown = (
            profile.gmacs(SIZE),
            profile.gmacs("256x256"),
            profile.latency(SIZE),
            profile.latency("256x256"),
            profile.memory(SIZE),
        )
        wait, waits = train.data_wait_share, train.wait_shares
        cells = (
            "—" if profile.parameters is None else str(profile.parameters),
            *("—" if value is None else cost_text(COSTS[1], value) for value in shown),
            "—" if timing is None or timing.threads is None else str(timing.threads),
            "—" if train.images_per_s is None else cost_text(COSTS[1], train.images_per_s),
            "—" if wait is None else ", ".join([f"{100 * wait:.1f} %", *(f"{name} {100 * share:.1f} %" for name, share in waits.items())]),
        )
        rows.append((method, cells, profile.provenance.machine))
    return rows


def throughput_rows(results: Results) -> list[tuple[str, str, str, str]]:
    """Returns crop size, training and loader images per second, and their quotient, from `throughput.json`."""
    rows = []
    for crop, found in sorted(results.throughput.crops.items() if results.throughput is not None else ()):
        values = (found.training_images_per_s, found.loader_images_per_s, found.loader_per_training)
        training, loader, quotient = ("—" if value is None else f"{value:g}" for value in values)
        rows.append((crop, training, loader, quotient))
    return rows
