"""How fast methods are by backend, and which backend is the fastest on a machine."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from lle.results.base import Number, Part, ResultFile
from lle.results.provenance import Provenance


class BackendTime(Part):
    """One method on one backend at one precision."""

    backend: str
    """`torch`, `torch channels_last`, `torchscript`, `onnxruntime` or `openvino`."""
    precision: str
    ms: Number | None
    """Median milliseconds a picture, from bytes to bytes; None where it does not run."""
    runs: int | None = None
    threads: int | None = None
    """Of the processor, where they are not those of the whole table."""
    ratio_to_sci: Number | None = None
    """As a multiple of SCI's time on the same backend at the same precision."""
    speed_up: Number | None = None
    """Times as fast as eager torch at fp32."""
    memory_mb: Number | None = None
    """Memory above that of the process during a call, 10^6 bytes."""
    psnr: Number | None = None
    """Of the result against eager torch's at fp32, dB; 100 where they are equal."""
    two_streams_per_s: Number | None = None
    """Pictures a second of two callers at once, each with half of the threads."""
    energy_j: Number | None = None
    """Joules a picture by the processor's own counter, idle power included; None where it cannot be read."""
    missing: str | None = None
    """Why it does not run."""


class MethodTimes(Part):
    """One method on every backend."""

    trained: bool
    """Whether the weights are trained; untrained ones take as long."""
    times: list[BackendTime]

    def fastest(self) -> BackendTime | None:
        """Returns the backend with the least time, None where none runs."""
        return min((time for time in self.times if time.ms is not None), key=lambda time: time.ms or 0, default=None)


class Backends(ResultFile):
    """`reports/benchmarks/backends.json`."""

    FILES: ClassVar[str] = "benchmarks/backends.json"

    size: str
    """Height x width of the picture."""
    threads: int
    methods: dict[str, MethodTimes]
    yardstick_ms: Number
    """Milliseconds of a fixed piece of work on the same machine; see `lle.measure.yardstick`."""
    provenance: Provenance

    @staticmethod
    def path(reports: Path) -> Path:
        """Returns where the file lies."""
        return Path(reports) / "benchmarks" / "backends.json"


class DeviceTime(Part):
    """One method on a device, in one way."""

    precision: str
    compiled: bool
    """By torch.compile."""
    batch: int
    """Pictures at once."""
    ms: Number | None
    """Median milliseconds a picture, from bytes to bytes, copies to the device and back included; None where it does not run."""
    runs: int | None = None
    ratio_to_sci: Number | None = None
    """As a multiple of SCI's time in the same way."""
    memory_mb: Number | None = None
    """Most memory of the device that tensors held, 10^6 bytes; None where the device does not tell."""
    psnr: Number | None = None
    """Of the first picture against eager torch's at fp32 on the device, dB; 100 where they are equal."""
    missing: str | None = None
    """Why it does not run."""


class DeviceSpeeds(ResultFile):
    """`reports/benchmarks/device_<device>.json`."""

    FILES: ClassVar[str] = "benchmarks/device_*.json"

    device: str
    """Its name."""
    size: str
    """Height x width of the pictures."""
    methods: dict[str, list[DeviceTime]]
    provenance: Provenance

    @staticmethod
    def path(reports: Path, device: str) -> Path:
        """Returns where the file of a kind of device lies."""
        return Path(reports) / "benchmarks" / f"device_{device}.json"


class Tuned(ResultFile):
    """`build/tuned/<method>.json`: the fastest way to run a model on this machine."""

    FILES: ClassVar[str] = "*.json"

    method: str
    model: str
    """Digest of settings and weights; another model has to be measured again."""
    cpu: str
    """Processor on which it was measured."""
    size: str
    file: str | None
    """The exported file beside this one; None where the method in torch is the fastest."""
    backend: str
    threads: int
    times: list[BackendTime]

    @staticmethod
    def path(folder: Path, method: str) -> Path:
        """Returns where the file of a method lies."""
        return Path(folder) / f"{method}.json"
