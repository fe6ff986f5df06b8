"""How fast each method is on each backend, from bytes to bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from lle.report import parts
from lle.report.sections import Section
from lle.results.backends import Backends, BackendTime, DeviceSpeeds, DeviceTime, MethodTimes
from lle.results.read import Results

READS = (Backends.FILES, DeviceSpeeds.FILES)

HEADS = (
    "Method",
    "Backend",
    "Precision",
    "ms",
    "Times SCI",
    "Authors' code, times SCI",
    "Times as fast as torch",
    "Two streams, pictures/s",
    "Memory, MB",
    "Energy, J",
    "PSNR to torch, dB",
)
DEVICE_HEADS = ("Method", "Precision", "By", "At once", "ms", "Times SCI", "Memory, MB", "PSNR to fp32, dB")
AUTHORS: Mapping[str, tuple[float, float]] = {
    "sci": (11, 8.5),
    "zero_dce_pp": (14, 6),
    "ruas": (97, 118),
    "zero_dce": (483, 200),
    "iat": (708, 306),
    "retinexnet": (2250, 1067),
    "uretinex_net": (4898, 2182),
}
"""Milliseconds of the authors' code for one picture of 400 x 600, in eager torch and in ONNX Runtime, measured for this project on another
machine with two cores: they are shown as multiples of SCI's in the same measurement."""
_AUTHORS_BACKENDS = {"torch": 0, "onnxruntime": 1}


def section(reports: Path, results: Results) -> Section | None:
    """Shows the table, each method's fastest backend first in it, or None where nothing was measured."""
    path = Backends.path(reports)
    shown = [*(_processor(Backends.read(path), results) if path.is_file() else ()), *_devices(reports, results)]
    return Section("backends", "Speed by backend", Markup().join(shown), menu="Backends", order=135) if shown else None


def _devices(reports: Path, results: Results) -> list[Markup]:
    """Returns a table a device."""
    shown = []
    for path in sorted(reports.glob(DeviceSpeeds.FILES)):
        found = DeviceSpeeds.read(path)
        rows = [_device_row(results.title(name), time) for name, times in found.methods.items() for time in times]
        caption = f"{found.device}: pictures of {found.size}, copies to the device and back included, a picture's time"
        shown.append(parts.table(caption, DEVICE_HEADS, rows, text=(1, 2)))
    return shown


def _device_row(title: str, time: DeviceTime) -> tuple[str, ...]:
    head = (title, time.precision, "torch.compile" if time.compiled else "torch", str(time.batch))
    if time.ms is None:
        return (*head, f"– {time.missing}", "–", "–", "–")
    numbers = (time.ms, time.ratio_to_sci, time.memory_mb, time.psnr)
    return (*head, *("–" if value is None else f"{value:.4g}" for value in numbers))


def _processor(found: Backends, results: Results) -> list[Markup]:
    """Returns what is said of the backends of a processor, and the table."""
    rows = [_row(name, results.title(name), time) for name, method in _by_speed(found) for time in _ordered(method)]
    untrained = sorted(results.title(name) for name, method in found.methods.items() if not method.trained and name in results.cards)
    remark = (
        f"One picture of {found.size} (height × width) at a time on {found.threads} threads of {found.provenance.machine}, conversion from "
        "and to bytes included; medians of calls that take turns. `Times SCI` is the ratio to SCI on the same backend in the same rounds: "
        "it can be compared between machines, and milliseconds cannot. The authors' code was measured on another machine, so that its "
        "ratio to SCI's code there stands beside ours. Two streams: two callers at once, each with half of the threads."
    )
    if all(time.energy_j is None for method in found.methods.values() for time in method.times):
        remark += " Energy: this processor has no counter that can be read."
    if untrained:
        remark += f" Measured with untrained weights: {', '.join(untrained)}."
    return [parts.paragraph(remark), parts.table("Latency by backend and precision", HEADS, rows, text=(1, 2))]


def _by_speed(found: Backends) -> list[tuple[str, MethodTimes]]:
    def fastest(entry: tuple[str, MethodTimes]) -> float:
        best = entry[1].fastest()
        return float("inf") if best is None or best.ms is None else float(best.ms)

    return sorted(found.methods.items(), key=fastest)


def _ordered(method: MethodTimes) -> list[BackendTime]:
    return sorted(method.times, key=lambda time: float("inf") if time.ms is None else float(time.ms))


def authors(method: str, time: BackendTime) -> float | None:
    """Returns the time of the authors' code as a multiple of that of SCI's authors, in the same measurement; None where there is none."""
    place = _AUTHORS_BACKENDS.get(time.backend) if time.precision == "fp32" else None
    if place is None or method not in AUTHORS:
        return None
    return AUTHORS[method][place] / AUTHORS["sci"][place]


def _row(method: str, title: str, time: BackendTime) -> tuple[str, ...]:
    if time.ms is None:
        return (title, time.backend, time.precision, f"– {time.missing}", *["–"] * (len(HEADS) - 4))
    numbers = (
        time.ratio_to_sci,
        authors(method, time),
        time.speed_up,
        time.two_streams_per_s,
        time.memory_mb,
        time.energy_j,
        time.psnr,
    )
    return (title, time.backend, time.precision, f"{time.ms:.4g}", *("–" if value is None else f"{value:.3g}" for value in numbers))
