"""What a method costs: parameters, multiply-accumulates, latency, memory; and how fast it trains.

Multiply-accumulates (MACs) are counted with torch's own formulas (`torch.utils.flop_counter`) for every convolution, matrix product
and attention that runs, functional ones included; they count two operations for each. Element-wise work, normalisation and resizing count
nothing, as in the tables of the papers. Latency and memory are measured, so they belong to the machine that is named beside them.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from lle.engine.method import Method
from lle.infer.memory import give_back
from lle.measure import yardstick
from lle.measure.callers import torch_threads
from lle.measure.load import Others
from lle.results.cost import Profile

SIZES = ((400, 600), (256, 256))
WARM_UPS = 10
RUNS = 50
FEWEST_RUNS = 3
TIME_LIMIT = 4.0
"""Seconds that the timed runs of one size may take; a slow method gets fewer runs, which the result says."""
SPEED = ("iterations", "seconds", "images_per_s", "data_wait_share", "wait_shares")
"""What a training's record says of its speed."""
CLASSICAL = "not a network: it computes in numpy and OpenCV, where there are no multiply-accumulates to count"


def parameters(method: Method) -> int:
    """Counts the parameters used at test time: those of `method.network`, or 0 for a method without one."""
    return 0 if method.network is None else sum(parameter.numel() for parameter in method.network.parameters())


class _Counter(TorchDispatchMode):
    """Sums the operations of all that runs inside it; torch's own counter does the same but loads its compiler first, for 5 s."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # True is the default, and makes torch wrap the next function in a part of that compiler.
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.operations += formula(*args, **(kwargs or {}), out_val=result)
        return result


def macs(forward: Callable[[Tensor], Any], height: int, width: int, device: torch.device | str = "cpu") -> int:
    """Counts the multiply-accumulates of one picture.

    Args:
        forward: a network, or any function of a 1 x 3 x H x W tensor.
        height: of the picture, pixels.
        width: of the picture, pixels.
        device: where the tensors lie.
    """
    counter = _Counter()
    # Not inference mode: there, composite operations reach the counter whole, and some have no formula.
    with torch.no_grad(), counter:
        forward(torch.zeros(1, 3, height, width, device=device))
    return counter.operations // 2


def _device(method: Method) -> torch.device:
    return next((parameter.device for parameter in method.parameters()), torch.device("cpu"))


def accelerator(device: torch.device) -> str | None:
    """Returns the name of the GPU behind a device, None for the CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else None


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _picture(height: int, width: int, device: torch.device) -> Tensor:
    """A dark picture with structure and noise, the same each time: flat ones make some classical methods stop early."""
    rows, columns = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 0.02, (height, width, 3))
    values = np.clip(0.15 * rows + 0.15 * columns * np.array([1.0, 0.8, 0.6]) + noise, 0, 1)
    return torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)[None].contiguous().to(device)


def latency(
    run: Callable[[], Any], device: torch.device | None = None, runs: int = RUNS, warm_ups: int = WARM_UPS, limit: float = TIME_LIMIT
) -> tuple[float, int]:
    """Measures how long a call takes, from start to finished result.

    Args:
        run: the call.
        device: waited for after each call; None means the CPU, where there is nothing to wait for.
        runs: timed calls, fewer if they take longer than `limit`.
        warm_ups: calls before them, at least one, ended after a quarter of `limit`.
        limit: seconds.

    Returns:
        Median in milliseconds, and the number of timed calls, `FEWEST_RUNS` or more.
    """
    device = device or torch.device("cpu")
    start = time.perf_counter()
    for _ in range(max(1, warm_ups)):
        run()
        _wait(device)
        if time.perf_counter() - start > limit / 4:
            break
    seconds: list[float] = []
    start = time.perf_counter()
    while len(seconds) < FEWEST_RUNS or (len(seconds) < runs and time.perf_counter() - start < limit):
        begin = time.perf_counter()
        run()
        _wait(device)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds) * 1000, len(seconds)


