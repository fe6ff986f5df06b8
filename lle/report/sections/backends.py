"""How fast each method is on each backend, from bytes to bytes."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from lle.report import parts
from lle.report.sections import Section
from lle.results.backends import Backends, BackendTime, MethodTimes
from lle.results.read import Results

READS = (Backends.FILES,)

HEADS = ("Method", "Backend", "Precision", "ms", "Times SCI", "Times as fast as torch", "Memory, MB", "PSNR to torch, dB")


def section(reports: Path, results: Results) -> Section | None:
    """Shows the table, each method's fastest backend first in it, or None where nothing was measured."""
    path = Backends.path(reports)
    if not path.is_file():
        return None
    found = Backends.read(path)
    rows = [_row(results.title(name), time) for name, method in _by_speed(found) for time in _ordered(method)]
    untrained = sorted(results.title(name) for name, method in found.methods.items() if not method.trained and name in results.cards)
    remark = (
        f"One picture of {found.size} (height × width) at a time on {found.threads} threads of {found.provenance.machine}, conversion from "
        "and to bytes included; medians of calls that take turns. `Times SCI` is the ratio to SCI on the same backend in the same rounds: "
        "it can be compared between machines, and milliseconds cannot."
    )
    if untrained:
        remark += f" Measured with untrained weights: {', '.join(untrained)}."
    shown = [parts.paragraph(remark), parts.table("Latency by backend and precision", HEADS, rows, text=(1, 2))]
    return Section("backends", "Speed by backend", Markup().join(shown), menu="Backends", order=135)


def _by_speed(found: Backends) -> list[tuple[str, MethodTimes]]:
    def fastest(entry: tuple[str, MethodTimes]) -> float:
        best = entry[1].fastest()
        return float("inf") if best is None or best.ms is None else float(best.ms)

    return sorted(found.methods.items(), key=fastest)


def _ordered(method: MethodTimes) -> list[BackendTime]:
    return sorted(method.times, key=lambda time: float("inf") if time.ms is None else float(time.ms))


def _row(title: str, time: BackendTime) -> tuple[str, ...]:
    if time.ms is None:
        return (title, time.backend, time.precision, f"– {time.missing}", "–", "–", "–", "–")
    numbers = (time.ratio_to_sci, time.speed_up, time.memory_mb, time.psnr)
    return (title, time.backend, time.precision, f"{time.ms:.4g}", *("–" if value is None else f"{value:.3g}" for value in numbers))
