"""A live stream for a long time, with a camera that has every trouble: does it come back, and does it stay as small as it was?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from lle.errors import LleError
from lle.files import significant
from lle.infer.darkness import Gate
from lle.infer.enhancer import Enhancer
from lle.infer.frames import Frames
from lle.infer.stream import Camera
from lle.infer.stream_run import run
from lle.infer.stream_target import StreamSettings
from lle.measure.camera_process import camera_process, troubled
from lle.measure.memory_growth import growth, resident
from lle.measure.synthetic_camera import Step
from lle.provenance import provenance
from lle.results.video import Live

STEPS = (Step("runs", 50.0), Step("stalls", 25.0), Step("resized", 20.0), Step("corrupt", 20.0), Step("gone", 5.0))
"""Two minutes, again and again; it is silent for longer than the watchdog waits."""
SIZE, OTHER = (360, 640), (240, 320)


def measure(
    name: str,
    enhancer: Enhancer,
    reports: Path = Path("reports"),
    minutes: float = 30.0,
    steps: Sequence[Step] = STEPS,
    settings: StreamSettings | None = None,
    size: tuple[int, int] = SIZE,
    on_line: Callable[[str], None] | None = None,
) -> Live:
    """Streams the synthetic camera through a method and writes `benchmarks/live.json`.

    The camera and the viewer run in a process of their own, so that the memory is that of the stream.

    Args:
        name: of the method.
        enhancer: does the work.
        reports: receives the file.
        minutes: for how long.
        steps: what the camera does, again and again.
        settings: of the stream.
        size: of the camera's frames, height and width.
        on_line: receives what `lle stream` would say every second.

    Raises:
        LleError: nothing came through.
    """
    memory: list[float] = []
    threads: list[int] = []

    def look() -> None:
        memory.append(resident())
        threads.append(threading.active_count())

    with camera_process(troubled, tuple(steps), size, OTHER if size == SIZE else size) as here:
        source, target = here.recv()
        camera = Camera(name, source, target, Frames(enhancer, Gate(), smooth=0.5), settings)
        run([camera], on_line or (lambda _: None), seconds=60 * minutes, on_second=look)
        here.send("stop")
        filmed, gap = here.recv()
    counters = camera.counters
    if not counters.latencies or len(memory) < 2:
        raise LleError("no frame came through in that time. Give it more minutes.")
    names = ("received", "sent", "dropped", "lit", "damaged", "unsent", "restarts")
    record = {
        "method": name,
        "minutes": minutes,
        "steps": {step.what: step.seconds for step in steps},
        "filmed": filmed,
        "counters": {key: int(getattr(counters, key)) for key in names},
        "latency_median_ms": significant(1000 * (counters.latency(0.5) or 0)),
        "latency_p99_ms": significant(1000 * (counters.latency(0.99) or 0)),
        "longest_gap_s": significant(gap),
        "memory": growth(memory).plain(),
        "threads_early": threads[len(threads) // 10],
        "threads_late": threads[-1],
        "provenance": provenance(seed=0, data_digest=None, command=f"lle benchmark live {name} --minutes {minutes:g}"),
    }
    result = Live.of(record)
    result.write(Live.path(reports))
    return result