def _resident(field: str) -> int:
    """Returns a field of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def peak_memory(run: Callable[[], Any], device: torch.device | None = None) -> float | None:
    """Measures how much memory a call needs above what the process holds before it, in MB (10^6 bytes).

    On a GPU, what torch's allocator counts. On Linux, the kernel's high-water mark of resident memory, set back before the
    call: it sees numpy's and OpenCV's arrays too, unlike torch's profiler. Memory that was freed but kept by the allocator would
    hide the need, so it is given back first. Call `run` once before, or one-time set-up counts as well.

    Returns:
        None where the system has no such mark.
    """
    if device is not None and device.type == "cuda":
        _wait(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        _wait(device)
        return (torch.cuda.max_memory_allocated(device) - before) / 1e6
    gc.collect()
    if not give_back():
        return None
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _resident("VmRSS")
        run()
        return max(0, _resident("VmHWM") - before) / 1e6
    except (OSError, KeyError):
        return None


def timings(
    method: Method, sizes: Sequence[tuple[int, int]], seconds: float = TIME_LIMIT
) -> tuple[dict[str, dict[str, Any]], float | None]:
    """Measures the latency of a method, with the threads that torch has now.

    Args:
        method: on the device where it is to be measured.
        sizes: heights and widths of the pictures.
        seconds: longest time for the timed runs of one size; see `latency`.

    Returns:
        By size such as `400x600` what `lle.results.cost.Latency` holds, and the milliseconds of the yardstick beside it; None on a GPU.
    """
    device = _device(method)
    found: dict[str, dict[str, Any]] = {}
    yardsticks: list[float] = []
    for height, width in sizes:
        picture = _picture(height, width, device)

        def run(picture: Tensor = picture) -> Tensor:
            return method.enhance(picture)

        with Others() as others:
            median, runs = latency(run, device, limit=seconds)
            # Beside each timing, so that both meet the same load; it is a piece of work for the CPU.
            yardsticks += [yardstick.measure(runs=5)] if device.type == "cpu" else []
        share = None if others.share is None else round(others.share, 3)
        timing = {"median": float(f"{median:.4g}"), "runs": runs, "threads": torch.get_num_threads(), "others": share}
        found[f"{height}x{width}"] = timing
    return found, float(f"{statistics.mean(yardsticks):.4g}") if yardsticks else None


def profile(
    method: Method,
    name: str,
    *,
    sizes: Sequence[tuple[int, int]] = SIZES,
    threads: int | None = None,
    out: Path = Path("reports"),
    provenance: Mapping[str, Any] | None = None,
    seconds: float = TIME_LIMIT,
    training: Mapping[str, Any] | None = None,
) -> Profile:
    """Measures what one method costs and writes `profile/<name>.json`.

    Args:
        method: on the device where it is to be measured.
        name: its id.
        sizes: heights and widths of the pictures.
        threads: of torch during the measurement; None leaves them.
        out: folder of the results.
        provenance: see `lle.provenance`.
        seconds: longest time for the timed runs of one size; see `latency`.
        training: the record of the method's training (`train.json`), None for one that was not trained.

    Returns:
        What the file holds.
    """
    device = _device(method)
    count = parameters(method)
    macs_by_size: dict[str, int | None] = {}
    memory_by_size: dict[str, float | None] = {}
    with torch_threads(threads or torch.get_num_threads()):
        for height, width in sizes:
            key = f"{height}x{width}"
            picture = _picture(height, width, device)

            def run(picture: Tensor = picture) -> Tensor:
                return method.enhance(picture)

            # The counted call is the warm-up of the memory's. On `meta` it would compute nothing, but load torch's compiler.
            counted = macs(method.eval(), height, width, device)
            macs_by_size[key] = counted if count else None
            memory = peak_memory(run, device)
            memory_by_size[key] = None if memory is None else round(memory, 1)
        timed, yardstick_ms = timings(method, sizes, seconds)
    result: dict[str, Any] = {
        "schema": Profile.SCHEMA,
        "method": name,
        "parameters": count,
        "macs": macs_by_size,
        "latency_ms": timed,
        "peak_memory_mb": memory_by_size,
        "train": None if training is None else {key: training[key] for key in SPEED if key in training},
        "provenance": dict(provenance or {}),
    }
    if not count:
        result["macs_missing"] = CLASSICAL
    if yardstick_ms is not None:
        result["yardstick_ms"] = yardstick_ms
    return Profile.written(result, Profile.path(out, name))


def throughput(step: Callable[[], int], *, seconds: float = 5.0, warm_ups: int = 2, device: torch.device | None = None) -> dict[str, float]:
    """Measures images per second of anything that works in steps: training steps, or a loader that is only read.

    Args:
        step: does one step and returns the number of images in it.
        seconds: how long to measure, at least one step.
        warm_ups: steps before that.
        device: waited for at the end of the measurement.

    Returns:
        `images_per_s`, `steps` and `seconds`.
    """
    device = device or torch.device("cpu")
    for _ in range(warm_ups):
        step()
    _wait(device)
    images = steps = 0
    start = time.perf_counter()
    while steps == 0 or time.perf_counter() - start < seconds:
        images += step()
        steps += 1
    _wait(device)
    elapsed = time.perf_counter() - start
    return {"images_per_s": float(f"{images / elapsed:.4g}"), "steps": steps, "seconds": float(f"{elapsed:.4g}")}
